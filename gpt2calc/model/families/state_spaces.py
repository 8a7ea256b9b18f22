"""Families of state spaces: Mamba and Mamba 2, alone, and beside layers with attention.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoder import MixtralDecoder, ScaledLogitsDecoder
from gpt2calc.model.experts import SharedLast
from gpt2calc.model.families.config_keys import ROUTED_KEYS
from gpt2calc.model.families.family import Called, Contents, Fields, sizes
from gpt2calc.model.families.hybrids import read_attention_layers
from gpt2calc.model.families.layers import LAYER_TYPES, OF_ROPE, depth_of, read_rotary_dim
from gpt2calc.model.families.llamas import (
    ATTENTION,
    FEED_FORWARD,
    LLAMA,
    TWO_NORMS,
    names,
    with_final_norm,
)
from gpt2calc.model.families.mixtures import GRANITE_MOE_SHARED, GRANITE_NAMES, SHARED_JOINED
from gpt2calc.model.families.sparse import given_key, with_dense_layers
from gpt2calc.model.linear import ScaledEmbedding
from gpt2calc.model.llama_decoders import MixtralDecoder, ScaledLogitsDecoder
from gpt2calc.model.mixtures import SharedLast
from gpt2calc.model.names import Names
from gpt2calc.model.partial_rotary import NeoXRotary
from gpt2calc.model.routers import GroupedRouter

# ---- Mamba alone -----------------------------------------------------------------------------

NO_ATTENTION: Called = {
    "n_ctx": (),
    "n_head": (),
    "n_kv_head": (),
    "head_dim": (),
    "n_inner": (),
    "qkv_bias": (),
    "attn_proj_bias": (),
    "mlp_bias": (),
}


def _alone(modules: dict[str, str]) -> Names:
    """Return the names of a model whose blocks are a mixer alone."""
    inside = {role: f"mixer.{module}" for role, module in modules.items()}
    outside = {"token_embedding": "embeddings", "attention_norm": "norm"}
    last = {"final_norm": "norm_f", "head": "lm_head"}
    return Names("backbone.", "layers.*.", outside | inside | last)


def _rank(rank: object, width: object) -> object:
    """Return the rank of steps; "auto" is a sixteenth of the model's width."""
    return -(-width // 16) if rank == "auto" and isinstance(width, int) else rank


def _expanded(said: Contents, fields: Fields, key: str = "expand") -> int:
    """Return how many features have a state: the model's width, times ``key``."""
    expand, width = said[key], fields["n_embd"]
    if type(width) is not int:
        raise ValueError(f"hidden_size is {width!r}: it must be a whole number, such as 768")
    if type(expand) is not int or expand < 1:
        raise ValueError(f"{key} is {expand!r}: it must be a positive whole number, such as 2")
    return expand * width


def _mamba(said: Contents, fields: Fields) -> Fields:
    inner, rank = said["intermediate_size"], _rank(said["time_step_rank"], fields["n_embd"])
    inner = _expanded(said, fields) if inner is None else inner
    if type(rank) is not int:
        raise ValueError(f"time_step_rank is {rank!r}: it must be a whole number, or 'auto'")
    return fields | {"mixer_heads": inner, "mixer_rank": rank}


MAMBA = LLAMA.but(
    name="mamba",
    words="Mamba",
    builds="MambaForCausalLM",
    architecture=Architecture(memory_is_proven=False),
    switches={
        "positions": "none",
        "mixer": "mamba",
        "mixer_norm": False,
        "attention_layers": (),
        "mlp_layers": (),
    },
    usual={"mixer_heads": 1_536, "mixer_rank": 48},
    missing=sizes(50_280, 2_048, 768, 32, 12)
    | {
        "n_head": None,
        "n_inner": None,
        "mixer_state_dim": 16,
        "mixer_kernel": 4,
        "mixer_bias": False,
        "mixer_conv_bias": True,
        "tie_embeddings": True,
    },
    names=_alone(
        {
            "mixer_log_decay": "A_log",
            "mixer_skip": "D",
            "mixer_conv": "conv1d",
            "mixer_in": "in_proj",
            "mixer_selection": "x_proj",
            "mixer_step_up": "dt_proj",
            "mixer_out": "out_proj",
        }
    ),
    called=NO_ATTENTION
    | {
        "mixer_state_dim": ("state_size",),
        "mixer_kernel": ("conv_kernel",),
        "mixer_bias": ("use_bias",),
        "mixer_conv_bias": ("use_conv_bias",),
    },
    extra={"expand": (2,), "intermediate_size": (None,), "time_step_rank": ("auto",)},
    reads=_mamba,
    told_by_tensors=False,
)
FALCON_MAMBA = MAMBA.but(name="falcon_mamba", words="Falcon Mamba", builds="FalconMambaForCausalLM")


def _mamba2(said: Contents, fields: Fields) -> Fields:
    heads, width = fields["mixer_heads"], fields["mixer_head_dim"]
    inner = _expanded(said, fields)
    if isinstance(heads, int) and isinstance(width, int) and heads * width != inner:
        raise ValueError(
            f"num_heads is {heads} and head_dim {width}: their product must be {inner}, which is "
            "expand times hidden_size"
        )
    return fields


MAMBA2 = replace(MAMBA, usual={}).but(
    name="mamba2",
    words="Mamba 2",
    builds="Mamba2ForCausalLM",
    switches={"mixer": "mamba2", "mixer_norm": True},
    missing=sizes(32_768, 2_048, 4_096, 64, 64)
    | {
        "n_head": None,
        "mixer_heads": 128,
        "mixer_head_dim": 64,
        "mixer_key_heads": 8,
        "mixer_state_dim": 128,
        "tie_embeddings": False,
    },
    names=_alone(
        {
            "mixer_step": "dt_bias",
            "mixer_log_decay": "A_log",
            "mixer_skip": "D",
            "mixer_conv": "conv1d",
            "mixer_in": "in_proj",
            "mixer_norm": "norm",
            "mixer_out": "out_proj",
        }
    ),
    called={
        "mixer_heads": ("num_heads",),
        "mixer_head_dim": ("head_dim",),
        "mixer_key_heads": ("n_groups",),
    },
    extra={"expand": (2,)},
    reads=_mamba2,
)

# ---- blocks of one part ----------------------------------------------------------------------

PATTERN = {"M": "linear_attention", "E": "moe", "*": "full_attention", "-": "mlp"}
"""What the letters of ``hybrid_override_pattern`` stand for."""
OLDER = {"mamba": "linear_attention", "attention": "full_attention"}
"""What older files call the kinds of blocks."""


def _block_types(said: Contents) -> list[str]:
    """Return what each block of Nemotron-H is, by its list or by its pattern."""
    types = said[given_key(said, "layers_block_type", "layer_types")]
    pattern = said["hybrid_override_pattern"]
    if types is None and pattern is not None:
        if not isinstance(pattern, str) or not set(pattern) <= set(PATTERN):
            raise ValueError(
                f"hybrid_override_pattern is {pattern!r}: it must be a word of M, E, * and -"
            )
        types = [PATTERN[letter] for letter in pattern]
    if types is None:
        return ["linear_attention", "moe", "full_attention", "mlp"]
    if not isinstance(types, list | tuple) or not types:
        raise ValueError(f"layers_block_type is {types!r}: it must be a list of kinds of blocks")
    named = [OLDER.get(str(each), str(each)) for each in types]
    unknown = [each for each in named if each not in PATTERN.values()]
    if unknown:
        raise ValueError(
            f"layers_block_type has {unknown[0]!r}: no kind of block that is known here"
        )
    return named


def _nemotron_h(said: Contents, fields: Fields) -> Fields:
    kinds = _block_types(said)
    dense = tuple(at for at, kind in enumerate(kinds) if kind == "mlp")
    alone = tuple(at for at, kind in enumerate(kinds) if kind in ("mlp", "moe"))
    fields = fields | {
        "n_layer": len(kinds),
        "mlp_layers": alone,
        "attention_layers": tuple(at for at, kind in enumerate(kinds) if kind == PATTERN["*"]),
    }
    if len(dense) < len(alone):
        return fields | {"dense_layers": dense}
    of_experts = {name for name in fields if "expert" in name} - {"expert_bias"}
    return fields | dict.fromkeys(of_experts | {"n_inner_shared"})


NEMOTRON_H = LLAMA.but(
    name="nemotron_h",
    words="Nemotron-H",
    builds="NemotronHForCausalLM",
    architecture=Architecture(
        decoder=MixtralDecoder,
        activation="relu2",
        router=GroupedRouter,
        experts=SharedLast,
        memory_is_proven=False,
    ),
    switches={
        "positions": "none",
        "gated_mlp": False,
        "mixer": "mamba2",
        "shared_gate": False,
        "expert_bias": False,
    },
    usual={
        "mlp_layers": (1, 3),
        "attention_layers": (2,),
        "n_expert": None,  # as in the older half of its models
        "n_expert_active": None,
        "n_inner_shared": None,
    },
    missing=sizes(131_072, 4_096, 4_096, 4, 32)
    | {
        "tie_embeddings": False,
        "n_kv_head": 8,
        "head_dim": 128,
        "n_inner": 21_504,
        "n_expert": 8,
        "n_expert_active": 2,
        "n_inner_expert": 7_688,
        "n_inner_shared": 7_688,
        "mixer_heads": 128,
        "mixer_head_dim": 64,
        "mixer_key_heads": 8,
        "mixer_state_dim": 128,
        "mixer_kernel": 4,
        "mixer_bias": False,
        "mixer_conv_bias": True,
    },
    names=Names(
        "model.",
        "layers.*.",
        {
            "token_embedding": "embeddings",
            "attention_norm": "norm",
            "mlp_norm": "norm",
            "mixer_step": "mixer.dt_bias",
            "mixer_log_decay": "mixer.A_log",
            "mixer_skip": "mixer.D",
            "mixer_conv": "mixer.conv1d",
            "mixer_in": "mixer.in_proj",
            "mixer_norm": "mixer.norm",
            "mixer_out": "mixer.out_proj",
            **{role: module.replace("self_attn", "mixer") for role, module in ATTENTION.items()},
            "mlp_in": "mixer.up_proj",
            "mlp_out": "mixer.down_proj",
            "experts_in": "mixer.experts.up_proj",
            "experts_out": "mixer.experts.down_proj",
            "router": "mixer.gate",
            "shared_in": "mixer.shared_experts.up_proj",
            "shared_out": "mixer.shared_experts.down_proj",
            "experts_narrow": "mixer.fc1_latent_proj",
            "experts_widen": "mixer.fc2_latent_proj",
            "final_norm": "norm_f",
            "head": "lm_head",
        },
    ),
    called={
        "qkv_bias": (),
        "attn_proj_bias": (),
        "tie_embeddings": (),
        **ROUTED_KEYS,
        "n_inner_shared": ("moe_shared_expert_intermediate_size",),
        "expert_latent_dim": ("moe_latent_size",),
        "mixer_heads": ("mamba_num_heads",),
        "mixer_head_dim": ("mamba_head_dim",),
        "mixer_key_heads": ("n_groups", "mamba_n_groups"),
        "mixer_state_dim": ("ssm_state_size",),
        "mixer_kernel": ("conv_kernel", "mamba_d_conv"),
        "mixer_bias": ("use_bias",),
        "mixer_conv_bias": ("use_conv_bias", "mamba_conv_bias"),
    },
    extra={
        "layers_block_type": (None,),
        "layer_types": (None,),
        "hybrid_override_pattern": (None,),
        "n_group": (1,),
        "topk_group": (1,),
    },
    reads=_nemotron_h,
    not_null=("head_dim",),
    told_by_tensors=False,
)

# ---- Mamba 2 beside attention ----------------------------------------------------------------

_OF_MAMBA: Called = {
    "mixer_heads": ("mamba_n_heads",),
    "mixer_key_heads": ("mamba_n_groups",),
    "mixer_state_dim": ("mamba_d_state",),
    "mixer_kernel": ("mamba_d_conv",),
    "mixer_conv_bias": ("mamba_conv_bias",),
    "mixer_bias": ("mamba_proj_bias",),
}
_MAMBA_SIZES = {
    "mixer_heads": 128,
    "mixer_key_heads": 1,
    "mixer_state_dim": 256,
    "mixer_kernel": 4,
    "mixer_conv_bias": True,
    "mixer_bias": False,
}
_MAMBA = {
    "mixer_step": "mamba.dt_bias",
    "mixer_log_decay": "mamba.A_log",
    "mixer_skip": "mamba.D",
    "mixer_conv": "mamba.conv1d",
    "mixer_in": "mamba.in_proj",
    "mixer_norm": "mamba.norm",
    "mixer_out": "mamba.out_proj",
}
_NORMS = {"attention_norm": "input_layernorm", "mlp_norm": "pre_ff_layernorm"}
OF_EXPANSION: dict[str, tuple[object, ...]] = {
    "mamba_expand": (2,),
    "mamba_d_head": ("auto",),
}


def read_head_width(said: Contents, fields: Fields) -> Fields:
    """Read the width of Mamba's heads: their part of the model's width, times ``mamba_expand``."""
    expand, heads, width = said["mamba_expand"], fields["mixer_heads"], fields["n_embd"]
    if type(expand) is not int or type(heads) is not int or type(width) is not int or heads < 1:
        raise ValueError(
            f"mamba_expand, mamba_n_heads and hidden_size are {expand!r}, {heads!r} and {width!r}: "
            "they must be positive whole numbers"
        )
    if expand * width % heads:
        raise ValueError(f"mamba_n_heads is {heads}: it must divide {expand * width}, their width")
    return fields | {"mixer_head_dim": expand * width // heads}


def _granite_hybrid(said: Contents, fields: Fields) -> Fields:
    is_rotary = said["position_embedding_type"] == "rope"
    fields = fields | {"positions": "rotary" if is_rotary else "none"}
    types = said[given_key(said, "layer_types", "layers_block_type")]
    fields = read_head_width(said, fields)
    fields = read_attention_layers({"layer_types": types}, fields, ())
    if fields["n_expert"] == 0:
        width = {"n_inner": fields["n_inner_shared"], "n_inner_shared": None}
        fields = fields | {"n_expert": None, "n_expert_active": None} | width
    return fields


GRANITE_HYBRID = GRANITE_MOE_SHARED.but(
    name="granitemoehybrid",
    words="Granite 4",
    builds="GraniteMoeHybridForCausalLM",
    switches={"positions": "none", "mixer": "mamba2"},
    usual={"mixer_head_dim": 64},
    missing={"n_inner_shared": 1_024, **_MAMBA_SIZES},
    names=names(
        TWO_NORMS,
        GRANITE_NAMES,
        SHARED_JOINED,
        {"mlp_gate_in": "shared_mlp.input_linear", "mlp_out": "shared_mlp.output_linear"},
        _MAMBA,
        ATTENTION,
    ),
    called=_OF_MAMBA,
    extra={
        "position_embedding_type": (None, "rope"),
        "layers_block_type": (None,),
        **LAYER_TYPES,
        **OF_EXPANSION,
    },
    reads=_granite_hybrid,
)


def _bamba(said: Contents, fields: Fields) -> Fields:
    indices = said["attn_layer_indices"] or ()
    if not isinstance(indices, list | tuple) or not all(type(each) is int for each in indices):
        raise ValueError(f"attn_layer_indices is {indices!r}: it must be a list of layers")
    fields = read_rotary_dim(said, read_head_width(said, fields))
    return read_attention_layers(said, fields, sorted(set(indices)))


BAMBA = LLAMA.but(
    name="bamba",
    words="Bamba",
    builds="BambaForCausalLM",
    architecture=Architecture(
        rotary=NeoXRotary, rotary_part=Fraction(1, 2), memory_is_proven=False
    ),
    switches={"mixer": "mamba2"},
    usual={"mixer_head_dim": 64},
    missing=sizes(128_000, 262_144, 4_096, 32, 32)
    | {"n_kv_head": 8, "n_inner": 14_336, **_MAMBA_SIZES},
    names=with_final_norm(
        names(
            FEED_FORWARD,
            _NORMS,
            _MAMBA,
            ATTENTION,
        ),
        "final_layernorm",
    ),
    called=_OF_MAMBA,
    extra={"attn_layer_indices": (None,), **OF_EXPANSION, **OF_ROPE},
    reads=_bamba,
    told_by_tensors=False,
)

# ---- Jamba -----------------------------------------------------------------------------------


def _period(said: Contents, kind: str, depth: int) -> list[int]:
    """Return every ``*_layer_period``-th layer, from ``*_layer_offset`` on."""
    period, offset = said[f"{kind}_layer_period"], said[f"{kind}_layer_offset"]
    if not (isinstance(period, int) and isinstance(offset, int)) or not 0 <= offset < period:
        raise ValueError(
            f"{kind}_layer_period is {period!r} and {kind}_layer_offset {offset!r}: they must be "
            "whole numbers, the offset the smaller one"
        )
    return list(range(offset, depth, period))


def _jamba(said: Contents, fields: Fields) -> Fields:
    depth = depth_of(fields)
    fields = fields | {
        "mixer_heads": _expanded(said, fields, "mamba_expand"),
        "mixer_rank": _rank(said["mamba_dt_rank"], fields["n_embd"]),
        "n_inner_expert": fields["n_inner"],
    }
    fields = read_attention_layers({}, fields, _period(said, "attn", depth))
    sparse = _period(said, "expert", depth) if fields["n_expert"] != 1 else []
    return with_dense_layers(fields, [n for n in range(depth) if n not in sparse])


JAMBA = LLAMA.but(
    name="jamba",
    words="Jamba",
    builds="JambaForCausalLM",
    architecture=Architecture(
        decoder=MixtralDecoder,
        rebinds_expert_input=True,
        router_normalizes=False,
        router_casts_back=True,
        memory_is_proven=False,
    ),
    switches={"positions": "none", "mixer": "mamba"},
    usual={
        "mixer_heads": 8_192,
        "mixer_rank": 256,
        "n_inner_expert": 14_336,
    },
    missing=sizes(65_536, 262_144, 4_096, 32, 32)
    | {
        "n_kv_head": 8,
        "n_inner": 14_336,
        "n_expert": 16,
        "n_expert_active": 2,
        "mixer_state_dim": 16,
        "mixer_kernel": 4,
        "mixer_bias": False,
        "mixer_conv_bias": True,
    },
    names=with_final_norm(
        names(
            ATTENTION,
            {
                "mixer_log_decay": "mamba.A_log",
                "mixer_skip": "mamba.D",
                "mixer_conv": "mamba.conv1d",
                "mixer_in": "mamba.in_proj",
                "mixer_selection": "mamba.x_proj",
                "mixer_step_up": "mamba.dt_proj",
                "mixer_out": "mamba.out_proj",
                "mixer_step_norm": "mamba.dt_layernorm",
                "mixer_write_norm": "mamba.b_layernorm",
                "mixer_read_norm": "mamba.c_layernorm",
                "router": "feed_forward.router",
                "experts_in": "feed_forward.experts.gate_up_proj",
                "experts_out": "feed_forward.experts.down_proj",
                **FEED_FORWARD,
            },
            _NORMS,
        ),
        "final_layernorm",
    ),
    called={
        "qkv_bias": (),
        "attn_proj_bias": (),
        "mlp_bias": (),
        "n_expert": ("num_experts", "num_local_experts"),
        "n_expert_active": ("num_experts_per_tok",),
        "mixer_state_dim": ("mamba_d_state",),
        "mixer_kernel": ("mamba_d_conv",),
        "mixer_bias": ("mamba_proj_bias",),
        "mixer_conv_bias": ("mamba_conv_bias",),
    },
    extra={
        "attn_layer_period": (8,),
        "attn_layer_offset": (4,),
        "expert_layer_period": (2,),
        "expert_layer_offset": (1,),
        "mamba_expand": (2,),
        "mamba_dt_rank": ("auto",),
    },
    reads=_jamba,
    told_by_tensors=False,
)

# ---- Mamba 2 and attention side by side ------------------------------------------------------


def _falcon_h1(said: Contents, fields: Fields) -> Fields:
    inner, heads = said["mamba_d_ssm"], fields["mixer_heads"]
    inner = _expanded(said, fields, "mamba_expand") if inner is None else inner
    if type(inner) is not int or type(heads) is not int or heads < 1 or inner % heads:
        raise ValueError(
            f"mamba_d_ssm is {inner!r} and mamba_n_heads {heads!r}: they must be whole numbers, "
            "the second a divisor of the first"
        )
    if said["projectors_bias"] is not fields["mixer_bias"]:
        raise ValueError(
            f"projectors_bias is {said['projectors_bias']!r} and mamba_proj_bias "
            f"{fields['mixer_bias']!r}: gpt2calc cannot describe biases of one alone"
        )
    return fields | {"mixer_head_dim": inner // heads}


FALCON_H1 = BAMBA.but(
    name="falcon_h1",
    words="Falcon-H1",
    builds="FalconH1ForCausalLM",
    architecture=Architecture(
        decoder=ScaledLogitsDecoder, embedding=ScaledEmbedding, memory_is_proven=False
    ),
    switches={"parallel_mixer": True, "mixer_norm": False},
    usual={"mixer_head_dim": 8},
    missing={"n_ctx": 8_192, "mixer_norm": False},
    names=with_final_norm(
        names(
            FEED_FORWARD,
            _MAMBA,
            ATTENTION,
            _NORMS,
        ),
        "final_layernorm",
    ),
    called={"mixer_norm": ("mamba_rms_norm",)},
    extra={"mamba_d_ssm": (1_024,), "mamba_expand": (2,), "projectors_bias": (False, True)},
    reads=_falcon_h1,
)

STATE_SPACES = (MAMBA, FALCON_MAMBA, MAMBA2, NEMOTRON_H, GRANITE_HYBRID, BAMBA, JAMBA, FALCON_H1)
"""The families of this module."""
