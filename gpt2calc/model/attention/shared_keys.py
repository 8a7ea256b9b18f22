"""Attention that may take keys and values from an earlier layer, or use keys as values.

Source: transformers, ``models/gemma3n/modeling_gemma3n.py`` and ``models/gemma4/``, ``*Attention``.
Shapes: B sequences of S tokens of width d; h heads of width w; g heads of keys and values.
"""

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.attention.projections import in_heads
from gpt2calc.model.attention.rotary import Rotation, rotate_half
from gpt2calc.model.attention.scores import Attended, Scores, Sinks
from gpt2calc.model.dropout import Dropout
from gpt2calc.model.linear import Matrix
from gpt2calc.model.norms import NormPerHead, ParameterFreeNorm
from gpt2calc.model.part import HiddenToHidden, Identity, Leaf, Part
from gpt2calc.tape.elementwise import add, cat, mul
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import contiguous, reshape, split, transpose, unsqueeze


class KeysAndValues(Part[[Tensor, Rotation | None], tuple[Tensor, Tensor]]):
    """Makes keys and values (B, g, S, w) of hidden states.

    Args:
        key, value: the linear layers; without one for values, values are the keys before norm and
            rotation.
        heads: how keys and values are cut into heads.
        key_norm, value_norm: or None; that of values has no scale.
        norms_whole: whether keys are normed over all heads, and not head by head.
        has_halves: whether tables of positions are for half the features, as in GPT-J.

    """

    def __init__(
        self,
        key: Matrix,
        value: Matrix | None,
        heads: Heads,
        key_norm: Leaf | None,
        value_norm: ParameterFreeNorm | None,
        *,
        norms_whole: bool,
        has_halves: bool,
    ) -> None:
        self.key = key
        self.value = value
        self.heads = heads
        self.key_norm = key_norm
        self.value_norm = value_norm
        self.norms_whole = norms_whole
        self.has_halves = has_halves

    def forward(self, x: Tensor, rotation: Rotation | None) -> tuple[Tensor, Tensor]:
        """Return keys and values of (B, S, d)."""
        made = self.key(x)
        v = in_heads(made if self.value is None else self.value(x), self.heads.value_width)
        k = _normed_in_heads(made, self.heads.width, self.key_norm, whole=self.norms_whole)
        k = transpose(_turned(k, rotation, has_halves=self.has_halves), 1, 2)
        v = v if self.value_norm is None else self.value_norm(v)
        return k, transpose(v, 1, 2)


class SharingAttention(Part[[Tensor, LayerContext], Attended]):
    """Gemma 3n's and 4's attention: keys and values may be an earlier layer's of the same kind.

    Models whose values have a width or a norm of their own have this attention as well.

    Args:
        query: the linear layer.
        query_norm: or None.
        keys_and_values: what makes them; None where they are an earlier layer's.
        scores: how values are weighed.
        out: the output projection.
        sinks: or None.
        has_rope: whether queries are rotated by their positions.
        norms_whole: whether queries are normed over all heads, and not head by head.
        has_halves: whether tables of positions are for half the features, as in GPT-J.
        kind: what layers that share keys and values have in common.

    """

    role = "attention"

    def __init__(
        self,
        query: Matrix,
        query_norm: Leaf | None,
        keys_and_values: KeysAndValues | None,
        scores: Scores,
        out: Matrix,
        sinks: Sinks | None,
        *,
        has_rope: bool,
        norms_whole: bool,
        has_halves: bool,
        kind: object,
    ) -> None:
        self.query = query
        self.query_norm = query_norm
        self.keys_and_values = keys_and_values
        self.sinks = sinks
        self.scores = scores
        self.sub_norm: HiddenToHidden = Identity()
        self.out = out
        self.has_rope = has_rope
        self.norms_whole = norms_whole
        self.has_halves = has_halves
        self.kind = kind
        self.dropout = Dropout("attention_dropout")

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Attend from each token of (B, S, d) to itself and those before it."""
        batch, seq, _ = x.shape
        width = self.scores.heads.width
        q = _normed_in_heads(self.query(x), width, self.query_norm, whole=self.norms_whole)
        rotation = context.rotation if self.has_rope else None
        q = transpose(_turned(q, rotation, has_halves=self.has_halves), 1, 2)
        k, v = self._keys_and_values(x, context, rotation)
        output, weights = self.scores(context.implementation, q, k, v, context.mask)
        output = contiguous(reshape(output, batch, seq, -1))
        return self.dropout(self.out(self.sub_norm(output))), weights

    def _keys_and_values(
        self, x: Tensor, context: LayerContext, rotation: Rotation | None
    ) -> tuple[Tensor, Tensor]:
        if self.keys_and_values is None:
            return context.shared[self.kind]
        k, v = self.keys_and_values(x, rotation)
        if context.cache is not None:
            k, v = context.cache.update(context.layer, k, v)
        context.shared[self.kind] = k, v
        return k, v


def _normed_in_heads(x: Tensor, width: int, norm: Leaf | None, *, whole: bool) -> Tensor:
    """See (B, S, h w) as (B, S, h, w), with a norm of each head, or before of all."""
    if norm is None:
        return in_heads(x, width)
    if isinstance(norm, NormPerHead):
        return transpose(norm(transpose(in_heads(x, width), 1, 2)), 1, 2)
    return in_heads(norm(x), width) if whole else norm(in_heads(x, width))


def _turned(x: Tensor, rotation: Rotation | None, *, has_halves: bool) -> Tensor:
    """Turn (B, S, h, w): of each head as many features as the tables are wide, or twice as many."""
    if rotation is None:
        return x
    cos, sin = (unsqueeze(each, 2) for each in rotation)
    if has_halves:
        cos, sin = cat((cos, cos), -1), cat((sin, sin), -1)
    turned = cos.shape[-1]
    if turned == x.shape[-1]:
        return add(mul(x, cos), mul(rotate_half(x), sin))
    x, rest = split(x, (turned, x.shape[-1] - turned))
    return cat((add(mul(x, cos), mul(rotate_half(x), sin)), rest), -1)
