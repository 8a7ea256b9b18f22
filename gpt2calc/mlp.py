"""MLPs and experts: what comes after attention in every block."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from gpt2calc.kept import Instants, Kept
from gpt2calc.operations import Activation, Linear
from gpt2calc.product import Product
from gpt2calc.terms import Number, Tensor, make

Case: TypeAlias = Any
"""A model and how it is run, see :class:`gpt2calc.case.Case`."""


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


MLP_ROLES = ("mlp_gate", "mlp_in", "gelu", "mlp_out")
SHARED_ROLES = ("shared_gate", "shared_in", "shared_act", "shared_out")


def one_mlp(
    config: Any, width: Number, copies: Number, roles: tuple[str, ...] = MLP_ROLES
) -> Iterator[Linear | Activation]:
    """List an MLP: into its hidden layer, an activation, and out of it; with a gate or without."""
    d, bias, turned = config.n_embd, config.biased("mlp_bias"), config.of_family.outputs_first
    gate, into, activation, out = roles
    if config.gated_mlp and config.of_family.joins_gate and roles == MLP_ROLES:
        yield Linear("mlp_gate_in", "mlp", d, 2 * width, bias, copies, turned)
    else:
        if config.gated_mlp:
            yield Linear(gate, "mlp", d, width, bias, copies, turned)
        yield Linear(into, "mlp", d, width, bias, copies, turned, same_input=config.gated_mlp)
    yield Activation(activation, "mlp", width, copies, config.gated_mlp)
    yield Linear(out, "mlp", width, d, bias, copies, turned, joins=True)


def experts_of(config: Any, copies: Number) -> Iterator[Linear | Activation | Experts]:
    """List a router, its experts, and the MLP beside them that every token takes, if there is one.

    E is the number of experts, A how many are chosen, x the width of each.
    """
    d, bias = config.n_embd, config.biased("mlp_bias")
    E, A, x = config.n_expert, config.chosen_experts, config.expert_width
    into = 2 * x if config.gated_mlp else x
    yield Linear("router", "mlp", d, E, False, copies, outputs_first=True)
    yield Experts("experts_in", "mlp", E, A, d, into, bias, copies)
    yield Activation("experts_act", "mlp", x, copies, config.gated_mlp, A)
    yield Experts("experts_out", "mlp", E, A, x, d, bias, copies)
    if config.n_inner_shared is not None:
        yield from one_mlp(config, config.n_inner_shared, copies, SHARED_ROLES)
        yield Linear("shared_router", "mlp", d, 1, False, copies, outputs_first=True)
