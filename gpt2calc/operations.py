"""Kinds of operations in a forward pass: what each holds, multiplies, keeps, and needs in backward.

A kind is its sizes and a few pure functions of them; :mod:`gpt2calc.architecture` says which
operations a model has, in which order and with which sizes. The sizes are plain arithmetic: Python
integers, NumPy arrays, SymPy symbols or polynomials.

What is kept is what ``torch.autograd.graph.saved_tensors_hooks`` sees of PyTorch's CPU kernels,
storages that several operations keep with the first of them. What backward needs besides, at its
worst instants, is what ``torch.distributed._tools.mem_tracker.MemTracker`` sees; the gradient of
the residual stream, which every operation of a block needs, is not among it.
"""

from typing import Any, NamedTuple, TypeAlias

from gpt2calc.kept import IN_16_BITS, Instants, Kept, only_if
from gpt2calc.model.terms import Tensor, make
from gpt2calc.number import Number
from gpt2calc.product import Product

Case: TypeAlias = Any
"""A model and how it is run, see :class:`gpt2calc.case.Case`."""


class Embedding(NamedTuple):
    """``nn.Embedding``: one row for each token, or for each position."""

    role: str
    sublayer: str
    rows: Number
    width: Number
    of_positions: bool = False
    tied: bool = False
    """Whether the head uses the same matrix."""
    copies: Number = 1

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the one matrix."""
        return (make(Tensor, (self.role, self.sublayer, "weights", (self.rows, self.width), 1)),)

    def multiplies(self, case: Case) -> None:
        """Return None: a row is looked up, not multiplied."""

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return which rows were looked up; positions are the same in all sequences."""
        shape = (case.queries,) if self.of_positions else (case.batch, case.queries)
        return (Kept("positions" if self.of_positions else "ids", shape, "int64"),)

    def needs(self, case: Case) -> Instants:
        """Return the gradient of what was looked up, added up over sequences for positions."""
        stream = (case.batch, case.queries, self.width)
        gradient = Kept("gradient of the stream", stream, case.weight_type)
        one = Kept("gradient of one sequence", (case.queries, self.width), case.weight_type)
        if self.of_positions:
            return ((gradient, *only_if(case.batch != 1, one)),)
        both = Kept("sum of both gradients", (self.rows, self.width), case.weight_type)
        return ((gradient,), *(((both,),) if self.tied else ()))


class Linear(NamedTuple):
    """A linear layer: transformers' ``Conv1D``, or ``nn.Linear``, which stores outputs first."""

    role: str
    sublayer: str
    inputs: Number
    outputs: Number
    bias: bool
    copies: Number
    outputs_first: bool = False
    joins: bool = False
    """Whether its output is added to the residual stream, whose gradient is its own then, unless
    it has to be dropped out or made shorter."""
    same_input: bool = False
    """Whether its input is that of the layer before it, which keeps it."""

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the matrix, and the bias if there is one."""
        shape = (self.inputs, self.outputs)
        shape = shape[::-1] if self.outputs_first else shape
        weight = make(Tensor, (self.role, self.sublayer, "weights", shape, self.copies))
        if not self.bias:
            return (weight,)
        bias = make(Tensor, (self.role, self.sublayer, "biases", (self.outputs,), self.copies))
        return (weight, bias)

    def multiplies(self, case: Case) -> Product:
        """Return the product of all tokens with the matrix."""
        return Product((), case.tokens, self.inputs, self.outputs)

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return its input; under autocast also the matrix as it was multiplied, in 16 bits."""
        matrix = Kept(IN_16_BITS, (self.inputs, self.outputs), case.product_type)
        shape = (case.batch, case.queries, self.inputs)
        kept = Kept("input", shape, case.product_type)
        return (*only_if(not self.same_input, kept), *only_if(case.is_mixed, matrix))

    def needs(self, case: Case) -> Instants:
        """Return the gradients of its output and its input."""
        tokens, kind = (case.batch, case.queries), case.product_type
        output = Kept("gradient of the output", (*tokens, self.outputs), kind)
        is_the_streams = self.joins and not (case.dropout or case.is_mixed)
        return (
            (
                *only_if(not is_the_streams, output),
                Kept("gradient of the input", (*tokens, self.inputs), kind),
            ),
        )


class Dropout(NamedTuple):
    """``nn.Dropout`` of every token's vector, before it enters the residual stream or a block."""

    role: str
    sublayer: str
    width: Number
    copies: Number = 1

    def tensors(self) -> tuple[Tensor, ...]:
        """Return nothing: it has no parameters."""
        return ()

    def multiplies(self, case: Case) -> None:
        """Return None: its arithmetic is element by element."""

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return the mask, in the type of what it was made for."""
        kind = case.weight_type if self.sublayer.endswith("embedding") else case.product_type
        mask = Kept("mask", (case.batch, case.queries, self.width), kind)
        return only_if(case.dropout, mask)

    def needs(self, case: Case) -> Instants:
        """Return the gradient of its input."""
        shape = (case.batch, case.queries, self.width)
        return (only_if(case.dropout, Kept("gradient of the input", shape, case.product_type)),)


class Head(NamedTuple):
    """``nn.Linear``: one score for every token of the vocabulary."""

    role: str
    sublayer: str
    rows: Number
    width: Number
    tied: bool
    bias: bool = False
    copies: Number = 1

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the matrix, outputs first, unless it is the token embedding's; and the bias."""
        own = make(Tensor, (self.role, self.sublayer, "weights", (self.rows, self.width), 1))
        bias = make(Tensor, (self.role, self.sublayer, "biases", (self.rows,), 1))
        return (*(() if self.tied else (own,)), *((bias,) if self.bias else ()))

    def multiplies(self, case: Case) -> Product:
        """Return the product of the tokens that get scores with the matrix, transposed."""
        return Product((), case.scored_tokens, self.width, self.rows)

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return its input; under autocast also the matrix as it was multiplied, in 16 bits."""
        matrix = Kept(IN_16_BITS, (self.rows, self.width), case.product_type)
        shape = (case.batch, case.queries, self.width)
        return (Kept("input", shape, case.product_type), *only_if(case.is_mixed, matrix))

    def needs(self, case: Case) -> Instants:
        """Return the gradients of the scores and of its input."""
        tokens, kind = (case.batch, case.queries), case.product_type
        return (
            (
                Kept("gradient of the scores", (*tokens, self.rows), kind),
                Kept("gradient of the input", (*tokens, self.width), kind),
            ),
        )


class Loss(NamedTuple):
    """Cross-entropy of the scores, in float32 whatever the model is in."""

    role: str
    sublayer: str
    rows: Number
    copies: Number = 1

    def tensors(self) -> tuple[Tensor, ...]:
        """Return nothing: it has no parameters."""
        return ()

    def multiplies(self, case: Case) -> None:
        """Return None: its arithmetic is element by element."""

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return the logarithms of the probabilities, the labels, and what they weigh.

        Labels are shifted by one token: of a single sequence by a view of one label more, of
        several by a copy.
        """
        tokens = (case.batch, case.queries)
        return (
            Kept("log-probabilities", (*tokens, self.rows), "float32"),
            Kept("labels", tokens, "int64"),
            *only_if(case.batch == 1, Kept("label beyond the last", (), "int64")),
            Kept("weight", (), "float32"),
        )

    def needs(self, case: Case) -> Instants:
        """Return the gradients of the log-probabilities and of the scores.

        Labels and what they weigh are gone by then.
        """
        shape = (2, case.batch, case.queries, self.rows)
        return ((Kept("gradients of scores and log-probabilities", shape, "float32"),),)
