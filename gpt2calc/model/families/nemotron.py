"""Nemotron, and Nemotron-H, each of whose blocks has one part.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.partial_rotary import NemotronRotary
from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.config_keys import OF_ROPE, ROUTED_KEYS
from gpt2calc.model.families.expert_layers import given_key
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import read_rotary_dim
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.llama_like import JAIS2
from gpt2calc.model.families.module_names import ATTENTION
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import GroupedRouter
from gpt2calc.model.names import Names
from gpt2calc.model.norms import LayerNormPlusOne

NEMOTRON = JAIS2.but(
    name="nemotron",
    words="Nemotron",
    class_name="NemotronForCausalLM",
    floors_heads=True,
    architecture=Architecture(
        activation="relu2",
        layer_norm=LayerNormPlusOne,
        rotary=NemotronRotary,
        rotary_part=Fraction(1, 2),
    ),
    defaults=sizes(256_000, 4_096, 6_144, 32, 48)
    | {"n_inner": 24_576, "qkv_bias": False, "attn_proj_bias": False, "mlp_bias": False},
    extra_keys=OF_ROPE,
    read_extra=read_rotary_dim,
)
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
    class_name="NemotronHForCausalLM",
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
    family_defaults={
        "mlp_layers": (1, 3),
        "attention_layers": (2,),
        "n_expert": None,  # as in the older half of its models
        "n_expert_active": None,
        "n_inner_shared": None,
    },
    defaults=sizes(131_072, 4_096, 4_096, 4, 32)
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
    keys={
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
    extra_keys={
        "layers_block_type": (None,),
        "layer_types": (None,),
        "hybrid_override_pattern": (None,),
        "n_group": (1,),
        "topk_group": (1,),
    },
    read_extra=_nemotron_h,
    required_not_null=("head_dim",),
    inferable=False,
)

FAMILIES = (NEMOTRON, NEMOTRON_H)
"""The families of this module."""
