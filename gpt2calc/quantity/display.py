"""How a quantity is written in tables, pictures and sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gpt2calc.quantity.number import Config

SUFFIXES_OF_BYTES = (" kB", " MB", " GB", " TB", " PB")
"""Of a thousand bytes, a million and so on, with the space before the unit."""


@dataclass(frozen=True)
class Display:
    """Words, columns, rows and suffixes of one quantity."""

    verb: str = "have"
    """What parts of a model do with it, in questions: have parameters, take FLOPs."""
    term: str = "{}"
    """How a question names a term, with a place for its name: the tensor 'mlp.c_fc'."""
    whole: str = "{}"
    """What has the total, in questions, with a place for the model: the KV cache of a GPT-2."""
    apart: Callable[[Config], tuple[str, ...]] | None = None
    """The columns that the tables of a config show beside the total; all, if it is left out."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    """Parts that belong together where there is no room for all."""
    rare: tuple[str, ...] = ()
    """Parts that few models have: no row is shown for those that have nothing."""
    has_many_parts: bool = False
    """Whether there are so many parts that pictures show the groups, and tables no empty ones."""
    example: str = "350M"
    """A budget of it, for messages."""
    scale: tuple[str, ...] = ("k", "M", "B", "T")
    """The suffixes of a thousand, a million and so on in pictures."""
