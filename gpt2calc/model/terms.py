"""Terms: what an operation contributes to a sum over the forward pass."""

from math import prod
from typing import Literal, NamedTuple, TypeAlias

from gpt2calc.model.names import INSIDE, Names

Number: TypeAlias = int
"""A Python integer; NumPy arrays, SymPy expressions and polynomials are cast to it at the border,
where a config is evaluated at them."""

make = tuple.__new__
"""Makes a named tuple in half the time of its own constructor; a count makes dozens of them."""


class _Term(NamedTuple):
    role: str
    sublayer: str
    column: str
    shape: tuple[Number, ...]
    copies: Number


class Term(_Term):
    """A summand of a quantity: the product of a shape, times copies.

    ``role`` says which operation it comes from, ``sublayer`` and ``column`` where in a table it is
    added, ``copies`` how many there are of it: 1, or one for each block that has it.
    """

    __slots__ = ()

    def name(self, names: Names) -> str:
        """Return the operation's name, such as ``h.*.attn.c_attn`` for that of every block."""
        return names.module(self.role)

    @property
    def each(self) -> Number:
        """What one copy contributes."""
        return prod(self.shape)

    @property
    def amount(self) -> Number:
        """What all copies contribute together."""
        return prod(self.shape) * self.copies

    @property
    def in_block(self) -> bool:
        """Whether it is inside the blocks, each of which has its own copy, if any."""
        return self.role.partition(":")[0] in INSIDE


class ParameterTensor(Term):
    """One parameter tensor of the model, or one of each block that has it."""

    __slots__ = ()

    @property
    def kind(self) -> Literal["weight", "bias"]:
        """What the tensor is in its module."""
        return "weight" if self.column == "weights" else "bias"

    def name(self, names: Names) -> str:
        """Return PyTorch's name, less the ``transformer.`` it begins with; in a block, ``h.*.``."""
        return names.of_tensor(self.role, self.kind)

    @property
    def parameters_each(self) -> Number:
        """Parameters in one copy."""
        return self.each

    @property
    def parameters(self) -> Number:
        """Parameters in all copies together."""
        return self.amount
