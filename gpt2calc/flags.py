"""The command line's shared flags: one for each field of the config, with the field's own words."""

from typing import TYPE_CHECKING, Annotated, Any, TypedDict, get_args

from cyclopts import Parameter

from gpt2calc.config import GPT2Config
from gpt2calc.presets import load


def _flag(name: str) -> Any:
    """A field's flag: a switch, or a number that is read as text for the config to judge."""
    field = GPT2Config.model_fields[name]
    if bool in (field.annotation, *get_args(field.annotation)):
        return Annotated[bool, Parameter(help=field.description)]
    return Annotated[str, Parameter(help=field.description, metavar="N")]


if TYPE_CHECKING:
    Overrides = dict[str, Any]
else:
    Overrides = Annotated[
        TypedDict(
            "Overrides", {name: _flag(name) for name in GPT2Config.model_fields}, total=False
        ),
        Parameter(name="*"),
    ]


def configured(model: str, overrides: Overrides | None) -> GPT2Config:
    """The config of a preset or a file, with the fields that were given as flags."""
    fields = {name: _integer(value) for name, value in (overrides or {}).items()}
    return load(model).replace(**fields)


def _integer(value: Any) -> Any:
    """What was typed, as an integer if it is one; the config refuses the rest in its own words."""
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        return value
