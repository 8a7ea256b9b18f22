"""Mixers other than attention (linear attention, Mamba, convolutions), and where they stand."""

from typing import Annotated, Literal

from gpt2calc.model.fields.attention import AttentionFields
from gpt2calc.model.fields.known import Known, Layers, Size


class MixerFields(AttentionFields):
    """The mixer, its sizes, and which layers have attention or an MLP."""

    mixer: Annotated[
        Literal["attention", "gated_delta", "kda", "lightning", "mamba", "mamba2", "short_conv"],
        Known(
            "{}",
            "What mixes the tokens of a layer: attention, or what layers have in its place but "
            "for those in attention_layers.",
            said={
                "attention": "attention in all layers",
                "gated_delta": "linear attention by the gated delta rule",
                "kda": "Kimi's delta attention",
                "lightning": "lightning attention",
                "mamba": "Mamba",
                "mamba2": "Mamba 2",
                "short_conv": "short convolutions",
            },
        ),
    ] = "attention"
    attention_layers: Annotated[
        Layers | None,
        Known(
            "attention in layers {}",
            "Layers with attention, from 0 on, where mixer is another one. If left out: none.",
        ),
    ] = None
    parallel_mixer: Annotated[
        bool,
        Known(
            "no mixer beside attention",
            "The mixer beside attention, both of the same norm, in the layers with attention: all, "
            "if attention_layers is left out.",
        ),
    ] = False
    mlp_layers: Annotated[
        Layers | None,
        Known(
            "an MLP alone in layers {}",
            "Layers that are an MLP alone, from 0 on, all others being attention or a mixer alone. "
            "If left out: each layer has both.",
        ),
    ] = None
    mixer_heads: Annotated[
        Size | None,
        Known(
            "{} mixer heads",
            "Heads of the mixer's values; in Mamba its inner width (d_inner).",
            letter="m",
            place=20,
            example=32,
        ),
    ] = None
    mixer_key_heads: Annotated[
        Size | None,
        Known(
            "{} key heads of the mixer",
            "Heads of the mixer's keys, or in Mamba 2 its groups; mixer_heads / mixer_key_heads "
            "heads share one.",
            letter="k",
            place=21,
            example=16,
        ),
    ] = None
    mixer_head_dim: Annotated[
        Size | None,
        Known(
            "mixer heads of width {}",
            "Width of a head of the mixer's values.",
            letter="y",
            place=22,
            example=128,
        ),
    ] = None
    mixer_state_dim: Annotated[
        Size | None,
        Known(
            "state size {}",
            "State size (d_state): numbers a feature of a value, the width of a head of keys.",
            letter="z",
            place=23,
            example=128,
        ),
    ] = None
    mixer_kernel: Annotated[
        Size | None,
        Known(
            "a convolution over {} tokens",
            "Tokens that the mixer's convolution sees at once.",
            letter="u",
            place=24,
            example=4,
        ),
    ] = None
    mixer_rank: Annotated[
        Size | None,
        Known(
            "dt rank {}",
            "Rank of Mamba's dt projection (dt_rank).",
            letter="t",
            place=26,
            example=160,
        ),
    ] = None
    mixer_bias: Annotated[
        bool, Known("no biases of the mixer", "Biases in the mixer's projections.")
    ] = False
    mixer_conv_bias: Annotated[
        bool, Known("no bias of the convolution", "A bias in the mixer's convolution.")
    ] = False
    mixer_norm: Annotated[
        bool,
        Known(
            "no norms in the mixer",
            "Norms in the mixer: of Mamba 2's outcome, or of what Mamba's steps and states are "
            "made of, as in Jamba.",
        ),
    ] = True

    @property
    def numbers_of_state(self) -> int:
        """Numbers in the states of a layer's recurrence, for one sequence."""
        if self.mixer_heads is None or self.mixer_state_dim is None:
            return 0
        width = 1 if self.mixer_head_dim is None else self.mixer_head_dim
        return self.mixer_heads * width * self.mixer_state_dim

    @property
    def features_convolved(self) -> int:
        """Features that a mixer's convolution goes over: its values, and its keys twice."""
        if self.mixer == "short_conv":
            return self.n_embd
        if self.mixer_kernel is None or self.mixer_heads is None:
            return 0
        if self.mixer_key_heads is None:
            return self.mixer_heads
        assert self.mixer_head_dim is not None
        assert self.mixer_state_dim is not None
        values = self.mixer_heads * self.mixer_head_dim
        return values + 2 * self.mixer_key_heads * self.mixer_state_dim

    def mixer_of(self, layer: int) -> str:
        """Return what mixes the tokens of a layer, numbered from 0: ``"none"`` for an MLP alone."""
        if layer in (self.mlp_layers or ()):
            return "none"
        has_attention = self.attends_everywhere or layer in (self.attention_layers or ())
        return "attention" if has_attention else self.mixer

    @property
    def attends_everywhere(self) -> bool:
        """Whether every layer has attention, but for those that are an MLP alone."""
        return self.mixer == "attention" or (self.parallel_mixer and self.attention_layers is None)

    @property
    def has_attention(self) -> bool:
        """Whether any layer has attention."""
        return self.attends_everywhere or bool(self.attention_layers)

    @property
    def attentions(self) -> int:
        """Number of layers with attention."""
        if self.attends_everywhere:
            return self.n_layer - len(self.mlp_layers or ())
        return len(self.attention_layers or ())

    @property
    def full_attentions(self) -> int:
        """Number of layers whose attention has no window."""
        if self.window is None:
            return self.attentions
        idle = sum(self._is_full(layer) for layer in self.mlp_layers or ())
        return self.full_layers_among(self.n_layer) - idle

    @property
    def has_other_layers(self) -> bool:
        """Whether some layers have no attention."""
        return self.mixer != "attention" or bool(self.mlp_layers)

    @property
    def other_mixers(self) -> int:
        """Number of layers with a mixer that is not attention."""
        mixing = self.n_layer - len(self.mlp_layers or ())
        return mixing if self.has_mixers_beside else mixing - self.attentions

    @property
    def has_mixers_beside(self) -> bool:
        """Whether layers with attention have another mixer beside it."""
        return self.parallel_mixer and self.mixer != "attention"

    @property
    def is_endless(self) -> bool:
        """Whether no sequence is too long: the model has neither attention nor positions."""
        return self.positions == "none" and not self.has_attention

    def has_mlp(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, has an MLP, or experts."""
        return self.mlp_layers is None or layer in self.mlp_layers

    def window_of(self, layer: int) -> int | None:
        """Return the window of a layer, numbered from 0, in tokens.

        None for a layer that sees all tokens, or has another mixer in place of attention.
        """
        if self.mixer != "attention" and layer not in (self.attention_layers or ()):
            return None
        return None if self.window is None or self._is_full(layer) else self.window

    def sharing_layers(self, *, is_full: bool) -> int:
        """Return how many layers with a window, or without one, cache no keys of their own."""
        shared = self.shared_kv_layers or ()
        return sum((self.window_of(layer) is None) == is_full for layer in shared)

    def has_indexer(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, has an indexer of its own."""
        if self.index_n_heads is None or self.mixer_of(layer) != "attention":
            return False
        return self.indexer_layers is None or layer in self.indexer_layers

    @property
    def indexers(self) -> int:
        """Layers with an indexer of their own."""
        if self.index_n_heads is None:
            return 0
        if self.indexer_layers is None:
            return self.attentions
        return sum(self.has_indexer(layer) for layer in self.indexer_layers)
