"""What follows from the fields of a model: heads, widths, biases, and its family.

Every number may also be a symbol, an array or a polynomial, which is cast to ``int`` where a config
is evaluated at it; each property does arithmetic alone, wherever it is no plain integer.
"""

from collections.abc import Collection
from math import lcm
from typing import TYPE_CHECKING, Literal, Self

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.families.family import COLLOQUIAL, Family
from gpt2calc.model.families.table import families, family_called
from gpt2calc.model.fields import Declared
from gpt2calc.model.names import Names

HEAD_WIDTH = 64
"""Width of one attention head in every GPT-2 (Radford et al. 2019): ``n_head = n_embd / 64``."""

OF_NO_LAYER = {
    "full_layers": "a window in all layers",
    "no_rope_layers": "rotary positions in all layers",
    "dense_layers": "experts in all layers",
    "indexer_layers": "no indexers",
    "mlp_layers": "no MLPs",
}
"""What lists of layers say where they are empty."""
OF_MAMBA = {"mixer_heads": "{} features with a state", "mixer_state_dim": "states of {} numbers"}
"""What a model says of the states of Mamba, each of one feature."""
OF_MLPS = ("n_inner", "gated_mlp", "mlp_bias")
OF_ATTENTION = ("n_head", "n_kv_head", "head_dim", "qkv_bias", "attn_proj_bias")


