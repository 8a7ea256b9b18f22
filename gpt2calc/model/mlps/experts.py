"""Mixtures of experts: the experts that a router chooses, and the shared expert beside them.

Source: transformers, ``integrations/moe.py``, ``models/mixtral/modeling_mixtral.py`` and
``models/qwen2_moe/modeling_qwen2_moe.py``.
"""

from typing import Literal

from gpt2calc.model.part import Leaf, Part
from gpt2calc.tape.autocast import lowered
from gpt2calc.tape.elementwise import add, cast, mul, of_input, to_copy
from gpt2calc.tape.indexing import index
from gpt2calc.tape.matmul import bmm, grouped_mm
from gpt2calc.tape.recorder import module
from gpt2calc.tape.reductions import sum_over
from gpt2calc.tape.tensor import Parameter, Shape, Spec, Tensor, empty, empty_several
from gpt2calc.tape.views import clone, expand, reshape, split, transpose, unsqueeze, view

Implementation = Literal["grouped_mm", "batched_mm"]
"""How experts multiply: each expert its tokens, or each token with a copy of its expert."""


class ExpertMatrices(Leaf):
    """One matrix for each expert: a single tensor (experts, outputs, inputs)."""

    active: int

    weight: Parameter

    def __init__(
        self,
        role: str,
        n_expert: int,
        inputs: int,
        outputs: int,
        bias: bool,
        active: int,
        *,
        outputs_first: bool = True,
    ) -> None:
        self.role = role
        self.outputs = outputs
        self.outputs_first = outputs_first
        self.sizes = (outputs, inputs) if outputs_first else (inputs, outputs)
        self.n_expert = n_expert
        self.weight = Parameter(self._stored(n_expert))
        if bias:
            self.bias = Parameter((n_expert, outputs))
        self.active = active

    def _stored(self, experts: int) -> Shape:
        return experts, *self.sizes

    def active_shape(self, parameter: Parameter) -> Shape:
        """Return the shape of the part of a parameter that a token goes through."""
        is_weight = parameter is self.weight
        return self._stored(self.active) if is_weight else super().active_shape(parameter)

    def matrices(self) -> Tensor:
        """Return (experts, outputs, inputs), or inputs first."""
        return self.weight

    def grouped(self, x: Tensor, offsets: Tensor) -> Tensor:
        """Multiply rows that are sorted by expert, up to an offset for each."""
        matrices = self.matrices()
        if self.outputs_first:
            matrices = transpose(matrices, 1, 2)
        return grouped_mm(x, matrices, offsets)

    def of_each(self, chosen: Tensor, rows: int) -> Tensor:
        """Copy for each row the matrix (outputs, inputs) of the expert that it goes through."""
        matrices = index(self.matrices(), chosen, (rows, *self.sizes))
        return matrices if self.outputs_first else transpose(matrices, 1, 2)

    def shifted(self, x: Tensor, chosen: Tensor) -> Tensor:
        """Add to each row the bias of its expert, if there is one."""
        if self.bias is None:
            return x
        return add(x, index(self.bias, chosen, x.shape))


class StackedMatrices(ExpertMatrices):
    """One matrix for each expert: a single tensor (experts * rows, columns), as DBRX has them."""

    def _stored(self, experts: int) -> Shape:
        rows, columns = self.sizes
        return experts * rows, columns

    def matrices(self) -> Tensor:
        """Return (experts, rows, columns)."""
        return view(self.weight, self.n_expert, *self.sizes)


class Experts(Part[[Tensor, Tensor, Tensor], Tensor]):
    """The experts of a layer; ``up`` makes the gate as well, if there is one."""

    def __init__(
        self,
        up: ExpertMatrices,
        down: ExpertMatrices,
        activation: str,
        implementation: Implementation = "grouped_mm",
        *,
        is_gated: bool = True,
    ) -> None:
        self.up = up
        self.down = down
        self.activation = activation
        self.implementation = implementation
        self.is_gated = is_gated

    def forward(self, x: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        """Apply to tokens (tokens, width) the experts chosen (tokens, experts_per_token)."""
        if self.implementation == "batched_mm":
            return self._batched(x, chosen, weights)
        return self._grouped(x, chosen, weights)

    def _grouped(self, x: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        tokens, width = x.shape
        per_token = weights.shape[-1]
        rows = tokens * per_token
        n_expert = self.up.n_expert
        weights = reshape(weights, -1)
        chosen = reshape(chosen, -1)
        chosen, order = empty_several("sort", Spec((rows,), "int64"), Spec((rows,), "int64"))
        sorted_x = index(x, empty("floor_divide", (rows,), "int64"), (rows, width))
        sorted_weights = index(weights, order, (rows,))
        # The next two are not used, but named in the function, and so alive until it returns.
        _as_float = to_copy(chosen, "float32")
        _per_expert = empty("histc", (n_expert,), "float32")
        offsets = empty("cumsum", (n_expert,), "int32")
        hidden = self._hidden_grouped(sorted_x, offsets, chosen)
        with module(self.down.role):
            hidden = self.down.grouped(hidden, offsets)
            hidden = self.down.shifted(hidden, chosen)
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
        hidden, matrices = self._hidden_batched(repeated, chosen)
        with module(self.down.role):
            matrices = self.down.of_each(chosen, rows)
            hidden = _one_by_one(hidden, matrices)
            hidden = self.down.shifted(hidden, chosen)
        out = mul(hidden, unsqueeze(weights, -1))
        final = sum_over(view(out, tokens, per_token, width), 1)
        return cast(final, x.dtype)

    def _hidden_grouped(self, x: Tensor, offsets: Tensor, chosen: Tensor) -> Tensor:
        """Return the hidden layers of the experts, for rows that are sorted by expert."""
        with module(self.up.role):
            hidden = self.up.grouped(x, offsets)
            hidden = self.up.shifted(hidden, chosen)
        return self._activated(hidden)

    def _hidden_batched(self, x: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Return the hidden layers of the experts, and the matrices that made them."""
        with module(self.up.role):
            matrices = self.up.of_each(chosen, x.shape[0])
            hidden = _one_by_one(x, matrices)
            hidden = self.up.shifted(hidden, chosen)
        return self._activated(hidden), matrices

    def _activated(self, hidden: Tensor) -> Tensor:
        if not self.is_gated:
            return of_input(self.activation, hidden)
        width = self.up.outputs // 2
        gate, up = split(hidden, (width, width))
        return mul(of_input(self.activation, gate), up)


class SeparateExperts(Experts):
    """Experts whose gate is a matrix by itself."""

    def __init__(
        self,
        gate: ExpertMatrices,
        up: ExpertMatrices,
        down: ExpertMatrices,
        activation: str,
        implementation: Implementation = "grouped_mm",
    ) -> None:
        self.gate = gate
        super().__init__(up, down, activation, implementation)

    def _hidden_grouped(self, x: Tensor, offsets: Tensor, chosen: Tensor) -> Tensor:
        hidden = super()._hidden_grouped(x, offsets, chosen)
        with module(self.gate.role):
            gate = self.gate.shifted(self.gate.grouped(x, offsets), chosen)
        return mul(of_input(self.activation, gate), hidden)

    def _hidden_batched(self, x: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        hidden, _ = super()._hidden_batched(x, chosen)
        with module(self.gate.role):
            matrices = self.gate.of_each(chosen, x.shape[0])
            gate = self.gate.shifted(_one_by_one(x, matrices), chosen)
        return mul(of_input(self.activation, gate), hidden), matrices

    def _activated(self, hidden: Tensor) -> Tensor:
        return hidden


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
