"""What follows from the fields of a model: heads, widths, biases, and its family.

Every number may also be a symbol, an array or a polynomial, which is cast to ``int`` where a config
is evaluated at it; each property does arithmetic alone, wherever it is no plain integer.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, Self

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.families.family import COLLOQUIAL
from gpt2calc.model.families.table import families
from gpt2calc.model.layered import Layered
from gpt2calc.model.names import Names

HEAD_WIDTH = 64
"""Width of one attention head in every GPT-2 (Radford et al. 2019): ``n_head = n_embd / 64``."""

OF_NO_LAYER = {
    "full_layers": "a window in all layers",
    "no_rope_layers": "rotary positions in all layers",
    "dense_layers": "experts in all layers",
    "indexer_layers": "no indexers",
    "mlp_layers": "no MLPs",
    "shared_kv_layers": "keys and values of its own in each layer",
}
"""What lists of layers say where they are empty."""
OF_MAMBA = {"mixer_heads": "{} features with a state", "mixer_state_dim": "states of {} numbers"}
"""What a model says of the states of Mamba, each of one feature."""
OF_MLPS = ("n_inner", "gated_mlp", "mlp_bias")
OF_EXPERTS = ("expert_bias", "choice_bias", "dense_layers")
OF_ATTENTION = ("n_head", "n_kv_head", "head_dim", "qkv_bias", "attn_proj_bias")


class Derived(Layered):
    """A config with what follows from its fields, which the subclass declares with their values."""

    if TYPE_CHECKING:
        vocab: int
        n_embd: int
        n_head: int | None
        n_kv_head: int | None
        head_dim: int | None
        n_inner: int | None
        n_expert: int | None
        n_expert_active: int | None
        n_inner_expert: int | None
        position_offset: int | None
        rotary_dim: int | None
        kv_lora_rank: int | None
        q_lora_rank: int | None
        qk_nope_head_dim: int | None
        qk_rope_head_dim: int | None
        full_head_dim: int | None
        full_n_head: int | None
        full_n_kv_head: int | None
        gate_per_head: bool
        norm_after_experts: bool
        per_layer_dim: int | None
        per_layer_vocab: int | None
        mlp_beside_experts: bool
        sub_norms: bool
        differential_attention: bool
        learned_activation: bool
        altup_inputs: int | None
        laurel_rank: int | None
        v_head_dim: int | None
        attention_gate: bool
        separate_gate: bool
        mixer_heads: int | None
        mixer_key_heads: int | None
        mixer_head_dim: int | None
        mixer_state_dim: int | None
        mixer_kernel: int | None
        mixer_rank: int | None
        mixer_conv_bias: bool
        mixer_norm: bool
        expert_latent_dim: int | None
        index_head_dim: int | None
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

    @property
    def value_width(self) -> int | None:
        """Width of a head's values: ``v_head_dim``, or that of its keys."""
        return self.head_width if self.v_head_dim is None else self.v_head_dim

    @property
    def per_layer_rows(self) -> int | None:
        """Tokens that have per-layer embeddings: all; None where there are none."""
        if self.per_layer_dim is None:
            return None
        return self.vocab if self.per_layer_vocab is None else self.per_layer_vocab

    def in_full_layers(self) -> Self:
        """Return the config of the layers without a window: their heads are those of all."""
        if not self.has_full_sizes:
            return self
        width = self.head_dim if self.full_head_dim is None else self.full_head_dim
        heads = self.n_head if self.full_n_head is None else self.full_n_head
        groups = self.n_kv_head if self.full_n_kv_head is None else self.full_n_kv_head
        none = dict.fromkeys(("full_head_dim", "full_n_head", "full_n_kv_head"))
        return self.evaluate_at(head_dim=width, n_head=heads, n_kv_head=groups, **none)

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
        if name == "n_inner_expert" and self._has_no_layer_with("n_inner"):
            return super().said(name, {*leaving_out, "n_inner"})
        if name in OF_NO_LAYER and getattr(self, name) == () != self.usual(name):
            return OF_NO_LAYER[name]
        if self.mixer == "mamba" and name in OF_MAMBA and getattr(self, name) is not None:
            return OF_MAMBA[name].format(f"{getattr(self, name):,}")
        if name == "attention_layers" and not self.attends_everywhere:
            if self.attention_layers == () == self.usual(name):
                return ""
            return f"{len(self.attention_layers or ())} of its layers with attention"
        if name == "shared_kv_layers" and self.shared_kv_layers:
            return f"{len(self.shared_kv_layers)} of its layers with keys of earlier ones"
        if name == "mlp_layers" and self.mlp_layers:
            alone = "an MLP" if self.n_expert is None else "experts"
            return f"{len(self.mlp_layers)} of its layers {alone} alone"
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
        return name in OF_EXPERTS and self.n_expert is None

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
