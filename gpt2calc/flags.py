"""The command line's shared flags: one for each field of the config, with the field's own words."""

from typing import TYPE_CHECKING, Annotated, Any, TypedDict, get_args

from cyclopts import Parameter, Token

from gpt2calc.config import GPT2Config
from gpt2calc.presets import load


def whole_number(_: type, tokens: tuple[Token, ...]) -> Any:
    """What was typed, as an integer if it is one; the config refuses the rest in its own words."""
    try:
        return int(tokens[0].value)
    except ValueError:
        return tokens[0].value


def _flag(name: str) -> Any:
    field = GPT2Config.model_fields[name]
    is_switch = bool in (field.annotation, *get_args(field.annotation))
    if is_switch:
        return Annotated[bool, Parameter(help=field.description)]
    return Annotated[int, Parameter(help=field.description, converter=whole_number)]


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
    return load(model).replace(**overrides or {})
