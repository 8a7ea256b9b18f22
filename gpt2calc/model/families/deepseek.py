"""DeepSeek's families of latent attention.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.partial_rotary import GLMRotary
from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.config_keys import (
    LATENT_KEYS,
    LATENT_SIZES,
    MLP_LAYER_TYPES,
    ROUTED_KEYS,
)
from gpt2calc.model.families.expert_layers import read_first_dense, read_mlp_types, read_shared
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import whole_number
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import (
    EXPERTS_JOINED,
    INDEXER,
    LATENT_ATTENTION,
    MLP,
    ONE_BY_ONE,
    ROUTER,
    SHARED,
    TWO_NORMS,
    names,
)
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import GroupedRouter

LATENT = Architecture(rotary=GLMRotary, memory_is_proven=False)


def read_deepseek(said: Contents, fields: Fields) -> Fields:
    return read_first_dense(said, read_shared(said, fields, "n_shared_experts"))


DEEPSEEK_V3 = LLAMA.but(
    name="deepseek_v3",
    words="DeepSeek-V3",
    class_name="DeepseekV3ForCausalLM",
    inferable=False,
    architecture=replace(
        LATENT,
        decoder=MixtralDecoder,
        router=GroupedRouter,
        experts=SharedLast,
    ),
    switches={"shared_gate": False},
    family_defaults={"n_inner_shared": 2_048, "dense_layers": (0, 1, 2)},
    defaults=sizes(129_280, 4_096, 7_168, 61, 128)
    | {
        "n_inner": 18_432,
        "n_expert": 256,
        "n_expert_active": 8,
        "n_inner_expert": 2_048,
        **LATENT_SIZES,
    },
    names=names(LATENT_ATTENTION, EXPERTS_JOINED, ROUTER, SHARED, MLP, TWO_NORMS),
    keys=LATENT_KEYS | ROUTED_KEYS | {"mlp_bias": ()},
    extra_keys={
        "n_shared_experts": (1,),
        "first_k_dense_replace": (3,),
        "n_group": (8,),  # changes no count; verify sets 1, which divides any n_expert
        "topk_group": (4,),
    },
    read_extra=read_deepseek,
    hub=ONE_BY_ONE,
)
DEEPSEEK_V2 = DEEPSEEK_V3.but(
    name="deepseek_v2",
    words="DeepSeek-V2",
    class_name="DeepseekV2ForCausalLM",
    architecture=replace(
        DEEPSEEK_V3.architecture,
        router=LLAMA.architecture.router,
        router_normalizes=False,
    ),
    switches={"expert_bias": False},
    family_defaults={"n_inner_shared": 2_814, "dense_layers": ()},
    defaults=sizes(102_400, 2_048, 4_096, 32, 32)
    | {"n_inner": 11_008, "n_expert": 64, "n_expert_active": None, "n_inner_expert": 1_407},
    keys={"n_expert": ("n_routed_experts", "num_experts"), "mlp_bias": ("mlp_bias",)},
    extra_keys={"n_shared_experts": (2,), "first_k_dense_replace": (0,)},
)


def read_deepseek_v32(said: Contents, fields: Fields) -> Fields:
    first = whole_number(said, "first_k_dense_replace")
    return read_mlp_types(said, read_shared(said, fields, "n_shared_experts"), first)


DEEPSEEK_V32 = DEEPSEEK_V3.but(
    name="deepseek_v32",
    words="DeepSeek-V3.2",
    class_name="DeepseekV32ForCausalLM",
    family_defaults={"q_lora_rank": 1_536},
    switches={"expert_bias": False},
    defaults={"n_ctx": 163_840, "index_n_heads": 64, "index_head_dim": 128},
    names=names(LATENT_ATTENTION, INDEXER, EXPERTS_JOINED, ROUTER, SHARED, MLP, TWO_NORMS),
    keys={
        "n_expert": ("n_routed_experts", "num_experts", "num_local_experts"),
        "index_n_heads": ("index_n_heads",),
        "index_head_dim": ("index_head_dim",),
    },
    extra_keys={**DEEPSEEK_V3.extra_keys, **MLP_LAYER_TYPES},
    read_extra=read_deepseek_v32,
)

FAMILIES = (DEEPSEEK_V2, DEEPSEEK_V3, DEEPSEEK_V32)
"""The families of this module."""
