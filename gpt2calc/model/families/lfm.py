"""LFM2 and LFM3, some of whose layers have a short convolution in the place of attention.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from math import isfinite

from gpt2calc.errors import quoted
from gpt2calc.model.architecture import NORMED, Architecture
from gpt2calc.model.attention.projections import NormedAfterTransposing
from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.config_keys import EXPERT_KEYS, LAYER_TYPES
from gpt2calc.model.families.expert_layers import read_first_dense
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of, share_of, whole_number
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.mixer_layers import read_attention_layers, with_windows
from gpt2calc.model.families.module_names import ATTENTION, NORMS_OF_HEADS, names, with_final_norm
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import GroupedRouter


def _lfm2_width(said: Contents, fields: Fields) -> object:
    """Return the width of LFM2's MLP: two thirds of the one given, up to the next multiple."""
    width = said["block_ff_dim"] or fields["n_inner"]
    if not said["block_auto_adjust_ff_dim"] or not isinstance(width, int):
        return width
    times, multiple = said["block_ffn_dim_multiplier"], whole_number(said, "block_multiple_of", 1)
    width = 2 * width // 3
    if times is not None:
        if type(times) is not int and not (isinstance(times, float) and isfinite(times)):
            raise ValueError(
                f"block_ffn_dim_multiplier is {quoted(times)}: it must be a number, such as 1.0"
            )
        width = share_of(width, times)
    return multiple * -(-width // multiple)


def _lfm2(said: Contents, fields: Fields) -> Fields:
    """Read LFM2: the width of its MLP, and which layers have attention.

    Its class asks of each layer whether it is listed, so others are listed in vain.
    """
    indices, depth = said["full_attn_idxs"], depth_of(fields)
    layers = range(depth) if indices is None else indices
    if not isinstance(layers, list | range) or any(type(layer) is not int for layer in layers):
        raise ValueError(
            f"full_attn_idxs is {quoted(indices)}: it must be a list of layers, numbered from 0 on"
        )
    full = [layer for layer in range(depth) if layer in layers]
    fields = fields | {"n_inner": _lfm2_width(said, fields)}
    return read_attention_layers(said, fields, full)


_LFM_NAMES = {
    "mixer_conv": "conv.conv",
    "mixer_in": "conv.in_proj",
    "mixer_out": "conv.out_proj",
    **ATTENTION,
    "attention_out": "self_attn.out_proj",
    "query_norm": "self_attn.q_layernorm",
    "key_norm": "self_attn.k_layernorm",
}
_LFM_MLP = {
    "mlp_gate": "feed_forward.w1",
    "mlp_in": "feed_forward.w3",
    "mlp_out": "feed_forward.w2",
}
_LFM_NORMS = {"attention_norm": "operator_norm", "mlp_norm": "ffn_norm"}
_LFM_EXPERTS = {
    "experts_in": "feed_forward.experts.gate_up_proj",
    "experts_out": "feed_forward.experts.down_proj",
    "router": "feed_forward.gate",
}
LFM2 = LLAMA.but(
    name="lfm2",
    words="LFM2",
    class_name="Lfm2ForCausalLM",
    architecture=Architecture(
        separate_with_norms={**NORMED, "head": NormedAfterTransposing}, memory_is_proven=False
    ),
    switches={"qk_norm": "head", "mixer": "short_conv"},
    defaults=sizes(65_536, 128_000, 2_560, 32, 32)
    | {
        "n_kv_head": 8,
        "n_inner": 12_288,
        "mixer_kernel": 3,
        "mixer_bias": False,
        "mixer_conv_bias": False,
        "tie_embeddings": True,
    },
    names=with_final_norm(names(_LFM_NAMES, _LFM_MLP, _LFM_NORMS), "embedding_norm"),
    keys={
        "qkv_bias": (),
        "attn_proj_bias": (),
        "mlp_bias": (),
        "mixer_kernel": ("conv_L_cache",),
        "mixer_bias": ("conv_bias",),
        "mixer_conv_bias": ("conv_bias",),
        "tie_embeddings": ("tie_word_embeddings", "tie_embedding"),
    },
    extra_keys={
        "full_attn_idxs": (None,),
        "block_ff_dim": (None,),
        "block_auto_adjust_ff_dim": (True, False),
        "block_ffn_dim_multiplier": (1.0,),
        "block_multiple_of": (256,),
        **LAYER_TYPES,
    },
    read_extra=_lfm2,
    inferable=False,
)


def _lfm2_moe(said: Contents, fields: Fields) -> Fields:
    if said["layer_types"] is None:
        raise ValueError("layer_types is missing: LFM2-MoE has no rule for it")
    return read_first_dense(said, read_attention_layers(said, fields, ()), "num_dense_layers")


LFM2_MOE = LFM2.but(
    name="lfm2_moe",
    words="LFM2-MoE",
    class_name="Lfm2MoeForCausalLM",
    architecture=replace(
        LFM2.architecture,
        decoder=MixtralDecoder,
        router=GroupedRouter,
        experts=SharedLast,
    ),
    family_defaults={"dense_layers": (0, 1)},
    defaults=sizes(65_536, 128_000, 2_048, 32, 32)
    | {"n_inner": 7_168, "n_expert": 32, "n_expert_active": 4, "n_inner_expert": 1_792},
    names=with_final_norm(names(_LFM_NAMES, _LFM_EXPERTS, _LFM_MLP, _LFM_NORMS), "embedding_norm"),
    keys=EXPERT_KEYS,
    extra_keys={"num_dense_layers": (2,), **LAYER_TYPES},
    read_extra=_lfm2_moe,
)


def _lfm3(said: Contents, fields: Fields) -> Fields:
    """Read LFM3: a window in some of the layers with attention, a gate for each of their heads."""
    types, depth = said["layer_types"], depth_of(fields)
    if types is None:
        kinds = ("sliding_attention", "conv", "full_attention", "conv")
        types = ["conv" if n == 0 else kinds[n % 4] for n in range(depth)]
    fields = with_windows(fields, types)
    place = "both" if said["use_sandwich_norm"] else "before"
    has_gate = bool(said["use_attention_gate"])
    gate = dict.fromkeys(("attention_gate", "separate_gate", "gate_per_head"), has_gate)
    return fields | gate | {"norm_place": place}


LFM3 = LFM2.but(
    name="lfm3",
    words="LFM3",
    class_name="Lfm3ForCausalLM",
    architecture=Architecture(memory_is_proven=False),
    switches={
        "norm_place": "both",
        "attention_gate": True,
        "separate_gate": True,
        "gate_per_head": True,
    },
    defaults=sizes(128_000, 128_000, 2_048, 24, 16)
    | {
        "n_kv_head": 4,
        "head_dim": 128,
        "n_inner": 7_680,
        "mixer_kernel": 7,
        "window": 256,
        "qkv_bias": False,
        "attn_proj_bias": False,
    },
    names=with_final_norm(
        names(
            {"mixer_conv": "conv.conv", "mixer_in": "conv.in_proj", "mixer_out": "conv.out_proj"},
            ATTENTION,
            NORMS_OF_HEADS,
            {"attention_gate": "self_attn.g_proj"},
            _LFM_MLP,
            _LFM_NORMS,
            {"attention_post_norm": "post_operator_norm", "mlp_post_norm": "post_ffn_norm"},
        ),
        "embedding_norm",
    ),
    keys={
        "window": ("sliding_window",),
        "qkv_bias": ("attention_bias",),
        "attn_proj_bias": ("attention_bias",),
        "tie_embeddings": ("tie_word_embeddings",),
    },
    extra_keys={
        "use_sandwich_norm": (True, False),
        "use_attention_gate": (True, False),
        **LAYER_TYPES,
    },
    read_extra=_lfm3,
    required_not_null=("num_key_value_heads", "head_dim"),
)

FAMILIES = (LFM2, LFM2_MOE, LFM3)
"""The families of this module."""
