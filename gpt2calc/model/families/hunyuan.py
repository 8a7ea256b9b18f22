"""Hunyuan's families.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.config_keys import MLP_LAYER_TYPES
from gpt2calc.model.families.expert_layers import read_mlp_types, read_shared
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.glm import GLM4_MOE
from gpt2calc.model.families.glm_like import WHOLE_ROTARY
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.llama_like import NORMED_LATE
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    MLP,
    NORMS_OF_HEADS,
    ONE_BY_ONE,
    ROUTER,
    SHARED,
    TWO_NORMS,
    names,
)

HUNYUAN_NORMS = {
    "query_norm": "self_attn.query_layernorm",
    "key_norm": "self_attn.key_layernorm",
}
HUNYUAN_DENSE = LLAMA.but(
    name="hunyuan_v1_dense",
    words="Hunyuan",
    class_name="HunYuanDenseV1ForCausalLM",
    architecture=NORMED_LATE,
    switches={"qk_norm": "head"},
    defaults={"vocab": 290_943},
    names=names(
        ATTENTION,
        HUNYUAN_NORMS,
        MLP,
        TWO_NORMS,
    ),
    keys={"mlp_bias": ()},
)


def _hunyuan_moe(_: Contents, fields: Fields) -> Fields:
    for name, key in {"n_expert": "num_experts", "n_expert_active": "moe_topk"}.items():
        listed = fields[name]
        if isinstance(listed, list) and listed and len(set(map(str, listed))) == 1:
            fields = fields | {name: listed[0]}
        elif isinstance(listed, list):
            raise ValueError(
                f"{key} differs from layer to layer: a model which gpt2calc cannot describe"
            )
    return fields | {"n_inner_shared": fields["n_inner"]}


HUNYUAN_MOE = HUNYUAN_DENSE.but(
    name="hunyuan_v1_moe",
    words="Hunyuan MoE",
    class_name="HunYuanMoEV1ForCausalLM",
    architecture=replace(
        HUNYUAN_DENSE.architecture,
        memory_is_proven=False,
        decoder=MixtralDecoder,
    ),
    switches={"shared_gate": False},
    family_defaults={"n_inner_shared": 11_008},
    defaults={"n_expert": 1, "n_expert_active": 1},
    names=names(
        ATTENTION,
        HUNYUAN_NORMS,
        {"router": "mlp.gate.wg"},
        EXPERTS_JOINED,
        {
            "shared_gate": "mlp.shared_mlp.gate_proj",
            "shared_in": "mlp.shared_mlp.up_proj",
            "shared_out": "mlp.shared_mlp.down_proj",
        },
        TWO_NORMS,
    ),
    keys={
        "n_expert": ("num_experts", "num_local_experts"),
        "n_expert_active": ("moe_topk", "num_experts_per_tok"),
    },
    read_extra=_hunyuan_moe,
    hub=ONE_BY_ONE,
)


def _hy_v3(said: Contents, fields: Fields) -> Fields:
    return read_mlp_types(said, read_shared(said, fields, "num_shared_experts"), first_dense=1)


HY_V3 = GLM4_MOE.but(
    name="hy_v3",
    words="Hunyuan 3",
    class_name="HYV3ForCausalLM",
    architecture=WHOLE_ROTARY,
    switches={"qk_norm": "head", "expert_bias": False},
    family_defaults={"n_inner_shared": 1_536},
    defaults=sizes(120_832, 131_072, 4_096, 80, 64)
    | {
        "n_kv_head": 8,
        "head_dim": 128,
        "n_inner": 13_312,
        "n_expert": 192,
        "n_inner_expert": 1_536,
        "attn_proj_bias": False,
        "mlp_bias": False,
    },
    names=names(ATTENTION, NORMS_OF_HEADS, ROUTER, EXPERTS_JOINED, SHARED, MLP, TWO_NORMS),
    keys={
        "n_expert": ("num_experts", "num_local_experts"),
        "attn_proj_bias": ("attention_bias",),
        "mlp_bias": ("mlp_bias",),
    },
    extra_keys={"num_shared_experts": (1,), **MLP_LAYER_TYPES},
    read_extra=_hy_v3,
)

FAMILIES = (HUNYUAN_DENSE, HUNYUAN_MOE, HY_V3)
"""The families of this module."""
