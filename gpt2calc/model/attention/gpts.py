"""Attention of GPT, GPT-J and GPT-Neo, which write it out in their own ways.

Shapes: B sequences of S tokens of width d; h heads of width w; K keys.
"""

from gpt2calc.model.attention.attention import NO_ADDITIONS, Additions, Attention, LayerContext
from gpt2calc.model.attention.masks import Implementation
from gpt2calc.model.attention.scores import Attended, Scores, in_one_kernel, repeat_kv
from gpt2calc.tape.elementwise import (
    add,
    cast,
    elementwise,
    mul,
    scale,
    where,
)
from gpt2calc.tape.matmul import matmul
from gpt2calc.tape.recorder import module
from gpt2calc.tape.reductions import softmax
from gpt2calc.tape.tensor import Tensor, empty
from gpt2calc.tape.views import (
    contiguous,
    transpose,
    view,
)


class GPTJScores(Scores):
    """GPT-J's: queries and keys in float32."""

    def eager(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Attended:
        """Run eager attention."""
        k = repeat_kv(k, self.heads.groups)
        v = repeat_kv(v, self.heads.groups)
        with module("scores"):
            weights = scale(matmul(cast(q, "float32"), transpose(cast(k, "float32"), 2, 3)))
        if mask is not None:
            weights = add(weights, mask)
        weights = cast(softmax(weights), v.dtype)
        weights = self.dropout(weights)
        with module("mix"):
            output = matmul(weights, v)
        output = contiguous(transpose(output, 1, 2))
        return output, weights


class PlainAttention(Attention):
    """Attention of a class whose forward pass takes no additions, such as norms or a gate."""

    @classmethod
    def takes(cls, additions: Additions) -> bool:
        """Tell whether there are plain queries, keys and values alone."""
        return additions == NO_ADDITIONS


class GPTAttention(PlainAttention):
    """The first GPT's: the mask is a buffer of numbers, with which the scores are multiplied."""

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Attend from each token of (B, S, d) to itself and those before it."""
        batch, seq, _ = x.shape
        q, k, v, *_held = self.projection.forward(x)
        if context.cache is not None:
            k, v = context.cache.update(context.layer, k, v)
        if context.implementation == "flash":
            attended = in_one_kernel(q, k, v)
        else:
            k = repeat_kv(k, self.scores.heads.groups)
            v = repeat_kv(v, self.scores.heads.groups)
            attended = self._attended(q, transpose(k, 2, 3), v)
        output = contiguous(transpose(attended, 1, 2))
        output = view(output, batch, seq, self.scores.heads.query_width)
        output = self.out(output)
        output = self.dropout(output)
        return output, None

    def _attended(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        with module("scores"):
            weights = scale(matmul(q, k))
        buffer = Tensor((1, 1, *weights.shape[2:]), self.out.weight.dtype)
        weights = add(mul(weights, buffer), self._masked(buffer))
        weights = softmax(weights)
        weights = self.scores.dropout(weights)
        with module("mix"):
            return matmul(weights, v)

    def _masked(self, buffer: Tensor) -> Tensor:
        return scale(elementwise("rsub", buffer))


class GPTNeoScores(Scores):
    """GPT-Neo's: eager even where SDPA is asked for, in float32; its mask of bools is a buffer."""

    def __call__(
        self, implementation: Implementation, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None
    ) -> Attended:
        """Return (B, h, S, w), and the probabilities (B, h, S, K)."""
        return self.flash(q, k, v) if implementation == "flash" else self.eager(q, k, v, mask)

    def flash(self, q: Tensor, k: Tensor, v: Tensor) -> Attended:
        """Run one kernel that holds no scores."""
        return in_one_kernel(q, k, v), None

    def eager(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Attended:
        """Run eager attention."""
        v = repeat_kv(v, self.heads.groups)
        q = cast(q, "float32")
        k = cast(repeat_kv(k, self.heads.groups), "float32")
        with module("scores"):
            weights = matmul(q, transpose(k, -1, -2))
        least = empty("lift_fresh", (), weights.dtype)
        weights = where(weights, least, Tensor(weights.shape, "bool"))
        if mask is not None:
            weights = add(weights, mask)
        weights = softmax(weights)
        weights = cast(weights, v.dtype)
        weights = self.dropout(weights)
        with module("mix"):
            output = matmul(weights, v)
        return output, weights


class GPTNeoAttention(PlainAttention):
    """GPT-Neo's: a method of its own, ``_merge_heads``, joins the heads."""

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Attend from each token of (B, S, d) to itself and those before it."""
        q, k, v = self.projection.forward(x)
        if context.cache is not None:
            k, v = context.cache.update(context.layer, k, v)
        output, weights = self.scores(context.implementation, q, k, v, context.mask)
        output = self._merged(output)
        output = self.out(output)
        output = self.dropout(output)
        return output, weights

    def _merged(self, output: Tensor) -> Tensor:
        batch, heads, seq, width = output.shape
        output = contiguous(transpose(output, 1, 2))
        return view(output, batch, seq, heads * width)
