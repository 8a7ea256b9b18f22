"""Projections: how queries, keys and values are made of the hidden states.

Shapes: B sequences of S tokens of width d; h heads of width w; g heads of keys and values.
"""

from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.linear import Matrix
from gpt2calc.model.part import Leaf, Part
from gpt2calc.tape.elementwise import scale
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import reshape, split, transpose, view


def in_heads(x: Tensor, width: int) -> Tensor:
    """See (B, S, h w) as (B, S, h, w)."""
    batch, seq, _ = x.shape
    return view(x, batch, seq, -1, width)


class Projection(Part[[Tensor], tuple[Tensor, ...]]):
    """Makes queries (B, h, S, w), keys and values (B, g, S, w) of hidden states (B, S, d).

    What may come after the three: a gate, or tensors that attention in transformers has a name for
    and so keeps alive.
    """

    transposes = True
    """Whether queries and keys are (B, h, S, w); else (B, S, h, w), for a rotation to change."""

    def normed_query(self, q: Tensor) -> Tensor:
        """Return queries after their norm, if there is one."""
        return q

    def normed_key(self, k: Tensor) -> Tensor:
        """Return keys after their norm, if there is one."""
        return k


class SeparateProjection(Projection):
    """Queries, keys and values by a matrix each; subclasses differ in where norms stand.

    Args:
        query, key, value: the linear layers.
        heads: how they are cut into heads.
        query_norm, key_norm: or None.

    """

    def __init__(
        self,
        query: Matrix,
        key: Matrix,
        value: Matrix,
        heads: Heads,
        query_norm: Leaf | None = None,
        key_norm: Leaf | None = None,
    ) -> None:
        self.query = query
        self.key = key
        self.value = value
        self.heads = heads
        self.query_norm = query_norm
        self.key_norm = key_norm

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values, each cut into heads right after its product (Llama)."""
        q = self._in_heads(self.query(x))
        k = self._in_heads(self.key(x))
        v = self._in_heads(self.value(x))
        q = transpose(q, 1, 2)
        k = transpose(k, 1, 2)
        v = transpose(v, 1, 2)
        return q, k, v

    def _in_heads(self, x: Tensor) -> Tensor:
        return in_heads(x, self.heads.width)

    def normed_query(self, q: Tensor) -> Tensor:
        """Return queries after their norm, if there is one."""
        return q if self.query_norm is None else self.query_norm(q)

    def normed_key(self, k: Tensor) -> Tensor:
        """Return keys after their norm, if there is one."""
        return k if self.key_norm is None else self.key_norm(k)


class NormedPerHead(SeparateProjection):
    """Qwen 3's projection: norms of (B, S, h, w), each right after its product."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values."""
        q = self.normed_query(self._in_heads(self.query(x)))
        k = self.normed_key(self._in_heads(self.key(x)))
        v = self._in_heads(self.value(x))
        q = transpose(q, 1, 2)
        k = transpose(k, 1, 2)
        v = transpose(v, 1, 2)
        return q, k, v


class NormedWithGate(SeparateProjection):
    """Qwen3-Next's projection: a gate beside each query, made by the same matrix."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values, and the gate (B, S, h w)."""
        batch, seq, _ = x.shape
        width = self.heads.width
        q, gate = split(view(self.query(x), batch, seq, -1, 2 * width), (width, width))
        gate = reshape(gate, batch, seq, -1)
        q = transpose(self.normed_query(q), 1, 2)
        k = transpose(self.normed_key(self._in_heads(self.key(x))), 1, 2)
        v = transpose(self._in_heads(self.value(x)), 1, 2)
        return q, k, v, gate


class NormedBeforeTransposing(SeparateProjection):
    """Cohere's projection: norms of (B, S, h, w), after all three products."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values."""
        q = self._in_heads(self.query(x))
        k = self._in_heads(self.key(x))
        v = self._in_heads(self.value(x))
        q = self.normed_query(q)
        k = self.normed_key(k)
        q = transpose(q, 1, 2)
        k = transpose(k, 1, 2)
        v = transpose(v, 1, 2)
        return q, k, v


class NormedAfterTransposing(SeparateProjection):
    """Phi's and Gemma 3's projection: norms of (B, h, S, w)."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values."""
        q, k, v = super().forward(x)
        q = self.normed_query(q)
        k = self.normed_key(k)
        return q, k, v


class ViewedLate(SeparateProjection):
    """OLMo's, StableLM's and GPT-Neo's projection: cut into heads after all three products."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values."""
        q = self.query(x)
        k = self.key(x)
        v = self.value(x)
        q = transpose(self._in_heads(q), 1, 2)
        k = transpose(self._in_heads(k), 1, 2)
        v = transpose(self._in_heads(v), 1, 2)
        if self.query_norm is not None:
            q = self.normed_query(q)
            k = self.normed_key(k)
        return q, k, v


class NormedWhole(SeparateProjection):
    """OLMo 2's projection: norms of (B, S, h w), over all heads."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values."""
        q = self.normed_query(self.query(x))
        k = self.normed_key(self.key(x))
        v = self.value(x)
        q = transpose(self._in_heads(q), 1, 2)
        k = transpose(self._in_heads(k), 1, 2)
        v = transpose(self._in_heads(v), 1, 2)
        return q, k, v


class ScaledQueries(SeparateProjection):
    """OPT's projection: queries are scaled before they are cut into heads."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values."""
        q = scale(self.query(x))
        q = transpose(self._in_heads(q), 1, 2)
        k = self.key(x)
        v = self.value(x)
        k = transpose(self._in_heads(k), 1, 2)
        v = transpose(self._in_heads(v), 1, 2)
        return q, k, v


class ForLaterTransposing(SeparateProjection):
    """GPT-J's projection: queries and keys (B, S, h, w), which its rotation transposes."""

    transposes = False

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values."""
        q = self._in_heads(self.query(x))
        k = self._in_heads(self.key(x))
        v = transpose(self._in_heads(self.value(x)), 1, 2)
        return q, k, v


class WithOwnGate(Projection):
    """Any projection beside a matrix of its own for the gate, as in AFMoE."""

    def __init__(self, projection: Projection, gate: Matrix) -> None:
        self.projection = projection
        self.gate = gate
        self.transposes = projection.transposes

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values, and the gate (B, S, h w)."""
        gate = self.gate(x)
        q, k, v, *_held = self.projection.forward(x)
        return q, k, v, gate

    def normed_query(self, q: Tensor) -> Tensor:
        """Return queries after their norm, if there is one."""
        return self.projection.normed_query(q)

    def normed_key(self, k: Tensor) -> Tensor:
        """Return keys after their norm, if there is one."""
        return self.projection.normed_key(k)
