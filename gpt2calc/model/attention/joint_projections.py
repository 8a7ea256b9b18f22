"""Projections by one matrix for queries, keys and values together.

Shapes: B sequences of S tokens of width d; h heads of width w; g heads of keys and values.
"""

from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.attention.projections import Projection, in_heads
from gpt2calc.model.linear import Matrix
from gpt2calc.model.part import Leaf
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import narrow, reshape, split, transpose, unsqueeze, view


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
        qkv: Matrix,
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
