"""Granite's families: dense, with experts, with windows and with Mamba 2.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoders.llamas import ScaledLogitsDecoder, ScaledMixtralDecoder
from gpt2calc.model.families.config_keys import LAYER_TYPES, MAMBA_KEYS, MAMBA_SIZES, OF_EXPANSION
from gpt2calc.model.families.expert_layers import given_key
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import read_window
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.mixer_layers import read_attention_layers, read_head_width
from gpt2calc.model.families.module_names import (
    ATTENTION,
    MAMBA_NAMES,
    MLP,
    SINKS,
    TWO_NORMS,
    names,
)
from gpt2calc.model.linear import ScaledEmbedding
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import GraniteRouter

GRANITE = LLAMA.but(
    name="granite",
    words="Granite",
    class_name="GraniteForCausalLM",
    floors_heads=True,
    architecture=Architecture(
        decoder=ScaledLogitsDecoder, embedding=ScaledEmbedding, residual_is_scaled=True
    ),
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
    class_name="GraniteMoeForCausalLM",
    architecture=replace(
        GRANITE.architecture,
        memory_is_proven=False,
        router=GraniteRouter,
        rebinds_expert_input=True,
        decoder=ScaledMixtralDecoder,
    ),
    defaults={"n_expert": 8, "n_expert_active": 2},
    names=names(ATTENTION, TWO_NORMS, GRANITE_NAMES),
    keys={
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
    class_name="GraniteMoeSharedForCausalLM",
    inferable=False,
    architecture=replace(GRANITE_MOE.architecture, experts=SharedLast),
    switches={"shared_gate": False},
    defaults={"n_inner_shared": None},
    names=names(
        ATTENTION,
        TWO_NORMS,
        GRANITE_NAMES,
        SHARED_JOINED,
    ),
    keys={"n_inner_shared": ("shared_intermediate_size",)},
    read_extra=_granite_shared,
)


def _begins_full(said: Contents, fields: Fields) -> Fields:
    return read_window(said, fields, first=0)


GRANITE_SWA = GRANITE.but(
    name="granite_swa",
    words="Granite SWA",
    class_name="GraniteSWAForCausalLM",
    architecture=replace(
        GRANITE.architecture,
        memory_is_proven=False,
        has_sdpa=False,
    ),
    switches={"attention_sinks": True, "full_every": 4},
    defaults=sizes(100_352, 8_192, 2_560, 24, 20)
    | {"n_kv_head": 4, "n_inner": 8_192, "window": 128, "tie_embeddings": True},
    names=names(SINKS, ATTENTION, MLP, TWO_NORMS),
    keys={"window": ("sliding_window",)},
    extra_keys=LAYER_TYPES,
    read_extra=_begins_full,
    begins_with_full_layer=True,
    inferable=False,
)


def _granitemoe_swa(said: Contents, fields: Fields) -> Fields:
    return _begins_full(said, _granite_shared(said, fields))


GRANITE_MOE_SWA = GRANITE_MOE_SHARED.but(
    name="granitemoe_swa",
    words="Granite MoE SWA",
    class_name="GraniteMoeSWAForCausalLM",
    architecture=replace(GRANITE_MOE_SHARED.architecture, has_sdpa=False),
    switches={"attention_sinks": True, "full_every": 4},
    defaults={"window": 128},
    names=names(
        SINKS,
        ATTENTION,
        TWO_NORMS,
        GRANITE_NAMES,
        SHARED_JOINED,
    ),
    keys={"window": ("sliding_window",)},
    extra_keys=LAYER_TYPES,
    read_extra=_granitemoe_swa,
    begins_with_full_layer=True,
)


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
    class_name="GraniteMoeHybridForCausalLM",
    switches={"positions": "none", "mixer": "mamba2"},
    family_defaults={"mixer_head_dim": 64},
    defaults={"n_inner_shared": 1_024, **MAMBA_SIZES},
    names=names(
        TWO_NORMS,
        GRANITE_NAMES,
        SHARED_JOINED,
        {"mlp_gate_in": "shared_mlp.input_linear", "mlp_out": "shared_mlp.output_linear"},
        MAMBA_NAMES,
        ATTENTION,
    ),
    keys=MAMBA_KEYS,
    extra_keys={
        "position_embedding_type": (None, "rope"),
        "layers_block_type": (None,),
        **LAYER_TYPES,
        **OF_EXPANSION,
    },
    read_extra=_granite_hybrid,
)

FAMILIES = (GRANITE, GRANITE_MOE, GRANITE_MOE_SHARED, GRANITE_SWA, GRANITE_MOE_SWA, GRANITE_HYBRID)
"""The families of this module."""
