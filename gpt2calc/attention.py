"""Attention between its two projections: scores, softmax, and the mixing of values.

Eager attention does the three one after the other. Flash attention is one kernel: it multiplies
the same, but of the probabilities it keeps no more than a sum a row. With dropout PyTorch has no
such kernel on a CPU, and writes ``scaled_dot_product_attention`` out in float32.
"""

from typing import Any, NamedTuple, TypeAlias

from gpt2calc.kept import Instants, Kept, only_if, unless
from gpt2calc.model.terms import Tensor
from gpt2calc.number import Number
from gpt2calc.product import Product

Case: TypeAlias = Any
"""A model and how it is run, see :class:`gpt2calc.case.Case`."""


class Rotation(NamedTuple):
    """Rotary positions: queries and keys are turned by angles that are the same in all blocks.

    PyTorch's counter sees the angles as one small product of positions and frequencies; it is none
    of the model's features, and is not counted here.
    """

    role: str
    sublayer: str
    width: Number
    """Of a head."""
    copies: Number = 1

    def tensors(self) -> tuple[Tensor, ...]:
        """Return nothing: angles are no parameters."""
        return ()

    def multiplies(self, case: Case) -> None:
        """Return None: its arithmetic is element by element."""

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return cosines and sines of every position, the same for all sequences and blocks."""
        shape = (case.queries, self.width)
        return tuple(Kept(what, shape, case.weight_type) for what in ("cosines", "sines"))

    def needs(self, case: Case) -> Instants:  # noqa: ARG002
        """Return nothing: angles have no gradient."""
        return ()


class Scores(NamedTuple):
    """Every query times every key, a product for each head of each sequence."""

    role: str
    sublayer: str
    width: Number
    copies: Number

    def tensors(self) -> tuple[Tensor, ...]:
        """Return nothing: queries and keys are no parameters."""
        return ()

    def multiplies(self, case: Case) -> Product:
        """Return queries times keys."""
        split, pairs = 2, _doubled_pairs(case)
        return Product((case.batch,), case.queries, self.width, case.keys, split, pairs)

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return both factors, which the kernel of flash attention keeps as well.

        Keys and values that queries share are copied for each of them; of a single sequence with a
        single such head PyTorch makes no copy, which is counted here all the same.
        """
        shape = (case.batch, case.queries, self.width)
        return (Kept("queries", shape, _type_of(case)), Kept("keys", shape, _type_of(case)))

    def needs(self, case: Case) -> Instants:
        """Return the gradients of its factors, of the values, and of the scores; then all joined.

        Queries, keys and values are one tensor, which they are views of where there is a single
        sequence or head.
        """
        shape, kind = (case.batch, case.queries, self.width), _type_of(case)
        shared = unless(case.copies_heads, Kept("values, as keys are still there", shape, kind))
        joined = (Kept("gradients of q, k, v, joined", (4, *shape), kind),)
        if _is_one_kernel(case):
            return (joined,)
        square = Kept("gradient of the scores", _square(case), kind)
        three = Kept("gradients of q, k, v", (3, *shape), kind)
        values = Kept("gradient of the values", shape, kind)
        precise = Kept("gradient of the scores in float32", _square(case), "float32")
        return (
            (three, square, *shared),
            joined,
            *(((values, square, precise, *shared),) if case.is_mixed else ()),
        )


class Softmax(NamedTuple):
    """The softmax of every query's scores, and dropout of what comes out."""

    role: str
    sublayer: str
    width: Number
    copies: Number

    def tensors(self) -> tuple[Tensor, ...]:
        """Return nothing: it has no parameters."""
        return ()

    def multiplies(self, case: Case) -> None:
        """Return None: its arithmetic is element by element."""

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return the probabilities, or no more than a sum a row."""
        if _is_one_kernel(case):
            rows = (case.batch, case.known_heads, case.queries)
            return (Kept("logarithms of sums", rows, "float32"),)
        return (Kept("probabilities", _square(case), _type_of(case, _softmax_type(case))),)

    def needs(self, case: Case) -> Instants:
        """Return the gradients of probabilities, scores and values; nothing inside one kernel."""
        if _is_one_kernel(case):
            return ()
        kind, shape = _type_of(case), (case.batch, case.queries, self.width)
        shared = unless(case.copies_heads, Kept("values, as keys are still there", shape, kind))
        precise = _type_of(case, _softmax_type(case))
        squares = Kept("gradients of probabilities and scores", (2, *_square(case)), precise)
        return ((squares, Kept("gradient of the values", shape, kind), *shared),)


class Mix(NamedTuple):
    """Attention's probabilities times the values, a product for each head of each sequence."""

    role: str
    sublayer: str
    width: Number
    copies: Number

    def tensors(self) -> tuple[Tensor, ...]:
        """Return nothing: probabilities and values are no parameters."""
        return ()

    def multiplies(self, case: Case) -> Product:
        """Return probabilities times values."""
        split, pairs = 3, _doubled_pairs(case)
        return Product((case.batch,), case.queries, case.keys, self.width, split, pairs)

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return the values, and the probabilities unless the softmax keeps the same.

        They are others where they are dropped out, or computed in float32 and multiplied in 16
        bits.
        """
        shape, kind = (case.batch, case.queries, self.width), _type_of(case)
        kept = [Kept("values", shape, kind)]
        if case.dropout:
            kept += [Kept(what, _square(case), kind) for what in ("mask", "dropped out")]
        elif case.attention == "eager":
            copied = _softmax_type(case) != case.product_type
            kept += only_if(copied, Kept("in 16 bits", _square(case), kind))
        if _is_written_out(case) and case.product_type == "float32":
            joint = Kept("queries and keys beside them", (*shape[:2], 2 * self.width), kind)
            kept += unless(case.copies_heads, joint)
        return tuple(kept)

    def needs(self, case: Case) -> Instants:
        """Return the gradients of its output, of the values and of the probabilities.

        The one kernel of flash attention needs its output as well, which it keeps itself.
        """
        kind, shape = _type_of(case), (case.batch, case.queries, self.width)
        if _is_one_kernel(case):
            return ((Kept("output, its gradient, and those of q, k, v", (5, *shape), kind),),)
        square = Kept("gradient of the probabilities", _square(case), kind)
        return ((Kept("gradients of output and values", (2, *shape), kind), square),)


def _square(case: Case) -> tuple[Number, ...]:
    return (case.batch, case.known_heads, case.queries, case.keys)


def _type_of(case: Case, otherwise: str = "") -> str:
    """Return the type that attention computes in."""
    return "float32" if _is_written_out(case) else otherwise or case.product_type


def _softmax_type(case: Case) -> str:
    """Return the type of the probabilities as the softmax makes them."""
    return "float32" if case.of_family.softmax_in_float32 else str(case.weight_type)


def _is_one_kernel(case: Case) -> bool:
    """Tell whether all is done by one kernel, which stores no probabilities."""
    return bool(case.attention == "flash" and not case.dropout)


def _is_written_out(case: Case) -> bool:
    """Tell whether the kernel is missing, and its steps are done one by one in float32."""
    return bool(case.attention == "flash" and case.dropout)


def _doubled_pairs(case: Case) -> tuple[Number, ...]:
    """Return factors of twice the pairs of a query and a key that a causal kernel computes.

    The first query meets all cached keys and its own, the last one all keys.
    """
    return (case.queries, case.cache + case.keys + 1) if case.causal else ()
