"""The flags that commands share: one for each field of the config, in the field's own words."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, get_args

from cyclopts import Parameter

from gpt2calc.config import GPT2Config
from gpt2calc.counting import PARAMETERS
from gpt2calc.errors import UserError, quoted
from gpt2calc.fields import is_switch
from gpt2calc.loading import preset_names
from gpt2calc.models import load
from gpt2calc.output.result import Format
from gpt2calc.polynomial import solvable_fields

FORMULA_FIELDS = solvable_fields(PARAMETERS, GPT2Config())
"""The fields that formulas of parameters have."""
PRESETS = Parameter(completer=lambda _: preset_names())
"""Completes the names of models."""
Model = Annotated[str, Parameter(help="A preset's name or a file: TOML, or config.json."), PRESETS]
Form = Annotated[Format, Parameter(name="--format", help="How the result is printed.")]
LessonForm = Annotated[
    Literal["text", "markdown", "latex", "json"],
    Parameter(name="--format", help="How the derivation is written."),
]
SheetForm = Annotated[
    Literal["text", "markdown", "latex", "json", "csv"],
    Parameter(name="--format", help="How the exercises are written."),
]
Out = Annotated[Path | None, Parameter(help="Write to this file instead of printing.")]

Plot = Annotated[Path | None, Parameter(help="Draw it, too, into this file: .png, .svg or .pdf.")]


def _flag(name: str) -> Any:
    """Make the flag of a field: a switch, or a number, which the config itself checks."""
    field = GPT2Config.model_fields[name]
    if is_switch(GPT2Config, name):
        return Annotated[bool, Parameter(help=field.description)]
    return Annotated[str, Parameter(help=field.description, metavar="N")]


def _axis_flag(name: str) -> Any:
    """Make the same flag for a sweep, where a number may be several."""
    flag = _flag(name)
    if get_args(flag)[0] is bool:
        return flag
    return Annotated[str, Parameter(help=GPT2Config.model_fields[name].description, metavar="AXIS")]


if TYPE_CHECKING:
    Overrides = dict[str, Any]
    Axes = dict[str, Any]
else:
    Overrides = Annotated[
        TypedDict(
            "Overrides", {name: _flag(name) for name in GPT2Config.model_fields}, total=False
        ),
        Parameter(name="*"),
    ]
    Axes = Annotated[
        TypedDict(
            "Axes", {name: _axis_flag(name) for name in GPT2Config.model_fields}, total=False
        ),
        Parameter(name="*"),
    ]


def given(overrides: Overrides | None) -> dict[str, Any]:
    """Return the fields given as flags; the config refuses what is no integer."""
    return {name: _integer(value) for name, value in (overrides or {}).items()}


def configured(model: str, overrides: Overrides | None) -> GPT2Config:
    """Return the config of a preset or a file, with the fields that were given as flags."""
    return load(model).replace(**given(overrides))


def axes_and_fields(flags: Axes | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split sweep flags into axes and fixed fields."""
    from gpt2calc.what_if.axes import read_axis

    flags = flags or {}
    several = {n: v for n, v in flags.items() if isinstance(v, str) and ("," in v or ":" in v)}
    single = {name: value for name, value in flags.items() if name not in several}
    return {name: read_axis(name, text) for name, text in several.items()}, given(single)


def whole_number(flag: str, text: str | None) -> Any:
    """Read a flag's integer, None if it is not given. Raises ``UserError`` for anything else."""
    number = _integer(text)
    if not isinstance(number, int | None):
        raise UserError(f"{flag} is {quoted(text)}: it must be a whole number, such as 7")
    return number


def fraction(flag: str, text: str | None) -> float | None:
    """Read a flag's fraction, ``5%`` or ``0.05``. Raises ``UserError`` for anything else."""
    if text is None:
        return None
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise UserError(f"{flag} is {quoted(text)}: it must be a fraction, such as 5%") from None


def _integer(value: Any) -> Any:
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        return value
