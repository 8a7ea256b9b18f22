"""OLMoE, FlexOlmo, MiniMax-M2, Phi-3.5-MoE, Granite with experts or sinks, and gpt-oss.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import NORMED, Architecture
from gpt2calc.model.families.experts import (
    EXPERTS_JOINED,
    MIXTRAL,
    ONE_BY_ONE,
    QWEN_MOE,
    ROUTER,
)
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import (
    LAYER_TYPES,
    OF_ROPE,
    heads_as_wide_as,
    read_rotary_dim,
    read_window,
)
from gpt2calc.model.families.llamas import (
    ATTENTION,
    GRANITE,
    LLAMA,
    MLP,
    NORMS_AFTER,
    NORMS_OF_HEADS,
    OLMO2,
    SINKS,
    TWO_NORMS,
    names,
)
from gpt2calc.model.llama_decoders import BothMasksDecoder, MixtralDecoder, ScaledMixtralDecoder
from gpt2calc.model.mixtures import SharedLast
from gpt2calc.model.partial_rotary import NeoXRotary
from gpt2calc.model.projections import NormedWhole
from gpt2calc.model.routers import (
    ChosenFirst,
    GraniteRouter,
    SigmoidRouter,
)

_OF_EXPERTS = {
    "n_expert": ("num_experts", "num_local_experts"),
    "n_expert_active": ("num_experts_per_tok",),
}


OLMOE = LLAMA.but(
    name="olmoe",
    words="OLMoE",
    builds="OlmoeForCausalLM",
    architecture=replace(QWEN_MOE, separate_with_norms={**NORMED, "width": NormedWhole}),
    switches={"qk_norm": "width"},
    missing=sizes(50_304, 4_096, 2_048, 16, 16)
    | {"n_inner": 2_048, "n_expert": 64, "n_expert_active": 8},
    names=names(ATTENTION, NORMS_OF_HEADS, ROUTER, EXPERTS_JOINED, TWO_NORMS),
    called=_OF_EXPERTS | {"mlp_bias": ()},
    reads=heads_as_wide_as("OLMoE"),
    hub=ONE_BY_ONE,
)
FLEX_OLMO = OLMO2.but(
    name="flex_olmo",
    words="FlexOlmo",
    builds="FlexOlmoForCausalLM",
    architecture=replace(
        OLMO2.architecture,
        decoder=MixtralDecoder,
        router_normalizes=False,
        router_casts_back=True,
    ),
    missing={"vocab": 100_352, "n_ctx": 4_096, "n_expert": 7, "n_expert_active": 5},
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        ROUTER,
        EXPERTS_JOINED,
        NORMS_AFTER,
    ),
    called=_OF_EXPERTS,
    hub=ONE_BY_ONE,
)
MINIMAX_M2 = MIXTRAL.but(
    name="minimax_m2",
    words="MiniMax-M2",
    builds="MiniMaxM2ForCausalLM",
    architecture=Architecture(
        decoder=MixtralDecoder,
        router=SigmoidRouter,
        rebinds_expert_input=True,
        rotary=NeoXRotary,
        rotary_part=Fraction(1),
    ),
    switches={"qk_norm": "width"},
    missing=sizes(200_064, 196_608, 3_072, 62, 48)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": 1_536, "n_expert": 256, "n_expert_active": 8},
    names=names(ATTENTION, NORMS_OF_HEADS, ROUTER, EXPERTS_JOINED, TWO_NORMS),
    called={"window": (), "rotary_dim": ("rotary_dim",)},
    extra=OF_ROPE,
    reads=read_rotary_dim,
    not_null=("num_key_value_heads", "head_dim"),
)
PHIMOE = MIXTRAL.but(
    name="phimoe",
    words="Phi-3.5-MoE",
    builds="PhimoeForCausalLM",
    told_by_tensors=False,
    architecture=replace(MIXTRAL.architecture, memory_is_proven=False),
    switches={"norm": "layer", "norm_bias": True},
    missing={
        "vocab": 32_064,
        "n_inner": 6_400,
        "n_expert": 16,
        "qkv_bias": False,
        "attn_proj_bias": False,
        "head_bias": False,
    },
    names=names(
        ATTENTION,
        {"router": "mlp.router"},
        EXPERTS_JOINED,
        TWO_NORMS,
    ),
    called={
        "n_expert": ("num_local_experts",),
        "n_expert_active": (),
        "qkv_bias": ("attention_bias",),
        "attn_proj_bias": ("attention_bias",),
        "head_bias": ("lm_head_bias",),
    },
    not_null=(),
)
GRANITE_NAMES = {
    "router": "block_sparse_moe.router",
    "experts_in": "block_sparse_moe.experts.gate_up_proj",
    "experts_out": "block_sparse_moe.experts.down_proj",
}
SHARED_JOINED = {
    "shared_gate_in": "shared_mlp.input_linear",
    "shared_out": "shared_mlp.output_linear",
}
GRANITE_MOE = GRANITE.but(
    name="granitemoe",
    words="Granite MoE",
    builds="GraniteMoeForCausalLM",
    architecture=replace(
        GRANITE.architecture,
        memory_is_proven=False,
        router=GraniteRouter,
        rebinds_expert_input=True,
        decoder=ScaledMixtralDecoder,
    ),
    missing={"n_expert": 8, "n_expert_active": 2},
    names=names(ATTENTION, TWO_NORMS, GRANITE_NAMES),
    called={
        "n_expert": ("num_local_experts",),
        "n_expert_active": ("num_experts_per_tok",),
        "mlp_bias": (),
    },
)


def _granite_shared(_: Contents, fields: Fields) -> Fields:
    return fields | {"n_inner_shared": fields.get("n_inner_shared") or None}


GRANITE_MOE_SHARED = GRANITE_MOE.but(
    name="granitemoeshared",
    words="Granite MoE",
    builds="GraniteMoeSharedForCausalLM",
    told_by_tensors=False,
    architecture=replace(GRANITE_MOE.architecture, experts=SharedLast),
    switches={"shared_gate": False},
    missing={"n_inner_shared": None},
    names=names(
        ATTENTION,
        TWO_NORMS,
        GRANITE_NAMES,
        SHARED_JOINED,
    ),
    called={"n_inner_shared": ("shared_intermediate_size",)},
    reads=_granite_shared,
)


def _begins_full(said: Contents, fields: Fields) -> Fields:
    return read_window(said, fields, first=0)


GRANITE_SWA = GRANITE.but(
    name="granite_swa",
    words="Granite SWA",
    builds="GraniteSWAForCausalLM",
    architecture=replace(
        GRANITE.architecture,
        memory_is_proven=False,
        has_sdpa=False,
    ),
    switches={"attention_sinks": True, "full_every": 4},
    missing=sizes(100_352, 8_192, 2_560, 24, 20)
    | {"n_kv_head": 4, "n_inner": 8_192, "window": 128, "tie_embeddings": True},
    names=names(SINKS, ATTENTION, MLP, TWO_NORMS),
    called={"window": ("sliding_window",)},
    extra=LAYER_TYPES,
    reads=_begins_full,
    begins_with_full_layer=True,
    told_by_tensors=False,
)


def _granitemoe_swa(said: Contents, fields: Fields) -> Fields:
    return _begins_full(said, _granite_shared(said, fields))


GRANITE_MOE_SWA = GRANITE_MOE_SHARED.but(
    name="granitemoe_swa",
    words="Granite MoE SWA",
    builds="GraniteMoeSWAForCausalLM",
    architecture=replace(GRANITE_MOE_SHARED.architecture, has_sdpa=False),
    switches={"attention_sinks": True, "full_every": 4},
    missing={"window": 128},
    names=names(
        SINKS,
        ATTENTION,
        TWO_NORMS,
        GRANITE_NAMES,
        SHARED_JOINED,
    ),
    called={"window": ("sliding_window",)},
    extra=LAYER_TYPES,
    reads=_granitemoe_swa,
    begins_with_full_layer=True,
)
GPT_OSS = LLAMA.but(
    name="gpt_oss",
    words="gpt-oss",
    builds="GptOssForCausalLM",
    told_by_tensors=False,
    architecture=Architecture(
        memory_is_proven=False,
        decoder=BothMasksDecoder,
        router=ChosenFirst,
        experts_outputs_first=False,
        rebinds_expert_input=True,
        has_sdpa=False,
    ),
    switches={
        "attention_sinks": True,
        "router_bias": True,
        "expert_bias": True,
        "full_every": 2,
    },
    missing=sizes(201_088, 131_072, 2_880, 36, 64)
    | {
        "n_kv_head": 8,
        "head_dim": 64,
        "n_inner": 2_880,
        "window": 128,
        "n_expert": 128,
        "n_expert_active": 4,
        "qkv_bias": True,
        "attn_proj_bias": True,
    },
    names=names(
        SINKS,
        ATTENTION,
        {"router": "mlp.router"},
        EXPERTS_JOINED,
        TWO_NORMS,
    ),
    called={
        "n_expert": ("num_local_experts", "num_experts"),
        "n_expert_active": ("num_experts_per_tok",),
        "mlp_bias": (),
        "window": ("sliding_window",),
    },
    extra=LAYER_TYPES,
    reads=read_window,
)


MIXTURES = (
    OLMOE, FLEX_OLMO, MINIMAX_M2, PHIMOE, GRANITE_MOE, GRANITE_MOE_SHARED, GPT_OSS, GRANITE_SWA,
    GRANITE_MOE_SWA,
)  # fmt: skip
"""The families of this module."""
