"""Sliding windows of attention, and what differs in the layers without one."""

from typing import Annotated, Self

from gpt2calc.model.fields.known import Known, Layers, Size
from gpt2calc.model.fields.positions import PositionFields, is_among


class WindowFields(PositionFields):
    """The window, the layers without one and their heads, and keys of earlier layers."""

    window: Annotated[
        Size | None,
        Known(
            "a window of {} tokens",
            "Tokens that a query can see, itself among them. If left out: all before it.",
            example=4096,
        ),
    ] = None
    full_every: Annotated[
        Size | None,
        Known(
            "one of every {} layers without a window",
            "Every how many layers one has no window. If left out: all layers have it.",
            example=6,
        ),
    ] = None
    full_layers: Annotated[
        Layers | None,
        Known(
            "no window in layers {}",
            "Layers without a window, from 0 on. If left out: as full_every says.",
        ),
    ] = None
    full_head_dim: Annotated[
        Size | None,
        Known(
            "heads of width {} without a window",
            "Width of a head in the layers without a window. If left out: head_dim.",
            letter="W",
            place=28,
            example=512,
        ),
    ] = None
    full_n_head: Annotated[
        Size | None,
        Known(
            "{} heads without a window",
            "Attention heads in the layers without a window. If left out: n_head.",
            letter="H",
            place=34,
            example=48,
        ),
    ] = None
    full_n_kv_head: Annotated[
        Size | None,
        Known(
            "{} KV heads without a window",
            "Heads of keys and values in the layers without a window. If left out: n_kv_head.",
            letter="G",
            place=29,
            example=4,
        ),
    ] = None
    full_values_are_keys: Annotated[
        bool,
        Known(
            "no keys in place of values without a window",
            "No matrix of values in the layers without a window: values are what k_proj makes, "
            "before norm and rotation, and are cached beside the keys.",
        ),
    ] = False
    full_sinks: Annotated[
        bool,
        Known(
            "no attention sinks without a window",
            "Attention sinks in the layers without a window, too, where there are some.",
        ),
    ] = True
    shared_kv_layers: Annotated[
        Layers | None,
        Known(
            "keys and values of earlier layers in layers {}",
            "Layers that take the keys and values of the last layer before them that makes its "
            "own, with the same window: they make and cache none. Numbered from 0. If left out: "
            "none.",
        ),
    ] = None

    @property
    def has_full_sizes(self) -> bool:
        """Whether the heads of layers without a window have sizes of their own."""
        sizes = (self.full_head_dim, self.full_n_head, self.full_n_kv_head)
        return any(size is not None for size in sizes)

    def in_full_layers(self) -> Self:
        """Return the config with the heads of layers without a window in place of the others'."""
        if not self.has_full_sizes:
            return self
        width = self.head_dim if self.full_head_dim is None else self.full_head_dim
        heads = self.n_head if self.full_n_head is None else self.full_n_head
        groups = self.n_kv_head if self.full_n_kv_head is None else self.full_n_kv_head
        none = dict.fromkeys(("full_head_dim", "full_n_head", "full_n_kv_head"))
        return self.evaluate_at(head_dim=width, n_head=heads, n_kv_head=groups, **none)

    def keys_of(self, layer: int) -> str:
        """Return whose keys and values a layer has, numbered from 0.

        They are its ``"own"``, ``"taken"`` from an earlier layer, or ``"made"`` for later ones.
        """
        if not self.shared_kv_layers:
            return "own"
        return "taken" if layer in self.shared_kv_layers else "made"

    def _is_full(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, is one of those without a window."""
        number = layer if self.of_family.begins_with_full_layer else layer + 1
        return is_among(layer, self.full_layers, number, self.full_every)

    def full_layers_among(self, depth: int) -> int:
        """Return how many of the first ``depth`` layers have no window; ``depth`` may be an array.

        The count is by :meth:`window_of`, without a loop over the layers. Where there is a window
        beside another mixer, ``full_layers`` lists layers with attention alone.
        """
        if self.window is None:
            return depth
        if self.full_layers is not None:
            return sum([(depth > layer) * 1 for layer in self.full_layers])
        if self.full_every is None:
            return 0 * depth
        begins = self.of_family.begins_with_full_layer
        return -(-depth // self.full_every) if begins else depth // self.full_every
