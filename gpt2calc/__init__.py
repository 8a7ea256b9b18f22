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
from gpt2calc.loading import Preset, load, preset, presets

if TYPE_CHECKING:
    from gpt2calc.comparison import Comparison, compare
    from gpt2calc.diagnosis import Diagnosis, diagnose
    from gpt2calc.exercises import Sheet, exercise
    from gpt2calc.explanation import Explanation, explain
    from gpt2calc.formulas import Formulas, formula
    from gpt2calc.inspection import Inspection, inspect
    from gpt2calc.listing import TensorList, list_tensors
    from gpt2calc.shaping import Shapes, solve
    from gpt2calc.solving import Solutions, solve_for
    from gpt2calc.sweeping import Sweep, sweep
    from gpt2calc.verification import Verification, count_by_name, verify

__version__ = "0.1.0"

__all__ = [
    "SUBLAYERS",
    "Comparison",
    "Count",
    "Diagnosis",
    "Explanation",
    "Formulas",
    "GPT2Config",
    "Inspection",
    "Part",
    "Preset",
    "Shapes",
    "Sheet",
    "Solutions",
    "Sweep",
    "Tally",
    "Tensor",
    "TensorList",
    "UserError",
    "Verification",
    "compare",
    "count",
    "count_by_name",
    "diagnose",
    "exercise",
    "explain",
    "formula",
    "inspect",
    "list_tensors",
    "load",
    "named_shapes",
    "preset",
    "presets",
    "solve",
    "solve_for",
    "sweep",
    "tensors",
    "verify",
]

_IMPORTED_WHEN_ASKED_FOR = {
    "Comparison": "comparison",
    "Diagnosis": "diagnosis",
    "Explanation": "explanation",
    "Formulas": "formulas",
    "Inspection": "inspection",
    "Shapes": "shaping",
    "Sheet": "exercises",
    "Solutions": "solving",
    "Sweep": "sweeping",
    "TensorList": "listing",
    "Verification": "verification",
    "compare": "comparison",
    "count_by_name": "verification",
    "diagnose": "diagnosis",
    "exercise": "exercises",
    "explain": "explanation",
    "formula": "formulas",
    "inspect": "inspection",
    "list_tensors": "listing",
    "solve": "shaping",
    "solve_for": "solving",
    "sweep": "sweeping",
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
