"""How a model knows the places of its tokens."""

from collections.abc import Collection
from typing import Annotated, Literal

from gpt2calc.model.fields.known import Known, Layers, Size
from gpt2calc.model.fields.sizes import SizeFields


class PositionFields(SizeFields):
    """The kind of positions, and the layers that have rotary ones."""

    positions: Annotated[
        Literal["learned", "rotary", "alibi", "sinusoidal", "none"],
        Known(
            "{} positions",
            "How tokens know their places; only learned positions have parameters.",
            said={"alibi": "ALiBi", "none": "no"},
        ),
    ] = "learned"
    position_offset: Annotated[
        Size | None,
        Known(
            "{} more positions", "Rows in the table of positions before the first one.", example=2
        ),
    ] = None
    rotary_dim: Annotated[
        Size | None,
        Known(
            "{} of a head's features rotated",
            "Features of a head that rotary positions rotate. If left out: all, or the family's "
            "share of the head.",
            example=32,
        ),
    ] = None
    no_rope_every: Annotated[
        Size | None,
        Known(
            "one of every {} layers without rotary positions",
            "Every how many layers one has no rotary positions. If left out: all layers have them.",
            example=4,
        ),
    ] = None
    no_rope_layers: Annotated[
        Layers | None,
        Known(
            "no rotary positions in layers {}",
            "Layers without rotary positions, from 0 on. If left out: as no_rope_every says.",
        ),
    ] = None

    @property
    def has_last_position(self) -> bool:
        """Whether the class runs no more than ``n_ctx`` tokens: it has a table of so many rows."""
        return self.positions in self.architecture.bounded_positions

    def has_rope(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, has rotary positions."""
        is_without = is_among(layer, self.no_rope_layers, layer + 1, self.no_rope_every)
        return self.positions == "rotary" and not is_without


def is_among(layer: int, listed: Collection[int] | None, number: int, every: int | None) -> bool:
    """Tell whether a layer is listed; without a list, whether ``every`` divides its number."""
    if listed is not None:
        return layer in listed
    return every is not None and number % every == 0
