"""Exactly how many parameters every sublayer of a GPT-2 has, from its config alone.

>>> from gpt2calc import count, load
>>> count(load("gpt2")).total
124439808
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gpt2calc.architecture import SUBLAYERS, Tensor, named_shapes, tensors
from gpt2calc.config import GPT2Config
from gpt2calc.counting import Count, Part, Tally, count
from gpt2calc.errors import UserError
from gpt2calc.presets import Preset, load, preset, presets

if TYPE_CHECKING:
    from gpt2calc.inspection import Inspection, inspect
    from gpt2calc.listing import TensorList, list_tensors
    from gpt2calc.verification import Verification, count_by_name, verify

__version__ = "0.1.0"

__all__ = [
    "SUBLAYERS",
    "Count",
    "GPT2Config",
    "Inspection",
    "Part",
    "Preset",
    "Tally",
    "Tensor",
    "TensorList",
    "UserError",
    "Verification",
    "count",
    "count_by_name",
    "inspect",
    "list_tensors",
    "load",
    "named_shapes",
    "preset",
    "presets",
    "tensors",
    "verify",
]

_IMPORTED_WHEN_ASKED_FOR = {
    "Inspection": "inspection",
    "TensorList": "listing",
    "Verification": "verification",
    "count_by_name": "verification",
    "inspect": "inspection",
    "list_tensors": "listing",
    "verify": "verification",
}
"""Names whose modules would slow down those who only count."""


def __getattr__(name: str) -> Any:
    if name in _IMPORTED_WHEN_ASKED_FOR:
        module = import_module(f"gpt2calc.{_IMPORTED_WHEN_ASKED_FOR[name]}")
        return getattr(module, name)
    raise AttributeError(f"module 'gpt2calc' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