class Derived(Declared):
    """A config with what follows from its fields, which the subclass declares with their values."""

    if TYPE_CHECKING:
        family: str
        n_layer: int
        n_embd: int
        n_head: int | None
        n_kv_head: int | None
        head_dim: int | None
        n_inner: int | None
        n_expert: int | None
        n_expert_active: int | None
        n_inner_expert: int | None
        dense_layers: tuple[int, ...]
        positions: Literal["learned", "rotary", "alibi", "none"]
        position_offset: int | None
        rotary_dim: int | None
        no_rope_every: int | None
        no_rope_layers: tuple[int, ...] | None
        window: int | None
        kv_lora_rank: int | None
        q_lora_rank: int | None
        qk_nope_head_dim: int | None
        qk_rope_head_dim: int | None
        v_head_dim: int | None
        mixer: Literal[
            "attention", "gated_delta", "kda", "lightning", "mamba", "mamba2", "short_conv"
        ]
        attention_layers: tuple[int, ...] | None
        parallel_mixer: bool
        mlp_layers: tuple[int, ...] | None
        attention_gate: bool
        mixer_heads: int | None
        mixer_key_heads: int | None
        mixer_head_dim: int | None
        mixer_state_dim: int | None
        mixer_kernel: int | None
        mixer_rank: int | None
        mixer_conv_bias: bool
        mixer_norm: bool
        expert_latent_dim: int | None
        index_n_heads: int | None
        index_head_dim: int | None
        indexer_layers: tuple[int, ...] | None
        full_every: int | None
        full_layers: tuple[int, ...] | None
        parallel_residual: bool
        norm_place: Literal["before", "shared", "after", "both"]
        norm: Literal["layer", "rms", "none"]
        norm_bias: bool | None
        qk_norm: Literal["none", "head", "heads", "width"]
        attention_sinks: bool
        bias: bool
        n_inner_shared: int | None
        stored_dtype: str | None

    @classmethod
    def called_elsewhere(cls) -> dict[str, tuple[str, ...]]:
        """Return what other people call the fields: the families' keys, and words beside them."""
        named: dict[str, tuple[str, ...]] = dict.fromkeys(cls.known, ())
        for called in (COLLOQUIAL, *(family.called for family in families().values())):
            for name, keys in called.items():
                named[name] += keys
        return named

    @property
    def heads(self) -> int | None:
        """Attention heads of a layer; None where GPT-2's rule gives no whole number of them."""
        return self._usual_heads if self.n_head is None else self.n_head

    @property
    def _usual_heads(self) -> int | None:
        """Heads of the usual width; None for a number that is no multiple of it."""
        width = self.n_embd
        each = HEAD_WIDTH if self.head_dim is None else self.head_dim
        if isinstance(width, int) and isinstance(each, int):
            return None if width % each else width // each
        are_whole = all(isinstance(size, int) or hasattr(size, "dtype") for size in (width, each))
        return width // each if are_whole else width / each

    @property
    def head_width(self) -> int | None:
        """Width of one head: ``head_dim``, or the heads' part of the model's width."""
        if self.is_latent:
            return self.qk_nope_head_dim + self.qk_rope_head_dim  # type: ignore[operator]
        if self.head_dim is not None:
            return self.head_dim
        if self.n_head is None:
            return HEAD_WIDTH if self.heads is not None else None
        is_whole = isinstance(self.n_embd, int) or hasattr(self.n_embd, "dtype")
        is_whole = is_whole and not hasattr(self.n_head, "free_symbols")
        return self.n_embd // self.n_head if is_whole else self.n_embd / self.n_head  # type: ignore[return-value]

    @property
    def query_width(self) -> int:
        """Width of the queries of all heads together."""
        if self.is_latent and self.heads is not None and self.head_width is not None:
            return self.heads * self.head_width
        if self.head_dim is None or self.heads is None:
            return self.n_embd
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Width of the keys of all their heads together, and of the values."""
        if self.n_kv_head is None or self.head_width is None:
            return self.query_width
        return self.n_kv_head * self.head_width

    @property
    def is_latent(self) -> bool:
        """Whether attention is latent: keys and values are made of a latent, which is cached."""
        return self.kv_lora_rank is not None

    def has_indexer(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, has an indexer of its own."""
        if self.index_n_heads is None:
            return False
        return self.indexer_layers is None or layer in self.indexer_layers

    @property
    def layer_lists(self) -> tuple[tuple[int, ...], ...]:
        """The lists of layers that have other parts than most."""
        lists = (self.indexer_layers, self.attention_layers, self.mlp_layers)
        return self.dense_layers, *(listed or () for listed in lists)

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

    def has_mlp(self, layer: int) -> bool:
        """Tell whether a layer, numbered from 0, has an MLP, or experts."""
        return self.mlp_layers is None or layer in self.mlp_layers

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
    def has_other_layers(self) -> bool:
        """Whether some layers have no attention."""
        return self.mixer != "attention" or bool(self.mlp_layers)

    @property
    def blocks_differ(self) -> bool:
        """Whether blocks differ in what mixes their tokens, or in whether anything does."""
        return self.has_other_layers and bool(self.attention_layers or self.mlp_layers)

    @property
    def is_endless(self) -> bool:
        """Whether nothing in the model knows of a longest sequence."""
        return self.positions == "none" and not self.has_attention

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
    def indexers(self) -> int:
        """Layers with an indexer of their own."""
        if self.index_n_heads is None:
            return 0
        return self.n_layer if self.indexer_layers is None else len(self.indexer_layers)

    @property
    def mlp_width(self) -> int:
        """Width of the MLP's hidden layer: ``n_inner``, or four times the model's width."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    @property
    def expert_width(self) -> int | None:
        """Width of an expert's hidden layer; None without experts."""
        if self.n_expert is None:
            return None
        return self.mlp_width if self.n_inner_expert is None else self.n_inner_expert

    @property
    def chosen_experts(self) -> int | None:
        """Experts that a token goes through: two, or the only one; None without experts."""
        if self.n_expert_active is not None or self.n_expert is None:
            return self.n_expert_active
        if hasattr(self.n_expert, "clip"):
            return self.n_expert.clip(max=2)  # type: ignore[no-any-return]
        return min(2, self.n_expert) if isinstance(self.n_expert, int) else 2

    def window_of(self, layer: int) -> int | None:
        """Return the window of a layer, numbered from 0; None for one that sees all tokens."""
        first = layer if self.of_family.begins_with_full_layer else layer + 1
        if self.window is None or _is_among(layer, self.full_layers, first, self.full_every):
            return None
        return self.window

    def full_layers_among(self, depth: int) -> int:
        """Return how many of the first layers have no window; of a depth, or of an array of them.

        It is :meth:`window_of`, counted without going through the layers.
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

    @property
    def published_dtype(self) -> str:
        """The type of the published weights: what their file says; bfloat16 where nothing is said.

        GPT-2's files are older than that, and in float32.
        """
        return self.stored_dtype or ("float32" if self.family == "gpt2" else "bfloat16")

    @property
    def norms_shift(self) -> bool:
        """Whether norms have a shift, where nothing is said of it."""
        return self.bias and self.norm == "layer"

    @property
    def experts_biased(self) -> bool | None:
        """Whether experts have biases, where nothing is said of them; None without experts."""
        return None if self.n_expert is None else self.biased("mlp_bias")

    def said(self, name: str, leaving_out: Collection[str] = ()) -> str:
        """Say one field; nothing of what no layer has."""
        if self._has_no_layer_with(name):
            return ""
        if name in OF_NO_LAYER and getattr(self, name) == () != self.usual(name):
            return OF_NO_LAYER[name]
        if self.mixer == "mamba" and name in OF_MAMBA and getattr(self, name) is not None:
            return OF_MAMBA[name].format(f"{getattr(self, name):,}")
        if name == "attention_layers" and not self.attends_everywhere:
            if self.attention_layers == () == self.usual(name):
                return ""
            return f"{len(self.attention_layers or ())} of its layers with attention"
        if name == "mlp_layers" and self.mlp_layers:
            return f"{len(self.mlp_layers)} of its layers an MLP alone"
        return super().said(name, leaving_out)

    def _has_no_layer_with(self, name: str) -> bool:
        """Tell whether no layer has that which a field is of."""
        if self.mlp_layers == () and name in OF_MLPS:
            return True
        if not self.has_attention and name in OF_ATTENTION:
            return True
        if name == "n_inner":
            return self.n_inner_expert is not None and not self.dense_layers
        if name == "shared_gate":
            return self.n_inner_shared is None
        return name == "expert_bias" and self.n_expert is None

    def spelled_out(self) -> Self:
        """Return this config with ``head_dim`` given: formulas of keys then divide nothing."""
        if self.head_dim is not None or not self.has_own_heads:
            return self
        return self.evaluate_at(head_dim=self.head_width)

    @property
    def has_own_heads(self) -> bool:
        """Whether the number of heads or their width changes a count."""
        return (
            self.head_dim is not None
            or self.n_kv_head is not None
            or self.is_latent
            or (self.qk_norm in ("head", "heads") and self.norm != "none")
        )

    @property
    def has_scaled_qk_norm(self) -> bool:
        """Whether queries and keys are normed, with a scale whose size is a head's or theirs."""
        return self.qk_norm != "none" and self.norm != "none"

    def biased(self, name: str) -> bool:
        """Tell whether there is a bias: ``"qkv_bias"`` or another one, or what ``bias`` says."""
        own = self.given(name)
        if name == "expert_bias":
            return bool(self.experts_biased if own is None else own)
        if name == "norm_bias" and self.norm != "layer":
            return False
        return self.bias if own is None else bool(own)

    @property
    def of_family(self) -> Family:
        """The family, with the names of its tensors."""
        return family_called(self.family)

    @property
    def architecture(self) -> Architecture:
        """The classes that the family's parts are of."""
        return self.of_family.architecture

    @property
    def family_words(self) -> str:
        """What people call the family."""
        return self.of_family.words

    @property
    def names(self) -> Names:
        """The names of the family's tensors."""
        return self.of_family.names


def _is_among(layer: int, listed: Collection[int] | None, number: int, every: int | None) -> bool:
    """Tell whether a layer is listed; without a list, whether ``every`` divides its number."""
    if listed is not None:
        return layer in listed
    return every is not None and number % every == 0
