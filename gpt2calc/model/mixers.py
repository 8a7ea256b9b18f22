"""What mixes tokens in place of attention: linear attention, Mamba 2, short convolutions.

Shapes: B sequences of S tokens of width d; m heads of values y wide, whose keys have k heads z
wide; a convolution over u tokens. A head's state is (z, y), and is kept in place of a cache.

Source: Yang et al. 2024, "Gated Delta Networks"; Dao and Gu 2024, "Transformers are SSMs";
transformers, ``models/qwen3_next``, ``models/bamba`` and ``models/lfm2``.
"""

from typing import NamedTuple

from gpt2calc.model.attention import Attended, LayerContext
from gpt2calc.model.linear import Linear
from gpt2calc.model.norms import Norm
from gpt2calc.model.part import Leaf, Part
from gpt2calc.tape.elementwise import elementwise, mul, of_input
from gpt2calc.tape.recorder import Matmul, module
from gpt2calc.tape.recurrence import fused
from gpt2calc.tape.tensor import Parameter, Tensor
from gpt2calc.tape.views import narrow, split, view

STATES_OF_DELTA = 3
"""Products of a state's size for a token: the old value is read, the new one written and read."""
STATES_OF_MAMBA = 2
"""Products of a state's size for a token: it is written, and read."""


class MixerSizes(NamedTuple):
    """The sizes of a mixer that keeps states."""

    heads: int
    key_heads: int
    width: int
    state: int

    @property
    def values(self) -> int:
        """Width of the values of all heads together."""
        return self.heads * self.width

    @property
    def keys(self) -> int:
        """Width of the keys of all heads together."""
        return self.key_heads * self.state


class CausalConv(Leaf):
    """A convolution of each feature with those of the tokens before it: (features, 1, tokens)."""

    weight: Parameter

    def __init__(self, features: int, kernel: int, *, bias: bool) -> None:
        self.role = "mixer_conv"
        self.weight = Parameter((features, 1, kernel))
        if bias:
            self.bias = Parameter((features,))

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (B, S, features)."""
        features, _, kernel = self.weight.shape
        product = Matmul(1, x.shape[0] * x.shape[1], kernel, features)
        return fused("conv1d", (x, self.weight), x.shape, product)

    def after(self, x: Tensor, context: LayerContext) -> Tensor:
        """Apply to new tokens (B, S, features), of which the last ones are kept in the cache."""
        features, _, kernel = self.weight.shape
        if context.cache is not None:
            context.cache.keep_tokens(context.layer, (x.shape[0], features, kernel), x.dtype)
        return self(x)


class Rates(Leaf):
    """A number for each head, which is no matrix."""

    weight: Parameter

    def __init__(self, role: str, heads: int) -> None:
        self.role = role
        self.weight = Parameter((heads,))

    def forward(self, x: Tensor) -> Tensor:
        """Add to, or multiply, a number for each head."""
        return elementwise("mul", x, self.weight)


def recurrence(
    inputs: tuple[Tensor, ...], sizes: MixerSizes, products: int, context: LayerContext
) -> Tensor:
    """Write all tokens to the states and read them: (B, S, values) of projections (B, S, ...)."""
    batch, seq, _ = inputs[0].shape
    product = Matmul(batch * sizes.heads, seq, products * sizes.state, sizes.width)
    if context.cache is not None:
        context.cache.keep_state(context.layer, (batch, sizes.heads, sizes.state, sizes.width))
    with module("recurrence"):
        return fused("recurrence", inputs, (batch, seq, sizes.values), product)


class GatedDelta(Part[[Tensor, LayerContext], Attended]):
    """Qwen3-Next's linear attention: a state of each head is corrected by what it reads.

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
        inner: Linear,
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
        output = recurrence((v, q, k, *rates), sizes, STATES_OF_DELTA, context)
        output = self.norm(view(output, batch, seq, sizes.heads, sizes.width))
        output = mul(view(output, batch, seq, -1), of_input("silu", gate))
        return self.out(output), None


class Mamba2(Part[[Tensor, LayerContext], Attended]):
    """Mamba 2: a state of each head decays by a number that the token gives."""

    role = "attention"

    def __init__(
        self,
        inner: Linear,
        *,
        conv: CausalConv,
        step: Rates,
        decay: Rates,
        skip: Rates,
        norm: Norm,
        out: Linear,
        sizes: MixerSizes,
    ) -> None:
        self.inner = inner
        self.conv = conv
        self.step = step
        self.decay = decay
        self.skip = skip
        self.norm = norm
        self.out = out
        self.sizes = sizes

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Mix the tokens of (B, S, d)."""
        sizes = self.sizes
        mixed_width = sizes.values + 2 * sizes.keys
        gate, mixed, rates = split(self.inner(x), (sizes.values, mixed_width, sizes.heads))
        mixed = of_input("silu", self.conv.after(mixed, context))
        values, b, c = split(mixed, (sizes.values, sizes.keys, sizes.keys))
        output = recurrence((values, b, c, rates), sizes, STATES_OF_MAMBA, context)
        output = self.norm(mul(output, of_input("silu", gate)))
        return self.out(output), None


class ShortConv(Part[[Tensor, LayerContext], Attended]):
    """LFM2's: a convolution over a few tokens between two gates."""

    role = "attention"

    def __init__(self, inner: Linear, conv: CausalConv, out: Linear) -> None:
        self.inner = inner
        self.conv = conv
        self.out = out

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Mix the tokens of (B, S, d)."""
        width = self.conv.weight.shape[0]
        before, after, x = split(self.inner(x), (width, width, width))
        x = mul(before, x)
        x = mul(after, self.conv.after(x, context))
        return self.out(x), None
