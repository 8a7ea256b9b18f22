"""What mixers that are not attention are made of, and the simplest of them: a short convolution.

Shapes: B sequences of S tokens of width d; m heads of values y wide, whose keys have k heads z
wide; a convolution over u tokens. A head's state is (z, y), and is kept in place of a cache.

Source: transformers, ``models/lfm2``.
"""

from typing import NamedTuple

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.scores import Attended
from gpt2calc.model.linear import Linear
from gpt2calc.model.part import Leaf, Part
from gpt2calc.tape.elementwise import add, mul
from gpt2calc.tape.recorder import Matmul, module
from gpt2calc.tape.recurrence import fused
from gpt2calc.tape.tensor import Parameter, Tensor
from gpt2calc.tape.views import split

READ_AND_WRITTEN = 2
"""Products of a state's size for each token: the state is written, and read."""
CORRECTED = 3
"""Products of a state's size for each token: the old value read, the new one written and read."""


class MixerSizes(NamedTuple):
    """The sizes of a mixer that keeps states: m heads, k of keys, values y wide, states z high."""

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
    """A depthwise, causal ``nn.Conv1d``: the weight is (features, 1, kernel)."""

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
    """A parameter without a matrix product: a number for each head, or for each of its state."""

    weight: Parameter

    def __init__(self, role: str, *shape: int) -> None:
        self.role = role
        self.weight = Parameter(shape)


def recurrence(
    inputs: tuple[Tensor, ...],
    sizes: MixerSizes,
    products: int,
    context: LayerContext,
    dtype: str = "float32",
) -> Tensor:
    """Write all tokens to the states and read them.

    Args:
        inputs: projections, (B, S, ...).
        sizes: of the states.
        products: of a state's size, for each token.
        context: of the layer, whose cache keeps the states.
        dtype: of the states.

    Returns:
        What is read, (B, S, values).

    """
    batch, seq, _ = inputs[0].shape
    product = Matmul(batch * sizes.heads, seq, products * sizes.state, sizes.width)
    if context.cache is not None:
        shape = (batch, sizes.heads, sizes.state, sizes.width)
        context.cache.keep_state(context.layer, shape, dtype)
    with module("recurrence"):
        return fused("recurrence", inputs, (batch, seq, sizes.values), product)


class SideBySide(Part[[Tensor, LayerContext], Attended]):
    """Falcon-H1's attention beside another mixer: their outcomes are added."""

    def __init__(
        self,
        attention: Part[[Tensor, LayerContext], Attended],
        mixer: Part[[Tensor, LayerContext], Attended],
    ) -> None:
        self.attention = attention
        self.mixer = mixer

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Mix the tokens of (B, S, d)."""
        mixed, _ = self.mixer(x, context)
        attended, probabilities = self.attention(x, context)
        return add(mixed, attended), probabilities


class ShortConv(Part[[Tensor, LayerContext], Attended]):
    """LFM2's short convolution: over a few tokens, between two gates."""

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
