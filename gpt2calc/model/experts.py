"""Mixtures of experts: a router, its experts, and the MLP that every token goes through.

Source: transformers, ``integrations/moe.py``, ``models/mixtral/modeling_mixtral.py`` and
``models/qwen2_moe/modeling_qwen2_moe.py``.
"""

from typing import Literal

from gpt2calc.model.linear import Linear
from gpt2calc.model.part import Leaf, Part
from gpt2calc.tape.autocast import lowered
from gpt2calc.tape.elementwise import add, cast, mul, of_input, of_output, to_copy
from gpt2calc.tape.indexing import index
from gpt2calc.tape.inplace import div_
from gpt2calc.tape.matmul import bmm, grouped_mm, linear
from gpt2calc.tape.recorder import module
from gpt2calc.tape.reductions import softmax, sum_last, sum_over, topk
from gpt2calc.tape.tensor import Parameter, Spec, Tensor, empty, empty_several
from gpt2calc.tape.views import clone, expand, reshape, split, transpose, unsqueeze, view

Implementation = Literal["grouped_mm", "batched_mm"]
"""How experts multiply: each expert its tokens, or each token with a copy of its expert."""


class Router(Part[[Tensor], tuple[Tensor, Tensor, Tensor]]):
    """Chooses ``experts_per_token`` experts for each token.

    Args:
        width: of a token.
        n_expert: experts to choose from.
        experts_per_token: how many are chosen.
        normalized: whether the chosen probabilities are divided by their sum.
        casts_back: whether they are cast to the dtype of the logits.

    """

    role = "router"

    def __init__(
        self,
        width: int,
        n_expert: int,
        experts_per_token: int,
        *,
        normalized: bool = True,
        casts_back: bool = False,
    ) -> None:
        self.linear = Linear("router", width, n_expert)
        self.experts_per_token = experts_per_token
        self.normalized = normalized
        self.casts_back = casts_back

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of all experts, and weights and numbers of those chosen."""
        x = reshape(x, -1, x.shape[-1])
        logits = linear(x, self.linear.weight)
        probabilities = softmax(logits, "float32")
        weights, chosen = topk(probabilities, self.experts_per_token)
        if self.normalized:
            weights = div_(weights, sum_last(weights))
        if self.casts_back:
            weights = cast(weights, logits.dtype)
        return logits, weights, chosen


class ExpertMatrices(Leaf):
    """One matrix for each expert: a single tensor (experts, outputs, inputs)."""

    weight: Parameter

    def __init__(
        self, role: str, n_expert: int, inputs: int, outputs: int, bias: bool, active: int
    ) -> None:
        self.role = role
        self.weight = Parameter((n_expert, outputs, inputs))
        if bias:
            self.bias = Parameter((n_expert, outputs))
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        """Multiply rows that are sorted by expert."""
        offsets = empty("cumsum", (self.weight.shape[0],), "int32")
        return grouped_mm(x, transpose(self.weight, 1, 2), offsets)


class Experts(Part[[Tensor, Tensor, Tensor], Tensor]):
    """The experts of a layer, ``up`` with the gate beside it."""

    def __init__(
        self,
        up: ExpertMatrices,
        down: ExpertMatrices,
        activation: str,
        implementation: Implementation = "grouped_mm",
    ) -> None:
        self.up = up
        self.down = down
        self.activation = activation
        self.implementation = implementation

    def forward(self, x: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        """Apply to tokens (tokens, width) the experts chosen (tokens, experts_per_token)."""
        if self.implementation == "batched_mm":
            return self._batched(x, chosen, weights)
        return self._grouped(x, chosen, weights)

    def _grouped(self, x: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        tokens, width = x.shape
        per_token = weights.shape[-1]
        rows = tokens * per_token
        n_expert = self.up.weight.shape[0]
        weights = reshape(weights, -1)
        chosen = reshape(chosen, -1)
        chosen, order = empty_several("sort", Spec((rows,), "int64"), Spec((rows,), "int64"))
        sorted_x = index(x, empty("floor_divide", (rows,), "int64"), (rows, width))
        sorted_weights = index(weights, order, (rows,))
        _as_float = to_copy(chosen, "float32")
        _per_expert = empty("histc", (n_expert,), "float32")
        offsets = empty("cumsum", (n_expert,), "int32")
        with module(self.up.role):
            hidden = grouped_mm(sorted_x, transpose(self.up.weight, 1, 2), offsets)
        hidden = self._activated(hidden)
        with module(self.down.role):
            hidden = grouped_mm(hidden, transpose(self.down.weight, 1, 2), offsets)
        out = mul(hidden, unsqueeze(sorted_weights, -1))
        inverse = empty("empty_like", (rows,), "int64")
        empty("arange", (rows,), "int64")
        out = index(out, inverse, (rows, width))
        final = sum_over(view(out, tokens, per_token, width), 1)
        return cast(final, x.dtype)

    def _batched(self, x: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        tokens, width = x.shape
        per_token = weights.shape[-1]
        rows = tokens * per_token
        repeated = _repeated(x, per_token)
        weights = reshape(weights, -1)
        chosen = reshape(chosen, -1)
        with module(self.up.role):
            matrices = index(self.up.weight, chosen, (rows, *self.up.weight.shape[1:]))
            hidden = _one_by_one(repeated, matrices)
        hidden = self._activated(hidden)
        with module(self.down.role):
            matrices = index(self.down.weight, chosen, (rows, *self.down.weight.shape[1:]))
            hidden = _one_by_one(hidden, matrices)
        out = mul(hidden, unsqueeze(weights, -1))
        final = sum_over(view(out, tokens, per_token, width), 1)
        return cast(final, x.dtype)

    def _activated(self, hidden: Tensor) -> Tensor:
        width = self.down.weight.shape[2]
        if self.up.weight.shape[1] == width:
            return of_input(self.activation, hidden)
        gate, up = split(hidden, (width, width))
        return mul(of_input(self.activation, gate), up)


def _repeated(x: Tensor, times: int) -> Tensor:
    tokens, width = x.shape
    copies = clone(expand(unsqueeze(x, 1), tokens, times, width))
    return view(copies, tokens * times, width)


def _one_by_one(x: Tensor, matrices: Tensor) -> Tensor:
    column = unsqueeze(x, -1)
    column = lowered(column)
    matrices = lowered(matrices)
    product = bmm(matrices, column)
    return view(product, *product.shape[:-1])


class MixtureOfExperts(Part[[Tensor], Tensor]):
    """A router and its experts, in the place of an MLP."""

    role = "mlp"

    def __init__(self, router: Router, experts: Experts) -> None:
        self.router = router
        self.experts = experts

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        batch, seq, width = x.shape
        x = view(x, -1, width)
        _, weights, chosen = self.router(x)
        x = self.experts(x, chosen, weights)
        return reshape(x, batch, seq, width)


class SharedMixtureOfExperts(MixtureOfExperts):
    """Qwen's: beside the experts there may be an MLP for every token, times a gate of its own."""

    def __init__(
        self, router: Router, experts: Experts, shared: Part[[Tensor], Tensor] | None, width: int
    ) -> None:
        super().__init__(router, experts)
        self.shared = shared
        self.shared_router = None if shared is None else Linear("shared_router", width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        batch, seq, width = x.shape
        rows = view(x, -1, width)
        beside = None if self.shared is None else self.shared(rows)
        _, weights, chosen = self.router(rows)
        out = self.experts(rows, chosen, weights)
        if beside is not None and self.shared_router is not None:
            beside = mul(of_output("sigmoid", self.shared_router(rows)), beside)
            out = add(out, beside)
        return reshape(out, batch, seq, width)
