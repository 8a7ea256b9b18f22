"""BLOOM's and MPT's attention: ALiBi's bias is added to the scores.

Shapes: B sequences of S tokens of width d.
"""

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.attention.scores import Attended, in_one_kernel
from gpt2calc.model.dropout import Dropout, dropout_add
from gpt2calc.model.linear import Matrix
from gpt2calc.model.part import Part
from gpt2calc.tape.elementwise import (
    add,
    cast,
    masked_fill,
    scale,
)
from gpt2calc.tape.matmul import baddbmm, bmm, matmul
from gpt2calc.tape.recorder import module
from gpt2calc.tape.reductions import softmax
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import (
    contiguous,
    narrow,
    reshape,
    select,
    split,
    transpose,
    view,
)


class BloomAttention(Part[[Tensor, Tensor, LayerContext], Attended]):
    """BLOOM's: scores are added to ALiBi's bias, and the residual is added inside."""

    role = "attention"

    def __init__(self, qkv: Matrix, out: Matrix, heads: Heads) -> None:
        self.qkv = qkv
        self.out = out
        self.heads = heads
        self.softmax_dropout = Dropout("softmax")
        self.dropout = Dropout("attention_dropout")

    def _parts(self, qkv: Tensor) -> tuple[Tensor, ...]:
        batch, seq, _ = qkv.shape
        qkv = view(qkv, batch, seq, self.heads.query, 3, -1)
        # Tensors have sizes and no values, so that it is not said which of the three is selected.
        return tuple(transpose(select(qkv, 3), 1, 2) for _ in range(3))

    def forward(self, x: Tensor, residual: Tensor, context: LayerContext) -> Attended:
        """Attend from each token of (B, S, d), and add ``residual``."""
        batch, seq, width = x.shape
        heads = self.heads.query
        assert context.alibi is not None
        qkv = self.qkv(x)
        q, k, v = self._parts(qkv)
        if context.cache is not None:
            k, v = context.cache.update(context.layer, k, v)
        if context.implementation == "flash":
            output = self.out(flash(q, k, v))
            return dropout_add(output, residual, self.dropout), None
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


def flash(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend in one kernel that holds no scores, and join the heads: (B, S, d)."""
    batch, heads, seq, width = q.shape
    return reshape(transpose(in_one_kernel(q, k, v), 1, 2), batch, seq, heads * width)


class MPTAttention(Part[[Tensor, LayerContext], Attended]):
    """MPT's: ALiBi's bias is added to the scores, then ``masked_fill`` applies the mask."""

    role = "attention"

    def __init__(self, qkv: Matrix, out: Matrix, heads: Heads) -> None:
        self.qkv = qkv
        self.out = out
        self.heads = heads
        self.softmax_dropout = Dropout("softmax")

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
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
        if context.implementation == "flash":
            return self.out(flash(q, k, v)), None
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
