"""Parts of a written derivation: headings, lines, sums, lessons, notes."""

from typing import NamedTuple

from gpt2calc.report.table import Table
from gpt2calc.teach.derivation import Chain


class Heading(NamedTuple):
    """A heading of the parts of the document that follow."""

    words: str
    is_name: bool = False
    """Whether it is the name of a sublayer, as code has it."""


class DerivationLine(NamedTuple):
    """One term: its name, what it is for, and what it comes to."""

    name: str
    meaning: str
    chain: Chain


class Sums(NamedTuple):
    """Chains that belong together, each under its name; a name may be empty."""

    chains: tuple[tuple[str, Chain], ...]


class Lessons(NamedTuple):
    """Sentences, each a point of a list."""

    lines: tuple[str, ...]


class Notes(NamedTuple):
    """Sentences, each a paragraph or a line of its own."""

    lines: tuple[str, ...]


DocumentPart = Table | Heading | Notes | DerivationLine | Sums | Lessons
"""A part of a written derivation, such as a heading."""
