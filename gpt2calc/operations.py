"""Kinds of operations in a forward pass: what each of them holds, and what it multiplies.

A kind is its sizes and a few pure functions of them; :mod:`gpt2calc.architecture` says which
operations a model has, in which order and with which sizes. The sizes are plain arithmetic: Python
integers, NumPy arrays, SymPy symbols or polynomials.
"""

from typing import Any, NamedTuple, TypeAlias

from gpt2calc.product import Product
from gpt2calc.terms import Number, Tensor

Case: TypeAlias = Any
"""A model and how it is run, see :class:`gpt2calc.case.Case`."""


_new = tuple.__new__
"""Half the time of ``Tensor(...)``, and a count makes dozens of them."""


class Embedding(NamedTuple):
    """``nn.Embedding``: one row for each token, or for each position."""

    role: str
    sublayer: str
    rows: Number
    width: Number
    copies: Number = 1

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the one matrix."""
        return (_new(Tensor, (self.role, self.sublayer, "weights", (self.rows, self.width), 1)),)

    def multiplies(self, case: Case) -> None:
        """Return None: a row is looked up, not multiplied."""


class LayerNorm(NamedTuple):
    """``nn.LayerNorm``: a scale (its weight) and a shift (its bias) for every feature."""

    role: str
    sublayer: str
    width: Number
    bias: bool
    copies: Number = 1

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the scale, and the shift if there is one."""
        scale = _new(Tensor, (self.role, self.sublayer, "weights", (self.width,), self.copies))
        if not self.bias:
            return (scale,)
        return (
            scale,
            _new(Tensor, (self.role, self.sublayer, "biases", (self.width,), self.copies)),
        )

    def multiplies(self, case: Case) -> None:
        """Return None: its arithmetic is element by element."""


class Linear(NamedTuple):
    """Transformers' ``Conv1D``: a linear layer that stores its matrix as inputs x outputs."""

    role: str
    sublayer: str
    inputs: Number
    outputs: Number
    bias: bool
    copies: Number

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the matrix, and the bias if there is one."""
        shape = (self.inputs, self.outputs)
        weight = _new(Tensor, (self.role, self.sublayer, "weights", shape, self.copies))
        if not self.bias:
            return (weight,)
        bias = _new(Tensor, (self.role, self.sublayer, "biases", (self.outputs,), self.copies))
        return (weight, bias)

    def multiplies(self, case: Case) -> Product:
        """Return the product of all tokens with the matrix."""
        return Product((), case.tokens, self.inputs, self.outputs)


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


def _doubled_pairs(case: Case) -> tuple[Number, ...]:
    """Return factors of twice the pairs of a query and a key that a causal kernel computes.

    The first query meets all cached keys and its own, the last one all keys.
    """
    return (case.queries, case.cache + case.keys + 1) if case.causal else ()


class Head(NamedTuple):
    """``nn.Linear`` with no bias: one score for every token of the vocabulary."""

    role: str
    sublayer: str
    rows: Number
    width: Number
    tied: bool
    copies: Number = 1

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the matrix, outputs first, unless it is the token embedding's."""
        if self.tied:
            return ()
        return (_new(Tensor, (self.role, self.sublayer, "weights", (self.rows, self.width), 1)),)

    def multiplies(self, case: Case) -> Product:
        """Return the product of the tokens that get scores with the matrix, transposed."""
        return Product((), case.scored_tokens, self.width, self.rows)


Operation: TypeAlias = Embedding | LayerNorm | Linear | Scores | Mix | Head
