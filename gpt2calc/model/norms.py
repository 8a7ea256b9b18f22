"""Layer norms and RMS norms, in the variants of the families."""

from gpt2calc.model.part import Leaf
from gpt2calc.tape.elementwise import add_scalar, cast, cat, mul, pow_scalar, rsqrt, sub
from gpt2calc.tape.reductions import layer_norm, mean
from gpt2calc.tape.tensor import Parameter, Tensor
from gpt2calc.tape.views import split, view


class Norm(Leaf):
    """A norm of the last dimension, with a scale of ``shape``, and a shift if it has one."""

    weight: Parameter

    def __init__(self, role: str, shape: tuple[int, ...], shift: bool = False) -> None:
        self.role = role
        self.weight = Parameter(shape)
        if shift:
            self.bias = Parameter(shape)


class LayerNorm(Norm):
    """``nn.LayerNorm``."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        return layer_norm(x, self.weight, self.bias)


class RMSNorm(Norm):
    """Llama's RMS norm: in float32, cast back, then scaled."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        dtype = x.dtype
        x = cast(x, "float32")
        variance = mean(pow_scalar(x))
        x = mul(x, rsqrt(add_scalar(variance)))
        return mul(self.weight, cast(x, dtype))


class RMSNormCastLast(Norm):
    """OLMo 2's RMS norm: in float32, scaled, then cast back."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        dtype = x.dtype
        x = cast(x, "float32")
        variance = mean(pow_scalar(x))
        x = mul(x, rsqrt(add_scalar(variance)))
        return cast(mul(self.weight, x), dtype)


class RMSNormInFloat(Norm):
    """Helium's RMS norm: in float32, the scale as well, then cast back."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        dtype = x.dtype
        x = cast(x, "float32")
        variance = mean(pow_scalar(x))
        x = mul(x, rsqrt(add_scalar(variance)))
        return cast(mul(cast(self.weight, "float32"), x), dtype)


class LayerNormPlusOne(Norm):
    """Nemotron's layer norm: scaled by one plus the weight."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        scale = add_scalar(self.weight)
        return layer_norm(x, scale, self.bias)


class RMSNormPlusOne(Norm):
    """Gemma's RMS norm: scaled by one plus the weight, in float32."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        output = self._normalized(cast(x, "float32"))
        output = mul(output, add_scalar(cast(self.weight, "float32")))
        return cast(output, x.dtype)

    def _normalized(self, x: Tensor) -> Tensor:
        return mul(x, rsqrt(add_scalar(mean(pow_scalar(x)))))


class CohereNorm(Norm):
    """Cohere's layer norm: written out, in float32; one scale a head for queries and keys."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        dtype = x.dtype
        x = cast(x, "float32")
        average = mean(x)
        variance = mean(pow_scalar(sub(x, average)))
        x = mul(sub(x, average), rsqrt(add_scalar(variance)))
        x = mul(cast(self.weight, "float32"), x)
        return cast(x, dtype)


class NormPerHead(Norm):
    """StableLM's norm of queries or keys: an ``nn.LayerNorm`` for each head.

    The weight (heads, width) stands for the modules' weights.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x`` (batch, heads, tokens, width), head by head."""
        heads = split(x, [1] * x.shape[1], 1)
        normed = [layer_norm(head, self.head_weight(at)) for at, head in enumerate(heads)]
        return view(cat(normed, 1), *x.shape)

    def parameters(self) -> list[Parameter]:
        """Return a parameter for each head."""
        return [self.head_weight(head) for head in range(self.weight.shape[0])]

    def head_weight(self, head: int) -> Parameter:
        """Return the scale of one head, a parameter of its own."""
        if not hasattr(self, "_rows"):
            width = self.weight.shape[-1:]
            self._rows = [Parameter(width, self.weight.dtype) for _ in range(self.weight.shape[0])]
        return self._rows[head]


class ParameterFreeNorm(Leaf):
    """A layer norm without scale or shift, as in OPT."""

    def __init__(self, role: str) -> None:
        self.role = role

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        return layer_norm(x)


class OLMoNorm(ParameterFreeNorm):
    """OLMo's layer norm without scale or shift: in float32."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        dtype = x.dtype
        return cast(layer_norm(cast(x, "float32")), dtype)


class L2Norm(ParameterFreeNorm):
    """An RMS norm without a scale, in float32, as in nanochat and Llama 4 (``L2Norm`` there)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x``."""
        return cast(self._normalized(cast(x, "float32")), x.dtype)

    def _normalized(self, x: Tensor) -> Tensor:
        return mul(x, rsqrt(add_scalar(mean(pow_scalar(x)))))
