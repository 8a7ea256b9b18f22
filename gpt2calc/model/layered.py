"""What each layer of a model has: attention or another mixer, an MLP, a window, rotary positions.

Layers are numbered from 0.
"""

from collections.abc import Collection
from math import lcm
from typing import TYPE_CHECKING, Literal

from gpt2calc.model.families.family import Family
from gpt2calc.model.families.table import family_called
from gpt2calc.model.fields import Declared


class Layered(Declared):
    """A config with what its fields say of each layer."""

    if TYPE_CHECKING:
        family: str
        n_layer: int
        dense_layers: tuple[int, ...]
        positions: Literal["learned", "rotary", "alibi", "sinusoidal", "none"]
        window: int | None
        full_every: int | None
        full_layers: tuple[int, ...] | None
        no_rope_every: int | None
        no_rope_layers: tuple[int, ...] | None
        index_n_heads: int | None
        indexer_layers: tuple[int, ...] | None
        attention_layers: tuple[int, ...] | None
        parallel_mixer: bool
        mlp_layers: tuple[int, ...] | None
        shared_kv_layers: tuple[int, ...] | None
        full_head_dim: int | None
        full_n_head: int | None
        full_n_kv_head: int | None
        full_values_are_keys: bool
        attention_sinks: bool
        full_sinks: bool
        attention_gate: bool
        double_wide_mlp: bool
        mixer: Literal[
            "attention", "gated_delta", "kda", "lightning", "mamba", "mamba2", "short_conv"
        ]

    @property
    def of_family(self) -> Family:
        """The family, with the names of its tensors."""
        return family_called(self.family)

    @property
    def layer_lists(self) -> tuple[tuple[int, ...], ...]:
        """The lists of layers that have other parts than most."""
        full = self.full_layers if self.full_layers_differ else None
        own = (self.indexer_layers, self.attention_layers, self.mlp_layers, self.shared_kv_layers)
        return self.dense_layers, *(listed or () for listed in (*own, full))

    @property
    def has_full_sizes(self) -> bool:
        """Whether the heads of layers without a window have sizes of their own."""
        sizes = (self.full_head_dim, self.full_n_head, self.full_n_kv_head)
        return any(size is not None for size in sizes)

    @property
    def full_layers_differ(self) -> bool:
        """Whether layers without a window have other parameters than those with one."""
        without_sinks = self.attention_sinks and not self.full_sinks
        return self.has_full_sizes or self.full_values_are_keys or without_sinks

    def keys_of(self, layer: int) -> str:
        """Return whose keys and values a layer has, numbered from 0.

        They are its ``"own"``, ``"taken"`` from an earlier layer, or ``"made"`` for later ones.
        """
        if not self.shared_kv_layers:
            return "own"
        return "taken" if layer in self.shared_kv_layers else "made"

    @property
    def blocks_said(self) -> str:
        """Which blocks have a tensor or a product whose name stands for all of them, in words."""
        return "each block that has it" if any(self.layer_lists) else "each of the L blocks"

    @property
    def repetition(self) -> tuple[int, int]:
        """From which layer on the kinds of layers repeat, and after how many they do."""
        lists: list[tuple[int, ...] | None] = [*self.layer_lists]
        steps = []
        if self.window is not None:
            lists.append(self.full_layers)
            steps.append(self.full_every if self.full_layers is None else None)
        if self.positions == "rotary":
            lists.append(self.no_rope_layers)
            steps.append(self.no_rope_every if self.no_rope_layers is None else None)
        begin = max((layer + 1 for listed in lists for layer in listed or ()), default=0)
        return begin, lcm(*(step for step in steps if step is not None))

    def mixer_of(self, layer: int) -> str:
        """Return what mixes the tokens of a layer, numbered from 0: ``"none"`` of an MLP alone."""
        if layer in (self.mlp_layers or ()):
            return "none"
        has_attention = self.attends_everywhere or layer in (self.attention_layers or ())
        return "attention" if has_attention else self.mixer

    @property
    def attends_everywhere(self) -> bool:
        """Whether every layer has attention that is not an MLP alone."""
        return self.mixer == "attention" or (self.parallel_mixer and self.attention_layers is None)

    @property
    def has_attention(self) -> bool:
        """Whether any layer has attention."""
        return self.attends_everywhere or bool(self.attention_layers)

    @property
    def attentions(self) -> int:
        """Layers with attention."""
        if self.attends_everywhere:
            return self.n_layer - len(self.mlp_layers or ())
        return len(self.attention_layers or ())

    @property
    def full_attentions(self) -> int:
        """Layers with attention that see all tokens."""
        if self.window is None:
            return self.attentions
        idle = sum(self._is_full(layer) for layer in self.mlp_layers or ())
        return self.full_layers_among(self.n_layer) - idle

    def sharing_layers(self, *, is_full: bool) -> int:
        """Return how many layers with a window, or without one, cache no keys of their own."""
        shared = self.shared_kv_layers or ()
        return sum((self.window_of(layer) is None) == is_full for layer in shared)

    @property
    def has_other_layers(self) -> bool:
        """Whether some layers have no attention."""
        return self.mixer != "attention" or bool(self.mlp_layers)

    @property
    def other_mixers(self) -> int:
        """Layers with a mixer that is not attention."""
        mixing = self.n_layer - len(self.mlp_layers or ())
        return mixing if self.has_mixers_beside else mixing - self.attentions

    @property
    def has_mixers_beside(self) -> bool:
        """Whether layers with attention have another mixer beside it."""
        return self.parallel_mixer and self.mixer != "attention"

    @property
    def blocks_differ(self) -> bool:
        """Whether blocks differ in what mixes their tokens, or in the sizes of its parts."""
        if self.full_layers_differ or self.shared_kv_layers:
            return True
        return self.has_other_layers and bool(self.attention_layers or self.mlp_layers)

    @property
    def is_endless(self) -> bool:
        """Whether nothing in the model knows of a longest sequence."""
        return self.positions == "none" and not self.has_attention

    def has_mlp(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, has an MLP, or experts."""
        return self.mlp_layers is None or layer in self.mlp_layers

    def has_indexer(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, has an indexer of its own."""
        if self.index_n_heads is None:
            return False
        return self.indexer_layers is None or layer in self.indexer_layers

    @property
    def indexers(self) -> int:
        """Layers with an indexer of their own."""
        if self.index_n_heads is None:
            return 0
        return self.n_layer if self.indexer_layers is None else len(self.indexer_layers)

    def window_of(self, layer: int) -> int | None:
        """Return the window of a layer, numbered from 0; None for one that sees all tokens.

        It is none as well where another mixer stands for attention.
        """
        if self.mixer != "attention" and layer not in (self.attention_layers or ()):
            return None
        return None if self.window is None or self._is_full(layer) else self.window

    def _is_full(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, is one of those without a window."""
        number = layer if self.of_family.begins_with_full_layer else layer + 1
        return _is_among(layer, self.full_layers, number, self.full_every)

    def full_layers_among(self, depth: int) -> int:
        """Return how many of the first layers have no window; of a depth, or of an array of them.

        It is :meth:`window_of`, counted without going through the layers. Of layers with another
        mixer than attention none is among them.
        """
        if self.window is None:
            return depth
        if self.full_layers is not None:
            return sum([(depth > layer) * 1 for layer in self.full_layers])
        if self.full_every is None:
            return 0 * depth
        begins = self.of_family.begins_with_full_layer
        return -(-depth // self.full_every) if begins else depth // self.full_every

    def has_rope(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, has rotary positions."""
        is_without = _is_among(layer, self.no_rope_layers, layer + 1, self.no_rope_every)
        return self.positions == "rotary" and not is_without


def _is_among(layer: int, listed: Collection[int] | None, number: int, every: int | None) -> bool:
    """Tell whether a layer is listed; without a list, whether ``every`` divides its number."""
    if listed is not None:
        return layer in listed
    return every is not None and number % every == 0
