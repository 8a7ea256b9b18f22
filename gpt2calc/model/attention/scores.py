"""Scores of queries and keys, their softmax, and the values that they weigh.

Shapes: B sequences of S tokens of width d; h heads of width w; g heads of keys and values; K keys.
"""

from typing import TypeAlias

from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.attention.masks import Implementation
from gpt2calc.model.dropout import Dropout
from gpt2calc.model.part import Leaf
from gpt2calc.tape import attention as kernels
from gpt2calc.tape.elementwise import add, cast, cat, of_output, scale, sub
from gpt2calc.tape.matmul import matmul
from gpt2calc.tape.recorder import module
from gpt2calc.tape.reductions import largest, softmax
from gpt2calc.tape.tensor import Parameter, Tensor
from gpt2calc.tape.views import (
    contiguous,
    expand,
    narrow,
    reshape,
    transpose,
    unsqueeze,
    view,
)

Attended: TypeAlias = tuple[Tensor, Tensor | None]
"""Attention's output, and the probabilities; None where the class returns none."""


def in_one_kernel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend in one kernel that holds no scores, and return (B, h, S, w)."""
    with module("scores"):
        return kernels.flash_attention(q, k, v)


class Scores:
    """The attention function: values weighed by the softmax of queries times keys.

    Args:
        heads: of queries, and of keys and values.

    """

    is_capped = False
    """Whether scores are capped by a tanh."""

    def __init__(self, heads: Heads) -> None:
        self.heads = heads
        self.dropout = Dropout("softmax")

    def __call__(
        self, implementation: Implementation, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None
    ) -> Attended:
        """Return (B, S, h, w), and the probabilities (B, h, S, K), or None unless eager."""
        if implementation == "flash":
            return self.flash(q, k, v)
        if implementation == "sdpa":
            return self.sdpa(q, k, v, mask)
        return self.eager(q, k, v, mask)

    def eager(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Attended:
        """Run eager attention, the softmax in float32 (Llama)."""
        keys = repeat_kv(k, self.heads.groups)
        values = repeat_kv(v, self.heads.groups)
        with module("scores"):
            weights = scale(matmul(q, transpose(keys, 2, 3)))
        if self.is_capped:
            weights = scale(weights)
            weights = of_output("tanh", weights)
            weights = scale(weights)
        if mask is not None:
            weights = add(weights, mask)
        weights = cast(softmax(weights, "float32"), q.dtype)
        weights = self.dropout(weights)
        with module("mix"):
            output = matmul(weights, values)
        output = contiguous(transpose(output, 1, 2))
        return output, weights

    def flash(self, q: Tensor, k: Tensor, v: Tensor) -> Attended:
        """Run one kernel that holds no scores."""
        return contiguous(transpose(in_one_kernel(q, k, v), 1, 2)), None

    def sdpa(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Attended:
        """Run ``scaled_dot_product_attention``. Source: transformers, ``sdpa_attention.py``."""
        batch, heads, q_len, width = q.shape
        if self.heads.groups > 1 and mask is not None:
            if q_len == 1:
                q = reshape(q, batch, heads // self.heads.groups, self.heads.groups, width)
            else:
                k = repeat_kv(k, self.heads.groups)
                v = repeat_kv(v, self.heads.groups)
        with module("scores"):
            output = kernels.sdpa(q, k, v, mask, enable_gqa=self.heads.groups > 1)
        output = reshape(output, batch, -1, q_len, v.shape[-1])
        output = contiguous(transpose(output, 1, 2))
        return output, None


class CappedScores(Scores):
    """Gemma 2's: the scores are capped by a tanh."""

    is_capped = True


class Sinks(Leaf):
    """Attention sinks: a learned score for each head, beside those of the keys."""

    weight: Parameter

    def __init__(self, heads: int) -> None:
        self.role = "sinks"
        self.weight = Parameter((heads,))

    def forward(self, x: Tensor) -> Tensor:
        """Join to scores (B, h, S, K) one more for each query."""
        sinks = expand(view(self.weight, 1, -1, 1, 1), *x.shape[:-1], 1)
        return cat((x, sinks), -1)


class SinkScores(Scores):
    """gpt-oss's: a learned score for each head takes a part of the softmax.

    Args:
        heads: of queries, and of keys and values.
        sinks: the learned scores.

    """

    def __init__(self, heads: Heads, sinks: Sinks) -> None:
        super().__init__(heads)
        self.sinks = sinks

    def eager(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Attended:
        """Run eager attention."""
        keys = repeat_kv(k, self.heads.groups)
        values = repeat_kv(v, self.heads.groups)
        with module("scores"):
            weights = scale(matmul(q, transpose(keys, 2, 3)))
        if mask is not None:
            weights = add(weights, mask)
        combined = self.sinks.forward(weights)
        combined = sub(combined, largest(combined))
        probabilities = softmax(combined)
        without_sinks = narrow(probabilities, -1, k.shape[2])
        weights = cast(self.dropout(without_sinks), values.dtype)
        with module("mix"):
            output = matmul(weights, values)
        output = contiguous(transpose(output, 1, 2))
        return output, weights


class GPT2Scores(Scores):
    """GPT-2's: the softmax in the dtype of the scores."""

    def eager(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Attended:
        """Run eager attention."""
        keys = repeat_kv(k, self.heads.groups)
        values = repeat_kv(v, self.heads.groups)
        with module("scores"):
            weights = scale(matmul(q, transpose(keys, 2, 3)))
        if mask is not None:
            weights = add(weights, mask)
        weights = softmax(weights)
        weights = cast(weights, v.dtype)
        weights = self.dropout(weights)
        with module("mix"):
            output = matmul(weights, values)
        output = transpose(output, 1, 2)
        return output, weights


def repeat_kv(x: Tensor, times: int) -> Tensor:
    """Copy each head of keys or values ``times`` times: (B, g, K, w) to (B, g times, K, w)."""
    if times == 1:
        return x
    batch, heads, kv_len, width = x.shape
    repeated = expand(unsqueeze(x, 2), batch, heads, times, kv_len, width)
    return reshape(repeated, batch, heads * times, kv_len, width)
