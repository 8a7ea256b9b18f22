"""Rotary positions: tables of cosines and sines, and how queries and keys are turned by them.

Source: transformers, ``models/*/modeling_*.py``, ``apply_rotary_pos_emb`` and ``rotate_half``.
"""

from abc import ABC, abstractmethod
from typing import TypeAlias

from gpt2calc.model.heads import Heads
from gpt2calc.model.part import Part
from gpt2calc.tape.elementwise import (
    add,
    cast,
    cat,
    elementwise,
    mul,
    neg,
    scale,
    stack,
)
from gpt2calc.tape.tensor import Tensor, empty
from gpt2calc.tape.views import (
    every,
    flatten,
    narrow,
    repeat_interleave,
    split,
    transpose,
    unsqueeze,
)

Rotation: TypeAlias = tuple[Tensor, Tensor]
"""Cosines and sines of all positions, (1, tokens, rotary width)."""


class RotaryTables(Part[[Tensor], Rotation]):
    """Makes cosines and sines from the hidden states' shape and dtype.

    Args:
        heads: whose features are rotated.
        interleaved: whether each angle stands twice side by side, as in Cohere, and not in halves.
        stays_float32: whether the tables keep float32, as in OLMo.

    """

    role = "rotation"

    def __init__(
        self,
        heads: Heads,
        *,
        interleaved: bool = False,
        stays_float32: bool = False,
    ) -> None:
        self.heads = heads
        self.interleaved = interleaved
        self.stays_float32 = stays_float32

    def forward(self, x: Tensor) -> Rotation:
        """Return tables for the tokens of (batch, tokens, width)."""
        inverse_frequencies = Tensor((self.heads.rotated // 2,), "float32")
        freqs = elementwise(
            "mul", empty("_to_copy", (1, x.shape[1], 1), "float32"), inverse_frequencies
        )
        both = repeat_interleave(freqs, 2) if self.interleaved else cat((freqs, freqs), -1)
        cos = scale(elementwise("cos", both))
        sin = scale(elementwise("sin", both))
        if self.stays_float32:
            return cos, sin
        return cast(cos, x.dtype), cast(sin, x.dtype)


class GPTJTables(Part[[Tensor], Rotation]):
    """GPT-J's: rows of a table of float32, cut into sines and cosines of half the width."""

    role = "rotation"

    def __init__(self, heads: Heads, *, stays_float32: bool) -> None:
        self.heads = heads
        self.stays_float32 = stays_float32

    def forward(self, x: Tensor) -> Rotation:
        """Return sines and cosines for the tokens of (batch, tokens, width)."""
        width = self.heads.rotated
        rows = empty("index", (1, x.shape[1], width), "float32")
        if not self.stays_float32:
            rows = cast(rows, x.dtype)
        sin, cos = split(rows, (width // 2,) * 2)
        return sin, cos


def rotate_half(x: Tensor) -> Tensor:
    """Return the second half, its sign changed, before the first."""
    half = x.shape[-1] // 2
    first = narrow(x, -1, half)
    second = narrow(x, -1, x.shape[-1] - half)
    return cat((neg(second), first), -1)


def rotate_half_back(x: Tensor) -> Tensor:
    """Return the second half before the first, whose sign is changed."""
    half = x.shape[-1] // 2
    first = narrow(x, -1, half)
    second = narrow(x, -1, x.shape[-1] - half)
    return cat((second, neg(first)), -1)


def rotate_pairs(x: Tensor) -> Tensor:
    """Return each pair of neighbours, exchanged, the sign of one changed."""
    even = every(x, 2)
    odd = every(x, 2)
    rotated = flatten(stack((neg(odd), even)))
    return rotated  # noqa: RET504


class Rotary(ABC):
    """How queries and keys are turned.

    Its words stand in attention's own forward pass in transformers, or in a function there:
    ``turn`` returns queries and keys, then what attention would still name.

    Args:
        heads: whose features are rotated.

    """

    transposes = False
    """Whether it also exchanges heads and tokens, of (batch, tokens, heads, width)."""
    rotates_part = True
    """Whether it rotates a part of a head's features, too."""

    def __init__(self, heads: Heads) -> None:
        self.heads = heads

    @property
    def width(self) -> int:
        """How many features of a head are rotated."""
        return self.heads.rotated

    @abstractmethod
    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""


class WholeRotary(Rotary):
    """Llama's: the whole width of a head is turned."""

    casts_back = False
    rotates_part = False

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = rotation
        query_dtype, key_dtype = query.dtype, key.dtype
        cos = unsqueeze(cos, 1)
        sin = unsqueeze(sin, 1)
        turned = add(mul(query, cos), mul(self.rotated(query), sin))
        turned_key = add(mul(key, cos), mul(self.rotated(key), sin))
        if self.casts_back:
            return cast(turned, query_dtype), cast(turned_key, key_dtype)
        return turned, turned_key

    def rotated(self, x: Tensor) -> Tensor:
        """Return the halves exchanged, the sign of the second one changed."""
        return rotate_half(x)


class NanoChatRotary(WholeRotary):
    """nanochat's: the other way round."""

    def rotated(self, x: Tensor) -> Tensor:
        """Return the halves exchanged, the sign of the first one changed."""
        return rotate_half_back(x)


class OLMoRotary(WholeRotary):
    """OLMo's: the tables are float32, the outcome is cast back."""

    casts_back = True


class CohereRotary(Rotary):
    """Cohere's: in float32, by pairs of neighbours."""

    rotates_part = False

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = rotation
        dtype = query.dtype
        query = cast(query, "float32")
        key = cast(key, "float32")
        cos = unsqueeze(cos, 1)
        sin = unsqueeze(sin, 1)
        turned = add(mul(query, cos), mul(rotate_pairs(query), sin))
        turned_key = add(mul(key, cos), mul(rotate_pairs(key), sin))
        return cast(turned, dtype), cast(turned_key, dtype)


class PartialRotary(Rotary):
    """Phi's and StableLM's: a part of the width is turned, in attention's own words."""

    def __init__(self, heads: Heads) -> None:
        super().__init__(heads)
        self.whole = WholeRotary(heads)

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""
        rest = query.shape[-1] - self.width
        query_turned, query_rest = narrow(query, -1, self.width), narrow(query, -1, rest)
        key_turned, key_rest = narrow(key, -1, self.width), narrow(key, -1, rest)
        query_turned, key_turned = self.whole.turn(query_turned, key_turned, rotation)
        query = cat((query_turned, query_rest), -1)
        key = cat((key_turned, key_rest), -1)
        return query, key, query_turned, query_rest, key_turned, key_rest


class Phi3Rotary(Rotary):
    """Phi-3's: a part of the width, joined with the rest as soon as it is turned."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = rotation
        cos = unsqueeze(cos, 1)
        sin = unsqueeze(sin, 1)
        rest = query.shape[-1] - self.width
        query_turned = narrow(query, -1, self.width) if rest else query
        query_rest = narrow(query, -1, rest)
        key_turned = narrow(key, -1, self.width) if rest else key
        key_rest = narrow(key, -1, rest)
        turned = cat(
            [add(mul(query_turned, cos), mul(rotate_half(query_turned), sin)), query_rest], -1
        )
        turned_key = cat(
            [add(mul(key_turned, cos), mul(rotate_half(key_turned), sin)), key_rest], -1
        )
        return turned, turned_key


class NeoXRotary(Rotary):
    """GPT-NeoX's: a part of the width; both sums come before both joins."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = rotation
        cos = unsqueeze(cos, 1)
        sin = unsqueeze(sin, 1)
        rest = query.shape[-1] - self.width
        query_turned, query_rest = narrow(query, -1, self.width), narrow(query, -1, rest)
        key_turned, key_rest = narrow(key, -1, self.width), narrow(key, -1, rest)
        turned = add(mul(query_turned, cos), mul(rotate_half(query_turned), sin))
        turned_key = add(mul(key_turned, cos), mul(rotate_half(key_turned), sin))
        turned = cat([turned, query_rest], -1)
        turned_key = cat([turned_key, key_rest], -1)
        return turned, turned_key


class GLMRotary(NeoXRotary):
    """GLM's: by pairs of neighbours, of whose angles the tables hold each half twice."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = rotation
        cos = unsqueeze(cos, 1)
        sin = unsqueeze(sin, 1)
        cos = doubled_half(cos)
        sin = doubled_half(sin)
        rest = query.shape[-1] - self.width
        query_turned, query_rest = narrow(query, -1, self.width), narrow(query, -1, rest)
        key_turned, key_rest = narrow(key, -1, self.width), narrow(key, -1, rest)
        turned = add(mul(query_turned, cos), mul(rotate_pairs(query_turned), sin))
        turned_key = add(mul(key_turned, cos), mul(rotate_pairs(key_turned), sin))
        turned = cat([turned, query_rest], -1)
        turned_key = cat([turned_key, key_rest], -1)
        return turned, turned_key


class HeliumRotary(Rotary):
    """Helium's: the whole width, by pairs of neighbours."""

    rotates_part = False

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = rotation
        cos = unsqueeze(cos, 1)
        sin = unsqueeze(sin, 1)
        cos = doubled_half(cos)
        sin = doubled_half(sin)
        turned = add(mul(query, cos), mul(rotate_pairs(query), sin))
        turned_key = add(mul(key, cos), mul(rotate_pairs(key), sin))
        return turned, turned_key


class Ernie45Rotary(Rotary):
    """ERNIE 4.5's: the whole width, by pairs of neighbours, in float32."""

    rotates_part = False

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = rotation
        dtype = query.dtype
        cos = unsqueeze(cos, 1)
        sin = unsqueeze(sin, 1)
        cos = doubled_half(cos)
        sin = doubled_half(sin)
        turned = self._turned(query, cos, sin)
        turned_key = self._turned(key, cos, sin)
        return cast(turned, dtype), cast(turned_key, dtype)

    def _turned(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        return add(mul(cast(x, "float32"), cos), mul(cast(rotate_pairs(x), "float32"), sin))


def doubled_half(angles: Tensor) -> Tensor:
    """Return the first half of the angles, each twice side by side."""
    return repeat_interleave(narrow(angles, -1, angles.shape[-1] // 2), 2)


class NemotronRotary(Rotary):
    """Nemotron's: a part of the width; both joins come last."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, each (batch, heads, tokens, width)."""
        cos, sin = rotation
        cos = unsqueeze(cos, 1)
        sin = unsqueeze(sin, 1)
        rest = query.shape[-1] - self.width
        query_turned, query_rest = narrow(query, -1, self.width), narrow(query, -1, rest)
        key_turned, key_rest = narrow(key, -1, self.width), narrow(key, -1, rest)
        turned = add(mul(query_turned, cos), mul(rotate_half(query_turned), sin))
        turned_key = add(mul(key_turned, cos), mul(rotate_half(key_turned), sin))
        return cat((turned, query_rest), -1), cat((turned_key, key_rest), -1)


class GPTJRotary(Rotary):
    """GPT-J's: a part of the width, by pairs, of (batch, tokens, heads, width)."""

    transposes = True

    def _turned(self, x: Tensor, sin: Tensor, cos: Tensor) -> Tensor:
        sin = self._twice(unsqueeze(sin, 2))
        cos = self._twice(unsqueeze(cos, 2))
        return add(mul(x, cos), mul(rotate_pairs(x), sin))

    def _twice(self, x: Tensor) -> Tensor:
        return repeat_interleave(x, 2)

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, and exchange heads and tokens."""
        sin, cos = rotation
        rest = query.shape[-1] - self.width
        key_turned, key_rest = narrow(key, -1, self.width), narrow(key, -1, rest)
        query_turned, query_rest = narrow(query, -1, self.width), narrow(query, -1, rest)
        key_turned = self._turned(key_turned, sin, cos)
        query_turned = self._turned(query_turned, sin, cos)
        key = cat((key_turned, key_rest), -1)
        query = cat((query_turned, query_rest), -1)
        query = transpose(query, 1, 2)
        key = transpose(key, 1, 2)
        return query, key, query_turned, query_rest, key_turned, key_rest


class CodeGenRotary(GPTJRotary):
    """CodeGen's: in float32, and cast back."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Turn queries and keys, and exchange heads and tokens."""
        dtype = query.dtype
        query, key, *held = super().turn(query, key, rotation)
        query = cast(query, dtype)
        key = cast(key, dtype)
        return query, key, *held
