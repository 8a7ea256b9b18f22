"""Linear attention: a state of each head, to which keys and values are written.

Shapes: B sequences of S tokens of width d; m heads of values y wide, whose keys have k heads z
wide. A head's state is (z, y).

Source: Yang et al. 2024, "Gated Delta Networks"; Kimi Team 2025, "Kimi Linear"; MiniMax 2025,
"MiniMax-01"; transformers, ``models/qwen3_next``, ``models/kimi_linear`` and ``models/minimax``.
"""

from typing import NamedTuple

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.scores import Attended
from gpt2calc.model.linear import Linear
from gpt2calc.model.mixers.mixers import (
    CORRECTED,
    READ_AND_WRITTEN,
    CausalConv,
    MixerSizes,
    Rates,
    recurrence,
)
from gpt2calc.model.norms import Norm
from gpt2calc.model.part import HiddenToHidden, Part
from gpt2calc.tape.elementwise import cat, mul, of_input, of_output
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import narrow, split, view


class Apart(HiddenToHidden):
    """Makes queries, keys and values by a matrix each, and joins them side by side."""

    def __init__(self, query: Linear, key: Linear, value: Linear) -> None:
        self.query = query
        self.key = key
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        """Return queries, keys and values of (B, S, d), side by side."""
        return cat((self.query(x), self.key(x), self.value(x)), -1)


class GatedDelta(Part[[Tensor, LayerContext], Attended]):
    """Qwen3-Next's gated delta rule: each head's state is corrected by what is read from it.

    Args:
        inner: makes queries, keys and values, and the gate where ``gate`` is None.
        gate: makes the gate.
        rates: make how much of a state is kept and written, in one matrix or in two.
        conv: of queries, keys and values.
        step, decay: a number for each head.
        norm: of the outcome, head by head.
        out: the output projection.
        sizes: of the states.

    """

    role = "attention"

    def __init__(
        self,
        inner: Linear | Apart,
        gate: Linear | None,
        rates: tuple[Linear, ...],
        *,
        conv: CausalConv,
        step: Rates,
        decay: Rates,
        norm: Norm,
        out: Linear,
        sizes: MixerSizes,
    ) -> None:
        self.inner = inner
        self.gate = gate
        self.rates, *second = rates
        self.second_rates = second[0] if second else None
        self.conv = conv
        self.step = step
        self.decay = decay
        self.norm = norm
        self.out = out
        self.sizes = sizes

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Mix the tokens of (B, S, d)."""
        batch, seq, _ = x.shape
        made, sizes = self.inner(x), self.sizes
        mixed_width = 2 * sizes.keys + sizes.values
        mixed = narrow(made, -1, mixed_width)
        gate = narrow(made, -1, sizes.values) if self.gate is None else self.gate(x)
        rates = [self.rates(x)]
        if self.second_rates is not None:
            rates.append(self.second_rates(x))
        mixed = of_input("silu", self.conv.after(mixed, context))
        q, k, v = split(mixed, (sizes.keys, sizes.keys, sizes.values))
        output = recurrence((v, q, k, *rates), sizes, CORRECTED, context)
        output = self.norm(view(output, batch, seq, sizes.heads, sizes.width))
        output = mul(view(output, batch, seq, -1), of_input("silu", gate))
        return self.out(output), None


class Narrowed(NamedTuple):
    """A linear map of low rank: two matrices with few features between them."""

    down: Linear
    up: Linear


class KimiDelta(Part[[Tensor, LayerContext], Attended]):
    """Kimi's delta attention: each feature of a key decays by itself.

    Args:
        query, key, value: make what the convolution goes over.
        conv: of queries, keys and values.
        decay: makes how much of a state is kept, for each feature of the keys.
        beta: makes how much is written to each state.
        gate: makes the gate of the outcome.
        step: a number for each feature of the keys.
        log_decay: a number for each head.
        norm: of the outcome, head by head.
        out: the output projection.
        sizes: of the states.

    """

    role = "attention"

    def __init__(
        self,
        query: Linear,
        key: Linear,
        value: Linear,
        *,
        conv: CausalConv,
        decay: Narrowed,
        beta: Linear,
        gate: Narrowed,
        step: Rates,
        log_decay: Rates,
        norm: Norm,
        out: Linear,
        sizes: MixerSizes,
    ) -> None:
        self.query = query
        self.key = key
        self.value = value
        self.conv = conv
        self.decay_down, self.decay_up = decay
        self.beta = beta
        self.gate_down, self.gate_up = gate
        self.step = step
        self.log_decay = log_decay
        self.norm = norm
        self.out = out
        self.sizes = sizes

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Mix the tokens of (B, S, d)."""
        batch, seq, _ = x.shape
        sizes = self.sizes
        mixed = cat([self.query(x), self.key(x), self.value(x)], -1)
        mixed = of_input("silu", self.conv.after(mixed, context))
        q, k, v = split(mixed, (sizes.keys, sizes.keys, sizes.values))
        inputs = (v, q, k, self.decay_up(self.decay_down(x)), self.beta(x))
        output = recurrence(inputs, sizes, CORRECTED, context)
        gate = self.gate_up(self.gate_down(x))
        output = self.norm(view(output, batch, seq, sizes.heads, sizes.width))
        output = mul(view(output, batch, seq, -1), of_output("sigmoid", gate))
        return self.out(output), None


class Lightning(Part[[Tensor, LayerContext], Attended]):
    """MiniMax's lightning attention: states decay by the same number at every token.

    Args:
        inner: makes queries, keys and values.
        gate: makes the gate of the outcome.
        norm: of the outcome.
        out: the output projection.
        sizes: of the states.

    """

    role = "attention"

    def __init__(
        self, inner: Linear, gate: Linear, *, norm: Norm, out: Linear, sizes: MixerSizes
    ) -> None:
        self.inner = inner
        self.gate = gate
        self.norm = norm
        self.out = out
        self.sizes = sizes

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Mix the tokens of (B, S, d)."""
        sizes = self.sizes
        q, k, v = split(of_input("silu", self.inner(x)), (sizes.keys, sizes.keys, sizes.values))
        output = recurrence((v, q, k), sizes, READ_AND_WRITTEN, context, x.dtype)
        output = mul(of_output("sigmoid", self.gate(x)), self.norm(output))
        return self.out(output), None
