"""Qwen3-Next and Qwen 3.5, most of whose layers have linear attention.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.partial_rotary import NeoXRotary
from gpt2calc.model.families.config_keys import EXPERT_KEYS, LAYER_TYPES, OF_ROPE, SPARSE
from gpt2calc.model.families.expert_layers import read_dense_layers
from gpt2calc.model.families.family import Called, Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of, read_rotary_dim, whole_number
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.mixer_layers import read_attention_layers
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    MLP,
    NORMS_OF_HEADS,
    ONE_BY_ONE,
    ROUTER,
    SHARED_ONE,
    SHARED_ROUTER,
    TWO_NORMS,
    names,
)
from gpt2calc.model.families.qwen import QWEN_MOE
from gpt2calc.model.norms import RMSNormPlusOne

DELTA_KEYS: Called = {
    "mixer_heads": ("linear_num_value_heads",),
    "mixer_key_heads": ("linear_num_key_heads",),
    "mixer_head_dim": ("linear_value_head_dim",),
    "mixer_state_dim": ("linear_key_head_dim",),
    "mixer_kernel": ("linear_conv_kernel_dim",),
}
_DELTA_SIZES = {
    "mixer_heads": 32,
    "mixer_key_heads": 16,
    "mixer_head_dim": 128,
    "mixer_state_dim": 128,
    "mixer_kernel": 4,
}
# In two parts, as Qwen3-Next has its projections between them.
DELTA_NAMES = {
    "mixer_step": "linear_attn.dt_bias",
    "mixer_log_decay": "linear_attn.A_log",
    "mixer_conv": "linear_attn.conv1d",
}
DELTA_END = {"mixer_norm": "linear_attn.norm", "mixer_out": "linear_attn.out_proj"}
DELTA_APART = {
    "mixer_in": "linear_attn.in_proj_qkv",
    "mixer_gate_in": "linear_attn.in_proj_z",
    "mixer_beta": "linear_attn.in_proj_b",
    "mixer_decay": "linear_attn.in_proj_a",
}
_QWEN = Architecture(
    rms_norm=RMSNormPlusOne,
    rotary=NeoXRotary,
    rotary_part=Fraction(1, 4),
    memory_is_proven=False,
)


def _every_fourth(said: Contents, fields: Fields) -> Fields:
    step = whole_number(said, "full_attention_interval", 1)
    fields = read_rotary_dim(said, fields)
    return read_attention_layers(said, fields, range(step - 1, depth_of(fields), step))


QWEN35 = LLAMA.but(
    name="qwen3_5_text",
    words="Qwen3.5",
    class_name="Qwen3_5ForCausalLM",
    architecture=_QWEN,
    switches={"qk_norm": "head", "mixer": "gated_delta", "attention_gate": True},
    defaults=sizes(248_320, 32_768, 4_096, 32, 16)
    | {"n_kv_head": 4, "head_dim": 256, "n_inner": 12_288, **_DELTA_SIZES},
    names=names(DELTA_NAMES, DELTA_END, DELTA_APART, ATTENTION, NORMS_OF_HEADS, MLP, TWO_NORMS),
    keys=DELTA_KEYS | {"mlp_bias": ()},
    extra_keys={"full_attention_interval": (4,), **LAYER_TYPES, **OF_ROPE},
    read_extra=_every_fourth,
    required_not_null=("num_key_value_heads", "head_dim"),
    inferable=False,
)
_OF_QWEN_EXPERTS: Called = {
    **EXPERT_KEYS,
    "n_inner_shared": ("shared_expert_intermediate_size",),
}
QWEN35_MOE = QWEN35.but(
    name="qwen3_5_moe_text",
    words="Qwen3.5-MoE",
    class_name="Qwen3_5MoeForCausalLM",
    architecture=replace(
        QWEN_MOE,
        rms_norm=RMSNormPlusOne,
        rotary=NeoXRotary,
        rotary_part=Fraction(1, 4),
        memory_is_proven=False,
    ),
    defaults=sizes(248_320, 32_768, 2_048, 40, 16)
    | {
        "n_kv_head": 2,
        "n_inner": None,
        "n_expert": 256,
        "n_expert_active": 8,
        "n_inner_expert": 512,
        "n_inner_shared": 512,
    },
    names=names(
        DELTA_NAMES,
        DELTA_END,
        DELTA_APART,
        ATTENTION,
        NORMS_OF_HEADS,
        ROUTER,
        EXPERTS_JOINED,
        SHARED_ONE,
        SHARED_ROUTER,
        TWO_NORMS,
    ),
    keys=_OF_QWEN_EXPERTS | {"n_inner": ()},
    hub=ONE_BY_ONE,
)


def _qwen3_next(said: Contents, fields: Fields) -> Fields:
    return read_dense_layers(said, _every_fourth(said, fields))


QWEN3_NEXT = QWEN35_MOE.but(
    name="qwen3_next",
    words="Qwen3-Next",
    class_name="Qwen3NextForCausalLM",
    defaults=sizes(151_936, 32_768, 2_048, 48, 16)
    | {"n_inner": 5_632, "n_expert": 512, "n_expert_active": 10},
    names=names(
        DELTA_NAMES,
        {"mixer_in": "linear_attn.in_proj_qkvz", "mixer_rates": "linear_attn.in_proj_ba"},
        DELTA_END,
        ATTENTION,
        NORMS_OF_HEADS,
        ROUTER,
        EXPERTS_JOINED,
        SHARED_ONE,
        SHARED_ROUTER,
        MLP,
        TWO_NORMS,
    ),
    keys={"n_inner": ("intermediate_size",)},
    extra_keys={**QWEN35_MOE.extra_keys, **SPARSE},
    read_extra=_qwen3_next,
)

FAMILIES = (QWEN35, QWEN35_MOE, QWEN3_NEXT)
"""The families of this module."""
