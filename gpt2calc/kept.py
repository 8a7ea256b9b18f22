"""Tensors that an operation keeps for backward or needs in it, with the type of their numbers."""

from typing import NamedTuple, TypeAlias

from gpt2calc.number import Number

BYTES = {"int64": 8, "float32": 4, "bfloat16": 2, "uint8": 1}
"""Bytes of one number of each type."""

IN_16_BITS = "weight in 16 bits"
"""What autocast keeps of every matrix, beside the matrix itself."""


class Kept(NamedTuple):
    """One tensor that is kept, or one in every block."""

    what: str
    """What it is to the operation: ``"input"``, ``"probabilities"``."""
    shape: tuple[Number, ...]
    type: str

    @property
    def factors(self) -> tuple[Number, ...]:
        """What is multiplied to its bytes."""
        return (BYTES[self.type], *self.shape)


Instants: TypeAlias = tuple[tuple[Kept, ...], ...]
"""What is needed at each of the instants of a backward operation that may be its worst."""


def unless(condition: Number, kept: Kept) -> tuple[Kept, ...]:
    """Keep a tensor unless a condition holds."""
    return only_if(not condition if isinstance(condition, bool) else ~condition, kept)


def only_if(condition: Number, kept: Kept) -> tuple[Kept, ...]:
    """Keep a tensor under a condition, which along an axis of a sweep is an array of conditions."""
    if isinstance(condition, bool):
        return (kept,) if condition else ()
    return (kept._replace(shape=(condition * 1, *kept.shape)),)
