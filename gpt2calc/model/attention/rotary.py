"""Rotary positions: tables of cosines and sines, and the rotation of whole heads by them.

Source: transformers, ``models/*/modeling_*.py``, ``apply_rotary_pos_emb`` and ``rotate_half``.
"""

from abc import ABC, abstractmethod
from typing import TypeAlias

from gpt2calc.model.attention.heads import Heads
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
    unsqueeze,
)

Rotation: TypeAlias = tuple[Tensor, Tensor]
"""Cosines and sines of all positions, (1, tokens, rotary width); sines first in GPT-J."""


class RotaryTables(Part[[Tensor], Rotation]):
    """Makes cosines and sines from the hidden states' shape and dtype.

    Args:
        heads: the heads, of which ``rotated`` features are rotated.
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
    """GPT-J's tables: rows of a float32 table, cut into sines and cosines of half the width."""

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
    """Return each pair of neighbours exchanged, the sign of the second one changed."""
    even = every(x, 2)
    odd = every(x, 2)
    rotated = flatten(stack((neg(odd), even)))
    return rotated  # noqa: RET504


def doubled_half(angles: Tensor) -> Tensor:
    """Return the first half of the angles, each twice side by side."""
    return repeat_interleave(narrow(angles, -1, angles.shape[-1] // 2), 2)


class Rotary(ABC):
    """How queries and keys are rotated by the angles of their positions.

    Args:
        heads: whose features are rotated.

    """

    transposes = False
    """Whether it also exchanges heads and tokens, of (batch, tokens, heads, width)."""
    rotates_part = True
    """Whether it can rotate a part of a head's features."""

    def __init__(self, heads: Heads) -> None:
        self.heads = heads

    @property
    def width(self) -> int:
        """How many features of a head are rotated."""
        return self.heads.rotated

    @abstractmethod
    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Rotate queries and keys, each (batch, heads, tokens, width).

        Returns both, then the tensors that attention's own forward pass still names, where the
        family's rotation is written out there.
        """

    def angles(self, rotation: Rotation) -> Rotation:
        """Return cosines and sines with a dimension for the heads."""
        cos, sin = rotation
        return unsqueeze(cos, 1), unsqueeze(sin, 1)

    def exchanged(self, x: Tensor) -> Tensor:
        """Return what is multiplied by the sines: the features exchanged, half of them negated."""
        return rotate_half(x)

    def turned(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Rotate features, all of which have an angle."""
        return add(mul(x, cos), mul(self.exchanged(x), sin))


class WholeRotary(Rotary):
    """Llama's rotation: the whole width of a head is rotated."""

    rotates_part = False
    casts_back = False
    """Whether the outcome is cast to the dtype of queries and keys."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Rotate queries and keys, each (batch, heads, tokens, width)."""
        query_dtype, key_dtype = query.dtype, key.dtype
        cos, sin = self.angles(rotation)
        turned = self.turned(query, cos, sin)
        turned_key = self.turned(key, cos, sin)
        if self.casts_back:
            return cast(turned, query_dtype), cast(turned_key, key_dtype)
        return turned, turned_key


class NanoChatRotary(WholeRotary):
    """nanochat's rotation: in the other direction."""

    def exchanged(self, x: Tensor) -> Tensor:
        """Return the halves exchanged, the first one negated."""
        return rotate_half_back(x)


class OLMoRotary(WholeRotary):
    """OLMo's rotation: the tables are float32, the outcome is cast back."""

    casts_back = True


class CohereRotary(WholeRotary):
    """Cohere's rotation: in float32, by pairs of neighbours."""

    def turn(self, query: Tensor, key: Tensor, rotation: Rotation) -> tuple[Tensor, ...]:
        """Rotate queries and keys, each (batch, heads, tokens, width)."""
        dtype = query.dtype
        query = cast(query, "float32")
        key = cast(key, "float32")
        turned, turned_key = super().turn(query, key, rotation)
        return cast(turned, dtype), cast(turned_key, dtype)

    def exchanged(self, x: Tensor) -> Tensor:
        """Return the neighbours exchanged, one of each pair negated."""
        return rotate_pairs(x)


class ByNeighbours(Rotary):
    """A rotation by pairs of neighbours, of whose angles the tables hold each half twice."""

    def angles(self, rotation: Rotation) -> Rotation:
        """Return cosines and sines with a dimension for the heads, the same for both of a pair."""
        cos, sin = super().angles(rotation)
        cos = doubled_half(cos)
        sin = doubled_half(sin)
        return cos, sin

    def exchanged(self, x: Tensor) -> Tensor:
        """Return the neighbours exchanged, one of each pair negated."""
        return rotate_pairs(x)


class HeliumRotary(ByNeighbours, WholeRotary):
    """Helium's rotation: the whole width, by pairs of neighbours."""


class Ernie45Rotary(HeliumRotary):
    """ERNIE 4.5's rotation: the whole width, by pairs of neighbours, in float32."""

    casts_back = True

    def turned(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Rotate features in float32."""
        return add(mul(cast(x, "float32"), cos), mul(cast(self.exchanged(x), "float32"), sin))
