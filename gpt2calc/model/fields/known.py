"""What is known of a field of a config beside its type and default, and the types of fields."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Integral
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

FieldValue: TypeAlias = int | bool | str | tuple[int, ...] | None
"""What a field can be: a number, a switch, a choice, a list of layers, or nothing."""

FIELDS_ARE_LISTED = "'gpt2calc memory --help' and 'gpt2calc --help-model' list all"
"""Where a message sends those who look for a field of a model or a run."""


def _plain(value: object) -> object:
    """Turn NumPy's and SymPy's integers into Python's, which alone are exact at any size."""
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    return int(value) if is_integer else value  # type: ignore[call-overload]


Size = Annotated[int, BeforeValidator(_plain), Field(gt=0)]
"""A positive Python integer of any size."""


def _listed(value: object) -> object:
    """Return a list as a tuple, in order and each number once; what is none, as it is."""
    if not isinstance(value, list | tuple | range | set | frozenset):
        return value
    whole = [each for each in map(_plain, value) if type(each) is int]
    return tuple(sorted(set(whole))) if len(whole) == len(value) else value


Layers = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_listed)]
"""Numbers of layers, from 0."""


@dataclass(frozen=True)
class Known:
    """What is known of a field beside its type and default: stands in its annotation."""

    words: str
    """How a number or a choice is said, ``"width {}"``; for a switch, what is said where it is off,
    ``"no biases"``: where it is on, it is said without the ``no``."""
    description: str
    """What it is, in a sentence or two."""
    letter: str = ""
    """The letter of a number in formulas; a switch has none."""
    place: int = 0
    """Where the letter stands in a product: those of lower places come first."""
    rule: str = ""
    """The property that the field follows if it is left at None."""
    follows: tuple[str, ...] = ()
    """The fields that the rule reads."""
    always_said: bool = False
    """Whether the field is said even where it follows its rule."""
    echoes: bool = False
    """Whether its number is another field's or follows from others, unless it is given: then it is
    no quantity of its own."""
    example: int | None = None
    """A value for messages, where the default is None."""
    other_names: tuple[str, ...] = ()
    """What the field is called elsewhere, for hints."""
    said: Mapping[str, str] = field(default_factory=dict)
    """How each choice is said, where it is not the word itself."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """What to say of words that are no choice, or no longer one."""
    opposite: str = ""
    """The word that says a switch is off, beside its name with a no."""
    changes: tuple[str, ...] = ()
    """The quantities that a field of a run changes, by name; one of a model may change any."""
    fixed: Mapping[str, bool] = field(default_factory=dict)
    """What a switch of a run is, whatever is said, in quantities that it does not change."""
