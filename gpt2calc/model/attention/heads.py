"""How attention is cut into heads."""

from fractions import Fraction
from typing import NamedTuple


class Heads(NamedTuple):
    """The heads of a layer's attention.

    The width of one head is a property: the matrices have the width of all heads together, which is
    known even where the number of heads is not.
    """

    query: int
    """Number of query heads."""
    kv: int
    """Number of key-value heads, each shared by ``groups`` query heads."""
    query_width: int
    """Width of the queries of all heads together."""
    kv_width: int
    """Width of the keys of all their heads together."""
    rotary_dim: int | None = None
    """Features of a head that rotary positions rotate; None where ``rotary_part`` says it."""
    rotary_part: Fraction = Fraction(1)
    """Share of a head's features that is rotated, where ``rotary_dim`` is None."""
    value_dim: int | None = None
    """Width of one head's values; None where it is that of its keys."""

    @property
    def width(self) -> int:
        """Width of one head."""
        return self.query_width // self.query

    @property
    def value_width(self) -> int:
        """Width of one head's values."""
        return self.width if self.value_dim is None else self.value_dim

    @property
    def groups(self) -> int:
        """Query heads that share one key-value head."""
        return 1 if self.query == self.kv else self.query // self.kv

    @property
    def rotated(self) -> int:
        """Features of a head that rotary positions rotate."""
        if self.rotary_dim is not None:
            return self.rotary_dim
        part = self.rotary_part
        return self.width if part == 1 else self.width * part.numerator // part.denominator
