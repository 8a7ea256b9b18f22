"""Attention of families unlike Llama and GPT-2: GPT, GPT-J, GPT-Neo, BLOOM, MPT, Falcon.

Shapes: B sequences of S tokens of width d; h heads of width w; K keys.
"""

from gpt2calc.model.attention import (
    NO_ADDITIONS,
    Additions,
    Attended,
    Attention,
    LayerContext,
    Scores,
    repeat_kv,
)
from gpt2calc.model.heads import Heads
from gpt2calc.model.linear import Conv1D, Linear
from gpt2calc.model.masks import Implementation
from gpt2calc.model.mlp import Dropout
from gpt2calc.model.part import Part
from gpt2calc.model.rotary import Rotary
from gpt2calc.tape import attention as kernels
from gpt2calc.tape.elementwise import (
    add,
    cast,
    elementwise,
    masked_fill,
    mul,
    scale,
    where,
)
from gpt2calc.tape.indexing import pick
from gpt2calc.tape.inplace import scale_
from gpt2calc.tape.matmul import baddbmm, bmm, matmul
from gpt2calc.tape.recorder import module
from gpt2calc.tape.reductions import softmax
from gpt2calc.tape.tensor import Tensor, empty
from gpt2calc.tape.views import (
    contiguous,
    expand,
    flatten,
    narrow,
    reshape,
    select,
    split,
    transpose,
    view,
)


def dropout_add(x: Tensor, residual: Tensor, dropout: Dropout) -> Tensor:
    """Return ``residual`` plus ``x`` after dropout: a function of its own in BLOOM and Falcon."""
    out = dropout(x)
    out = add(residual, out)
    return out  # noqa: RET504 (a name that holds its tensor, as everywhere)


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
    """GPT-Neo's: always eager, in float32, with a mask of bools that is a buffer."""

    def __call__(
        self, implementation: Implementation, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None
    ) -> Attended:
        """Return (B, h, S, w), and the probabilities (B, h, S, K)."""
        return self.eager(q, k, v, mask)

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


