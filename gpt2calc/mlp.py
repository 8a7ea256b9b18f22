"""Kinds of operations of MLPs and experts. What the methods are, :mod:`operations` says."""

from typing import Any, NamedTuple, TypeAlias

from gpt2calc.kept import Instants, Kept
from gpt2calc.model.terms import Tensor, make
from gpt2calc.number import Number
from gpt2calc.product import Product

Case: TypeAlias = Any
"""A model and how it is run, see :class:`gpt2calc.case.Case`."""


class Activation(NamedTuple):
    """GELU by its approximation with tanh, or what a gate lets through of the hidden layer.

    GELU is one kernel, or ``gelu_new`` written out in Python; a gate's activation is one kernel.
    """

    role: str
    sublayer: str
    width: Number
    copies: Number
    gated: bool = False
    times: Number = 1
    """How often for each token: experts that it goes through."""

    def tensors(self) -> tuple[Tensor, ...]:
        """Return nothing: it has no parameters."""
        return ()

    def multiplies(self, case: Case) -> None:
        """Return None: its arithmetic is element by element."""

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return its input; written out also its half, the tanh, and that plus one.

        A gate's is multiplied with the hidden layer, so both factors are kept as well. ReLU keeps
        its outcome, which the next layer keeps as its input.
        """
        steps: tuple[str, ...] = ("input", "half of it", "tanh", "1 + tanh")
        if self.gated:
            steps = ("input", "gate", "hidden layer")
        elif case.of_family.activation == "relu":
            steps = ()
        elif self._is_one_kernel(case):
            steps = ("input",)
        return tuple(Kept(step, self._shape(case), case.product_type) for step in steps)

    def needs(self, case: Case) -> Instants:
        """Return the gradients of its output and input; of two steps between, where there are."""
        several = 2 if self._is_one_kernel(case) and not self.gated else 3
        return (
            (Kept("gradients of its steps", (several, *self._shape(case)), case.product_type),),
        )

    def _is_one_kernel(self, case: Case) -> bool:
        return bool(case.fused_gelu or case.of_family.activation != "written out")

    def _shape(self, case: Case) -> tuple[Number, ...]:
        shape = (case.batch, case.queries, self.width)
        return shape if isinstance(self.times, int) and self.times == 1 else (self.times, *shape)


class Experts(NamedTuple):
    """One matrix of every expert in one tensor; a token goes through those chosen for it."""

    role: str
    sublayer: str
    experts: Number
    chosen: Number
    """Experts that a token goes through."""
    inputs: Number
    outputs: Number
    bias: bool
    copies: Number

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the matrices, outputs first, and the biases if there are any."""
        shape = (self.experts, self.outputs, self.inputs)
        weight = make(Tensor, (self.role, self.sublayer, "weights", shape, self.copies))
        if not self.bias:
            return (weight,)
        each = (self.experts, self.outputs)
        return (weight, make(Tensor, (self.role, self.sublayer, "biases", each, self.copies)))

    def active(self) -> "Experts":
        """Return what of it is active for a token."""
        return self._replace(experts=self.chosen)

    def multiplies(self, case: Case) -> Product:
        """Return the product of all tokens with a matrix, for each expert chosen."""
        return Product((self.chosen,), case.tokens, self.inputs, self.outputs)

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return its input, once for each expert chosen."""
        shape = (self.chosen, case.batch, case.queries, self.inputs)
        return (Kept("input", shape, case.product_type),)

    def needs(self, case: Case) -> Instants:
        """Return the gradients of its output and its input."""
        tokens = (self.chosen, case.batch, case.queries)
        return (
            (
                Kept("gradient of the output", (*tokens, self.outputs), case.product_type),
                Kept("gradient of the input", (*tokens, self.inputs), case.product_type),
            ),
        )
