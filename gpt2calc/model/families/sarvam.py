"""Sarvam's families, one like GLM-4.5 and one like DeepSeek-V3.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.families.config_keys import SHARED_NUMBER
from gpt2calc.model.families.deepseek import DEEPSEEK_V3
from gpt2calc.model.families.expert_layers import given_key, read_first_dense, read_shared
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.glm import GLM4_MOE, read_glm4_moe


def _sarvam_moe(said: Contents, fields: Fields) -> Fields:
    shared = given_key(said, *SHARED_NUMBER)
    return read_glm4_moe({**said, "n_shared_experts": said[shared]}, fields)


SARVAM_MOE = GLM4_MOE.but(
    name="sarvam_moe",
    words="Sarvam MoE",
    class_name="Glm4MoeForCausalLM",
    architecture=replace(GLM4_MOE.architecture, rotary_part=Fraction(1)),
    switches={"qk_norm": "head"},
    family_defaults={"n_inner_shared": 1_024},
    defaults=sizes(262_144, 131_072, 4_096, 19, 64)
    | {
        "n_kv_head": 4,
        "n_inner": 8_192,
        "head_dim": 64,
        "n_expert_active": 6,
        "n_inner_expert": 1_024,
    },
    keys={
        "n_expert": ("n_routed_experts", "num_local_experts", "num_experts"),
        "qkv_bias": ("attention_bias", "use_qkv_bias"),
    },
    extra_keys={**GLM4_MOE.extra_keys, "use_qk_norm": (True, False), "num_shared_experts": (None,)},
    read_extra=_sarvam_moe,
)


def _sarvam_mla(said: Contents, fields: Fields) -> Fields:
    return read_first_dense(said, read_shared(said, fields, given_key(said, *SHARED_NUMBER)))


SARVAM_MLA = DEEPSEEK_V3.but(
    name="sarvam_mla",
    words="Sarvam",
    class_name="DeepseekV3ForCausalLM",
    family_defaults={"dense_layers": (0,)},
    defaults=sizes(262_144, 4_096, 4_096, 32, 64)
    | {"n_inner": 16_384, "n_expert": 128, "q_lora_rank": None},
    keys={"n_expert": ("n_routed_experts", "num_local_experts", "num_experts")},
    extra_keys={
        **DEEPSEEK_V3.extra_keys,
        "first_k_dense_replace": (1,),
        "num_shared_experts": (None,),
    },
    read_extra=_sarvam_mla,
)

FAMILIES = (SARVAM_MOE, SARVAM_MLA)
"""The families of this module."""