class BloomAttention(Part[[Tensor, Tensor, LayerContext], tuple[Tensor, Tensor]]):
    """BLOOM's: scores are added to ALiBi's bias, and the residual is added inside."""

    role = "attention"

    def __init__(self, qkv: Linear | Conv1D, out: Linear | Conv1D, heads: Heads) -> None:
        self.qkv = qkv
        self.out = out
        self.heads = heads
        self.softmax_dropout = Dropout("softmax")
        self.dropout = Dropout("attention_dropout")

    def _parts(self, qkv: Tensor) -> tuple[Tensor, ...]:
        batch, seq, _ = qkv.shape
        qkv = view(qkv, batch, seq, self.heads.query, 3, -1)
        return tuple(transpose(select(qkv, 3), 1, 2) for _ in range(3))

    def forward(self, x: Tensor, residual: Tensor, context: LayerContext) -> tuple[Tensor, Tensor]:
        """Attend from each token of (B, S, d), and add ``residual``."""
        batch, seq, width = x.shape
        heads = self.heads.query
        assert context.alibi is not None
        qkv = self.qkv(x)
        q, k, v = self._parts(qkv)
        if context.cache is not None:
            k, v = context.cache.update(context.layer, k, v)
        q = reshape(q, batch * heads, -1, width // heads)
        k = transpose(reshape(k, batch * heads, -1, width // heads), 1, 2)
        v = reshape(v, batch * heads, -1, width // heads)
        with module("scores"):
            scores = baddbmm(context.alibi, q, k)
        weights = view(scores, batch, heads, seq, -1)
        if context.mask is not None:
            weights = add(weights, context.mask)
        probabilities = cast(softmax(weights, "float32"), q.dtype)
        probabilities = self.softmax_dropout(probabilities)
        rows = view(probabilities, batch * heads, seq, -1)
        with module("mix"):
            mixed = bmm(rows, v)
        mixed = self._merged(mixed, batch)
        output = self.out(mixed)
        output = dropout_add(output, residual, self.dropout)
        return output, probabilities

    def _merged(self, x: Tensor, batch: int) -> Tensor:
        _, seq, width = x.shape
        x = view(x, batch, self.heads.query, seq, width)
        x = transpose(x, 1, 2)
        return reshape(x, batch, seq, self.heads.query * width)


class MPTAttention(Part[[Tensor, LayerContext], tuple[Tensor, Tensor]]):
    """MPT's: ALiBi's bias is added to the scores, then ``masked_fill`` applies the mask."""

    role = "attention"

    def __init__(self, qkv: Linear | Conv1D, out: Linear | Conv1D, heads: Heads) -> None:
        self.qkv = qkv
        self.out = out
        self.heads = heads
        self.softmax_dropout = Dropout("softmax")

    def forward(self, x: Tensor, context: LayerContext) -> tuple[Tensor, Tensor]:
        """Attend from each token of (B, S, d) to itself and those before it."""
        batch, seq, width = x.shape
        assert context.alibi is not None
        qkv = self.qkv(x)
        q, k, v = split(qkv, (width,) * 3)
        q = self._in_heads(q)
        k = self._in_heads(k)
        v = self._in_heads(v)
        if context.cache is not None:
            k, v = context.cache.update(context.layer, k, v)
        with module("scores"):
            weights = scale(matmul(q, transpose(k, 2, 3)))
        bias = narrow(context.alibi, 2, k.shape[2])
        weights = add(weights, bias)
        if context.mask is not None:
            weights = masked_fill(weights, context.mask)
        probabilities = cast(softmax(cast(weights, "float32")), v.dtype)
        probabilities = self.softmax_dropout(probabilities)
        with module("mix"):
            mixed = matmul(probabilities, v)
        mixed = view(contiguous(transpose(mixed, 1, 2)), batch, seq, -1)
        output = self.out(mixed)
        return output, probabilities

    def _in_heads(self, x: Tensor) -> Tensor:
        batch, seq, _ = x.shape
        return transpose(reshape(x, batch, seq, self.heads.query, -1), 1, 2)


class FalconAttention(Part[[Tensor, LayerContext], Attended]):
    """Falcon's: one matrix of queries, keys and values.

    The new decoder has each group of queries with its key and value, and copies keys and values for
    all queries before they are cached.
    """

    role = "attention"

    def __init__(
        self,
        qkv: Linear | Conv1D,
        out: Linear | Conv1D,
        rotary: Rotary | None,
        heads: Heads,
        *,
        groups_qkv: bool,
    ) -> None:
        self.qkv = qkv
        self.out = out
        self.rotary = rotary
        self.heads = heads
        self.groups_qkv = groups_qkv
        self.softmax_dropout = Dropout("softmax")

    @property
    def is_new(self) -> bool:
        """Whether queries stand in groups with their key and value, as in the new decoder."""
        return copies_keys(self.heads, groups_qkv=self.groups_qkv)

    def _parts(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, seq, _ = qkv.shape
        if self.is_new:
            groups = self.heads.groups
            qkv = view(qkv, batch, seq, self.heads.kv, groups + 2, self.heads.width)
            q = narrow(qkv, 3, groups)
            k = pick(qkv, 3)
            v = pick(qkv, 3)
            k = expand(k, *q.shape)
            v = expand(v, *q.shape)
            q, k, v = [flatten(each, 2) for each in (q, k, v)]
            return q, k, v
        if self.heads.kv == self.heads.query:
            qkv = view(qkv, batch, seq, self.heads.query, 3, self.heads.width)
            return select(qkv, 3), select(qkv, 3), select(qkv, 3)
        qkv = view(qkv, batch, seq, self.heads.query + 2, self.heads.width)
        return narrow(qkv, 2, self.heads.query), pick(qkv, 2), pick(qkv, 2)

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Attend from each token of (B, S, d) to itself and those before it."""
        qkv = self.qkv(x)
        q, k, v = self._parts(qkv)
        batch, seq, _, _ = q.shape
        kv_heads = self.heads.query if self.is_new else self.heads.kv
        q = reshape(transpose(q, 1, 2), batch, self.heads.query, seq, self.heads.width)
        k = reshape(transpose(k, 1, 2), batch, kv_heads, seq, self.heads.width)
        v = reshape(transpose(v, 1, 2), batch, kv_heads, seq, self.heads.width)
        if self.rotary is not None and context.rotation is not None:
            q, k, *_held = self.rotary.turn(q, k, context.rotation)
        if context.cache is not None:
            k, v = context.cache.update(context.layer, k, v)
        if context.implementation == "sdpa":
            with module("scores"):
                output = kernels.sdpa(q, k, v, context.mask)
            output = self._joined(output)
            output = self.out(output)
            return output, None
        return self._eager(q, k, v, context, x.dtype)

    def _eager(
        self, q: Tensor, k: Tensor, v: Tensor, context: LayerContext, dtype: str
    ) -> Attended:
        """Run eager attention, the softmax in ``dtype``."""
        with module("scores"):
            weights = matmul(q, transpose(k, 2, 3))
        weights = scale_(weights)
        masked = weights if context.mask is None else add(weights, context.mask)
        weights = softmax(cast(masked, dtype))
        del masked
        with module("mix"):
            output = matmul(weights, v)
        output = self._joined(output)
        output = self.out(output)
        return output, weights

    def _joined(self, output: Tensor) -> Tensor:
        """Join the heads of (B, h, S, w)."""
        batch, _, seq, _ = output.shape
        output = transpose(output, 1, 2)
        return reshape(output, batch, seq, self.heads.query_width)


def copies_keys(heads: Heads, *, groups_qkv: bool) -> bool:
    """Tell whether Falcon's attention copies keys and values for all queries, and caches copies."""
    return groups_qkv or heads.kv not in (1, heads.query)


class FalconAlibiAttention(FalconAttention):
    """Falcon's with ALiBi: scores in float32; the bias, a part of the mask, is added once more."""

    def _eager(
        self, q: Tensor, k: Tensor, v: Tensor, context: LayerContext, dtype: str
    ) -> Attended:
        """Run eager attention, the softmax in ``dtype``."""
        assert context.alibi is not None
        assert context.mask is not None
        with module("scores"):
            scores = matmul(q, transpose(k, 2, 3))
        in_float32 = cast(scores, "float32")
        biased = scale_(add(in_float32, self._bias(context.alibi, q.shape[0])))
        masked = add(biased, context.mask)
        weights = softmax(cast(masked, dtype))
        del masked
        weights = self.softmax_dropout(weights)
        with module("mix"):
            output = matmul(weights, v)
        output = self._joined(output)
        output = self.out(output)
        return output, weights

    def _bias(self, alibi: Tensor, batch: int) -> Tensor:
        return view(alibi, batch, self.heads.query, 1, -1)
