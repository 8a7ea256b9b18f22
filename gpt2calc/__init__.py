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
    from gpt2calc.lesson.exercises import Sheet, exercise
    from gpt2calc.lesson.explanation import Explanation, explain
    from gpt2calc.lesson.formulas import Formulas, formula
    from gpt2calc.listing import TensorList, list_tensors
    from gpt2calc.proof.inspection import Inspection, inspect
    from gpt2calc.proof.verification import Verification, count_by_name, verify
    from gpt2calc.what_if.comparison import Comparison, compare
    from gpt2calc.what_if.diagnosis import Diagnosis, diagnose
    from gpt2calc.what_if.shaping import Shapes, solve
    from gpt2calc.what_if.solving import Solutions, solve_for
    from gpt2calc.what_if.sweeping import Sweep, sweep

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
    "Comparison": "what_if.comparison",
    "Diagnosis": "what_if.diagnosis",
    "Explanation": "lesson.explanation",
    "Formulas": "lesson.formulas",
    "Inspection": "proof.inspection",
    "Shapes": "what_if.shaping",
    "Sheet": "lesson.exercises",
    "Solutions": "what_if.solving",
    "Sweep": "what_if.sweeping",
    "TensorList": "listing",
    "Verification": "proof.verification",
    "compare": "what_if.comparison",
    "count_by_name": "proof.verification",
    "diagnose": "what_if.diagnosis",
    "exercise": "lesson.exercises",
    "explain": "lesson.explanation",
    "formula": "lesson.formulas",
    "inspect": "proof.inspection",
    "list_tensors": "listing",
    "solve": "what_if.shaping",
    "solve_for": "what_if.solving",
    "sweep": "what_if.sweeping",
    "verify": "proof.verification",
}
"""Names whose modules would slow down those who only count."""


def __getattr__(name: str) -> Any:
    if name in _IMPORTED_WHEN_ASKED_FOR:
        module = import_module(f"gpt2calc.{_IMPORTED_WHEN_ASKED_FOR[name]}")
        return getattr(module, name)
    raise AttributeError(f"module 'gpt2calc' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
