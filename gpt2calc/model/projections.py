"""Projections: how queries, keys and values are made of the hidden states.

Shapes: B sequences of S tokens of width d; h heads of width w; g heads of keys and values.
"""

from gpt2calc.model.heads import Heads
from gpt2calc.model.linear import Conv1D, Linear
from gpt2calc.model.part import Leaf, Part
from gpt2calc.tape.elementwise import scale
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import narrow, reshape, split, transpose, unsqueeze, view


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
        query: Linear | Conv1D,
        key: Linear | Conv1D,
        value: Linear | Conv1D,
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


class JointProjection(Projection):
    """GPT-2's projection: one matrix for queries, keys and values, side by side.

    Args:
        qkv: the linear layer.
        query_width, kv_width: of all heads together.
        heads: how they are cut into heads.
        query_norm, key_norm: or None.

    """

    can_share_kv = True
    """Whether queries can share heads of keys and values."""

    def __init__(
        self,
        qkv: Linear | Conv1D,
        query_width: int,
        kv_width: int,
        heads: Heads,
        query_norm: Leaf | None = None,
        key_norm: Leaf | None = None,
    ) -> None:
        self.qkv = qkv
        self.query_norm = query_norm
        self.key_norm = key_norm
        self.query_width = query_width
        self.kv_width = kv_width
        self.heads = heads

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values."""
        widths = (self.query_width, self.kv_width, self.kv_width)
        q, k, v = split(self.qkv(x), widths)
        if self._norms_are_whole:
            q, k = self._normed(q, k)
        k = transpose(in_heads(k, self.heads.width), 1, 2)
        v = transpose(in_heads(v, self.heads.width), 1, 2)
        q = transpose(in_heads(q, self.heads.width), 1, 2)
        if not self._norms_are_whole:
            q, k = self._normed(q, k)
        return q, k, v

    @property
    def _norms_are_whole(self) -> bool:
        """Whether norms of queries and keys are over all heads."""
        weight = None if self.query_norm is None else self.query_norm.weight
        return weight is not None and weight.shape == (self.query_width,)

    def _normed(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        if self.query_norm is None or self.key_norm is None:
            return q, k
        return self.query_norm(q), self.key_norm(k)


class JointWithGate(JointProjection):
    """One matrix for queries, their gates, keys and values, side by side."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values, and the gate (B, S, h w)."""
        widths = (self.query_width, self.query_width, self.kv_width, self.kv_width)
        q, gate, k, v = split(self.qkv(x), widths)
        if self._norms_are_whole:
            q, k = self._normed(q, k)
        k = transpose(in_heads(k, self.heads.width), 1, 2)
        v = transpose(in_heads(v, self.heads.width), 1, 2)
        q = transpose(in_heads(q, self.heads.width), 1, 2)
        if not self._norms_are_whole:
            q, k = self._normed(q, k)
        return q, k, v, gate


class SlicedProjection(JointProjection):
    """Phi-3's projection: the joint outcome is sliced, and keeps its name."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values, and the joint outcome."""
        qkv = self.qkv(x)
        q = narrow(qkv, -1, self.query_width)
        k = narrow(qkv, -1, self.kv_width)
        v = narrow(qkv, -1, self.kv_width)
        q = transpose(in_heads(q, self.heads.width), 1, 2)
        k = transpose(in_heads(k, self.heads.width), 1, 2)
        v = transpose(in_heads(v, self.heads.width), 1, 2)
        return q, k, v, qkv


class ByHeadProjection(JointProjection):
    """GPT-NeoX's projection: head by head, each with its query, key and value."""

    can_share_kv = False

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values, and the joint outcome."""
        batch, seq, _ = x.shape
        qkv = transpose(view(self.qkv(x), batch, seq, -1, 3 * self.heads.width), 1, 2)
        q, k, v = split(qkv, (self.heads.width,) * 3)
        return q, k, v, qkv


class BigCodeProjection(JointProjection):
    """GPT-BigCode's projection: head by head, or all queries with one key and one value."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values."""
        batch, seq, _ = x.shape
        width = self.heads.width
        if self.kv_width == self.query_width:
            qkv = transpose(view(self.qkv(x), batch, seq, self.heads.query, 3 * width), 1, 2)
            return tuple(split(qkv, (width,) * 3, 3))
        widths = (self.query_width, self.kv_width, self.kv_width)
        q, k, v = split(unsqueeze(self.qkv(x), 1), widths, 3)
        q = transpose(view(q, batch, seq, -1, width), 1, 2)
        if self.kv_width != width:
            k = transpose(view(k, batch, seq, -1, width), 1, 2)
            v = transpose(view(v, batch, seq, -1, width), 1, 2)
        return q, k, v


class CodeGenProjection(JointProjection):
    """CodeGen's projection: four groups of queries, values and keys; queries (B, S, h, w)."""

    transposes = False
    can_share_kv = False
    GROUPS = 4

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values, and what the joint outcome was cut into."""
        batch, seq, _ = x.shape
        groups = view(self.qkv(x), batch, seq, self.GROUPS, -1)
        q, v, k = split(groups, (groups.shape[-1] // 3,) * 3)
        q = reshape(q, batch, seq, -1, self.heads.width)
        k = reshape(k, batch, seq, -1, self.heads.width)
        v = transpose(reshape(v, batch, seq, -1, self.heads.width), 1, 2)
        return q, k, v, groups


class WithOwnGate(Projection):
    """Any projection beside a matrix of its own for the gate, as in AFMoE."""

    def __init__(self, projection: Projection, gate: Linear | Conv1D) -> None:
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
