"""Norms: what each kind holds and keeps. What the methods are, :mod:`gpt2calc.operations` says."""

from typing import Any, NamedTuple, TypeAlias

from gpt2calc.kept import Instants, Kept
from gpt2calc.model.terms import Tensor, make
from gpt2calc.number import Number

Case: TypeAlias = Any
"""A model and how it is run, see :class:`gpt2calc.case.Case`."""


class Norm(NamedTuple):
    """A norm of every token's features, or of every head's queries or keys.

    ``layer`` is ``nn.LayerNorm``: a scale (its weight) and a shift (its bias) for every feature.
    ``rms`` is Llama's, written out in Python and in float32: a scale, no mean and no shift.
    ``none`` is a layer norm with no parameters.
    """

    role: str
    sublayer: str
    width: Number
    """Features of a token that are normalized, all together."""
    shape: tuple[Number, ...]
    """Of the scale."""
    kind: str
    shift: bool
    copies: Number = 1
    vectors: Number = 1
    """Vectors of a token, each normalized by itself: heads, of queries and keys."""

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the scale and the shift, if there are any."""
        if self.kind == "none":
            return ()
        scale = make(Tensor, (self.role, self.sublayer, "weights", self.shape, self.copies))
        if not self.shift:
            return (scale,)
        return (scale, make(Tensor, (self.role, self.sublayer, "biases", self.shape, self.copies)))

    def multiplies(self, case: Case) -> None:
        """Return None: its arithmetic is element by element."""

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return its input and the statistics of every vector.

        Written out, the input is kept in float32, and what the scale is multiplied with as well.
        """
        tokens, kind = (case.batch, case.queries), case.weight_type
        is_whole = isinstance(self.vectors, int) and self.vectors == 1
        each = tokens if is_whole else (*tokens, self.vectors)
        if self.kind == "rms":
            return (
                Kept("input", (*tokens, self.width), "float32"),
                Kept("1 / deviation", each, "float32"),
                Kept("normalized", (*tokens, self.width), kind),
            )
        return (
            Kept("input", (*tokens, self.width), kind),
            Kept("mean", each, kind),
            Kept("1 / deviation", each, kind),
        )

    def needs(self, case: Case) -> Instants:
        """Return the gradients of its output and its input; written out, of a step between."""
        shape = (case.batch, case.queries, self.width)
        if self.kind == "rms":
            return ((Kept("gradients of its steps", (3, *shape), "float32"),),)
        return ((Kept("gradients of output and input", (2, *shape), case.weight_type),),)
