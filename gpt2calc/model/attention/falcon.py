"""Falcon's attention, whose newer decoder copies keys and values for all queries.

Shapes: B sequences of S tokens of width d; h heads of width w; K keys.
"""

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.attention.rotary import Rotary
from gpt2calc.model.attention.scores import Attended, in_one_kernel
from gpt2calc.model.dropout import Dropout
from gpt2calc.model.linear import Matrix
from gpt2calc.model.part import Part
from gpt2calc.tape import attention as kernels
from gpt2calc.tape.elementwise import (
    add,
    cast,
)
from gpt2calc.tape.indexing import pick
from gpt2calc.tape.inplace import scale_
from gpt2calc.tape.matmul import matmul
from gpt2calc.tape.recorder import module
from gpt2calc.tape.reductions import softmax
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import (
    expand,
    flatten,
    narrow,
    reshape,
    select,
    transpose,
    view,
)


class FalconAttention(Part[[Tensor, LayerContext], Attended]):
    """Falcon's: one matrix of queries, keys and values.

    The new decoder has each group of queries with its key and value, and copies keys and values for
    all queries before they are cached.
    """

    role = "attention"

    def __init__(
        self,
        qkv: Matrix,
        out: Matrix,
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
        if context.implementation != "eager":
            if context.implementation == "flash":
                output = in_one_kernel(q, k, v)
            else:
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
