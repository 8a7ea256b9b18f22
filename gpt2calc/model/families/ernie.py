"""ERNIE 4.5, with and without experts.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.rotary import Ernie45Rotary
from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.expert_layers import read_shared, with_dense_layers
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    MLP,
    ONE_BY_ONE,
    ROUTER,
    SHARED,
    TWO_NORMS,
    names,
)
from gpt2calc.model.mlps.routers import ErnieRouter

ERNIE45 = LLAMA.but(
    name="ernie4_5",
    words="ERNIE 4.5",
    class_name="Ernie4_5ForCausalLM",
    architecture=Architecture(rotary=Ernie45Rotary, tables="float32", dropout=frozenset()),
    defaults=sizes(103_424, 131_072, 1_024, 18, 16)
    | {"n_kv_head": 2, "head_dim": 128, "n_inner": 3_072, "tie_embeddings": True},
    keys={
        "qkv_bias": ("use_bias",),
        "attn_proj_bias": ("use_bias",),
        "mlp_bias": ("use_bias",),
    },
)


def _ernie_moe(said: Contents, fields: Fields) -> Fields:
    fields = read_shared(said, fields, "moe_num_shared_experts")
    first, last, step = (
        said[f"moe_layer_{word}"] for word in ("start_index", "end_index", "interval")
    )
    depth = depth_of(fields)
    if type(first) is not int or type(last) is not int or type(step) is not int or step < 1:
        raise ValueError(
            f"moe_layer_start_index, moe_layer_end_index and moe_layer_interval are {first!r}, "
            f"{last!r} and {step!r}: they must be whole numbers, the last one from 1 on"
        )
    last = depth - 1 if last == -1 else last
    dense = [n for n in range(depth) if (n + 1) % step or not first <= n <= last]
    return with_dense_layers(fields, dense)


ERNIE45_MOE = ERNIE45.but(
    name="ernie4_5_moe",
    words="ERNIE 4.5 MoE",
    class_name="Ernie4_5_MoeForCausalLM",
    inferable=False,
    floors_heads=True,
    architecture=replace(
        ERNIE45.architecture,
        memory_is_proven=False,
        decoder=MixtralDecoder,
        router=ErnieRouter,
        dropout=frozenset({"softmax"}),
    ),
    switches={
        "choice_bias": True,
        "expert_bias": False,
        "shared_gate": False,
    },
    family_defaults={"n_inner_shared": 3_072, "dense_layers": (0,)},
    defaults=sizes(103_424, 131_072, 2_560, 28, 20)
    | {
        "n_kv_head": 4,
        "head_dim": None,
        "n_inner": 12_288,
        "n_expert": 64,
        "n_expert_active": 6,
        "n_inner_expert": 1_536,
        "head_bias": False,
    },
    names=names(
        ATTENTION,
        ROUTER,
        {"choice_bias": "mlp.gate.moe_statics.e_score_correction_bias"},
        EXPERTS_JOINED,
        SHARED,
        MLP,
        TWO_NORMS,
    ),
    keys={
        "n_expert": ("moe_num_experts", "num_experts"),
        "n_expert_active": ("moe_k", "num_experts_per_tok"),
        "n_inner_expert": ("moe_intermediate_size",),
        "head_bias": ("use_bias",),
    },
    extra_keys={
        "moe_num_shared_experts": (2,),
        "moe_layer_start_index": (1,),
        "moe_layer_end_index": (-1,),
        "moe_layer_interval": (1,),
    },
    read_extra=_ernie_moe,
    hub=ONE_BY_ONE,
)

FAMILIES = (ERNIE45, ERNIE45_MOE)
"""The families of this module."""
