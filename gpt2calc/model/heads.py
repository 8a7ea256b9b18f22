"""How attention is cut into heads."""

from fractions import Fraction
from typing import NamedTuple


class Heads(NamedTuple):
    """The heads of a layer's attention.

    The width of a head is worked out when the layer runs: no parameter of its matrices needs it.
    """

    query: int
    """Heads of queries."""
    kv: int
    """Heads of keys and values, each shared by as many queries."""
    query_width: int
    """Width of the queries of all heads together."""
    kv_width: int
    """Width of the keys of all their heads together."""
    rotary_dim: int | None = None
    """Features of a head that rotary positions rotate, where that is given."""
    rotary_part: Fraction = Fraction(1)
    """Their share of a head, where it is not."""
    value_dim: int | None = None
    """Width of a head's values, where it is not that of its keys."""

    @property
    def width(self) -> int:
        """Width of one head."""
        return self.query_width // self.query

    @property
    def value_width(self) -> int:
        """Width of a head's values."""
        return self.width if self.value_dim is None else self.value_dim

    @property
    def groups(self) -> int:
        """Queries that share a head of keys and values."""
        return 1 if self.query == self.kv else self.query // self.kv

    @property
    def rotated(self) -> int:
        """Features of a head that rotary positions rotate."""
        if self.rotary_dim is not None:
            return self.rotary_dim
        part = self.rotary_part
        return self.width if part == 1 else self.width * part.numerator // part.denominator
