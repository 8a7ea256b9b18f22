"""Rotation of a part of each head: the other features stay as they are.

Source: transformers, ``models/*/modeling_*.py``, ``apply_rotary_pos_emb``.
"""

from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.attention.rotary import (
    ByNeighbours,
    Rotary,
    Rotation,
    WholeRotary,
    rotate_pairs,
)
from gpt2calc.tape.elementwise import add, cast, cat, mul
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import narrow, repeat_interleave, transpose, unsqueeze


class PartialRotary(Rotary):
    """Phi's and StableLM's rotation: cut in two and joined in attention's forward pass."""

    def __init__(self, heads: Heads) -> None:
        super().__init__(heads)
        self.whole = WholeRotary(heads)

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Rotate queries and keys, each (batch, heads, tokens, width)."""
        query_turned, query_rest = cut(query, self.width)
        key_turned, key_rest = cut(key, self.width)
        query_turned, key_turned = self.whole.turn(query_turned, key_turned, rotation)
        query = cat((query_turned, query_rest), -1)
        key = cat((key_turned, key_rest), -1)
        return query, key, query_turned, query_rest, key_turned, key_rest


class Phi3Rotary(Rotary):
    """Phi-3's rotation: queries are joined with their rest before keys are rotated."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Rotate queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = self.angles(rotation)
        query_turned, query_rest = self._cut(query)
        key_turned, key_rest = self._cut(key)
        turned = cat((self.turned(query_turned, cos, sin), query_rest), -1)
        turned_key = cat((self.turned(key_turned, cos, sin), key_rest), -1)
        return turned, turned_key

    def _cut(self, x: Tensor) -> tuple[Tensor, Tensor]:
        turned, rest = cut(x, self.width)
        return (turned if rest.shape[-1] else x), rest


class NeoXRotary(Rotary):
    """GPT-NeoX's rotation: queries and keys are both rotated before any is joined."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Rotate queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = self.angles(rotation)
        query_turned, query_rest = cut(query, self.width)
        key_turned, key_rest = cut(key, self.width)
        turned = self.turned(query_turned, cos, sin)
        turned_key = self.turned(key_turned, cos, sin)
        turned = cat([turned, query_rest], -1)
        turned_key = cat([turned_key, key_rest], -1)
        return turned, turned_key


class GLMRotary(ByNeighbours, NeoXRotary):
    """GLM's rotation: GPT-NeoX's, by pairs of neighbours."""


class NemotronRotary(Rotary):
    """Nemotron's rotation: what was rotated is kept while both are joined."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Rotate queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = self.angles(rotation)
        query_turned, query_rest = cut(query, self.width)
        key_turned, key_rest = cut(key, self.width)
        turned = self.turned(query_turned, cos, sin)
        turned_key = self.turned(key_turned, cos, sin)
        return cat((turned, query_rest), -1), cat((turned_key, key_rest), -1)


class GPTJRotary(Rotary):
    """GPT-J's rotation: a part of the width, by pairs, of (batch, tokens, heads, width)."""

    transposes = True

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Rotate queries and keys, and exchange heads and tokens."""
        sin, cos = rotation
        key_turned, key_rest = cut(key, self.width)
        query_turned, query_rest = cut(query, self.width)
        key_turned = self._turned(key_turned, sin, cos)
        query_turned = self._turned(query_turned, sin, cos)
        key = cat((key_turned, key_rest), -1)
        query = cat((query_turned, query_rest), -1)
        query = transpose(query, 1, 2)
        key = transpose(key, 1, 2)
        return query, key, query_turned, query_rest, key_turned, key_rest

    def _turned(self, x: Tensor, sin: Tensor, cos: Tensor) -> Tensor:
        sin = repeat_interleave(unsqueeze(sin, 2), 2)
        cos = repeat_interleave(unsqueeze(cos, 2), 2)
        return add(mul(x, cos), mul(rotate_pairs(x), sin))


class CodeGenRotary(GPTJRotary):
    """CodeGen's rotation: GPT-J's in float32, and cast back."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Rotate queries and keys, and exchange heads and tokens."""
        dtype = query.dtype
        query, key, *held = super().turn(query, key, rotation)
        query = cast(query, dtype)
        key = cast(key, dtype)
        return query, key, *held


def cut(x: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Cut (batch, heads, tokens, width of a head) in the features that are rotated and the rest."""
    return narrow(x, -1, width), narrow(x, -1, x.shape[-1] - width)
