"""Mixtral, Qwen2-MoE and Qwen3-MoE, and the names of experts that other families share.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoder import BothMasksDecoder, MixtralDecoder
from gpt2calc.model.families.config_keys import EXPERT_KEYS
from gpt2calc.model.families.family import Contents, Fields
from gpt2calc.model.families.layers import (
    read_qwen_moes_window,
    read_window_of_all,
)
from gpt2calc.model.families.llamas import (
    ATTENTION,
    MISTRAL,
    MLP,
    NORMS_OF_HEADS,
    QWEN2,
    QWEN3,
    TWO_NORMS,
    names,
)
from gpt2calc.model.families.sparse import read_dense_layers
from gpt2calc.model.llama_decoders import BothMasksDecoder, MixtralDecoder

ROUTER = {"router": "mlp.gate"}
EXPERTS_JOINED = {"experts_in": "mlp.experts.gate_up_proj", "experts_out": "mlp.experts.down_proj"}
SHARED_ONE = {
    "shared_gate": "mlp.shared_expert.gate_proj",
    "shared_in": "mlp.shared_expert.up_proj",
    "shared_out": "mlp.shared_expert.down_proj",
}
"""Qwen's names of the expert that every token goes through."""
SHARED_ROUTER = {"shared_router": "mlp.shared_expert_gate"}
"""Qwen's name of that expert's gate."""
ONE_BY_ONE = {
    "experts_in": (
        "layers.*.mlp.experts.*.gate_proj.weight",
        "layers.*.mlp.experts.*.up_proj.weight",
    ),
    "experts_out": ("layers.*.mlp.experts.*.down_proj.weight",),
}
"""``Family.hub`` where checkpoints have the matrices of each expert by themselves."""


MIXTRAL = MISTRAL.but(
    name="mixtral",
    words="Mixtral",
    builds="MixtralForCausalLM",
    architecture=Architecture(decoder=MixtralDecoder, rebinds_expert_input=True),
    missing={"n_expert": 8, "n_expert_active": 2, "window": None},
    names=names(ATTENTION, ROUTER, EXPERTS_JOINED, TWO_NORMS),
    called={
        "n_expert": ("num_local_experts", "num_experts"),
        "n_expert_active": ("num_experts_per_tok",),
    },
    hub={
        "router": ("layers.*.block_sparse_moe.gate.weight",),
        "experts_in": (
            "layers.*.block_sparse_moe.experts.*.w1.weight",
            "layers.*.block_sparse_moe.experts.*.w3.weight",
        ),
        "experts_out": ("layers.*.block_sparse_moe.experts.*.w2.weight",),
    },
)
SPARSE: dict[str, tuple[object, ...]] = {"decoder_sparse_step": (1,), "mlp_only_layers": ((),)}
"""``Family.extra`` where two keys say which layers have experts."""

QWEN_MOE = Architecture(
    decoder=MixtralDecoder,
    router_normalizes=False,
    router_casts_back=True,
)


def _qwen2_moe(said: Contents, fields: Fields) -> Fields:
    return read_qwen_moes_window(said, read_dense_layers(said, fields))


def _qwen3_moe(said: Contents, fields: Fields) -> Fields:
    return read_window_of_all(said, read_dense_layers(said, fields))


QWEN2_MOE = QWEN2.but(
    name="qwen2_moe",
    words="Qwen2-MoE",
    builds="Qwen2MoeForCausalLM",
    architecture=replace(QWEN_MOE, decoder=BothMasksDecoder),
    missing={
        "n_embd": 2_048,
        "n_layer": 24,
        "n_head": 16,
        "n_kv_head": 16,
        "n_inner": 5_632,
        "n_expert": 60,
        "n_expert_active": 4,
        "n_inner_expert": 1_408,
        "n_inner_shared": 5_632,
        "qkv_bias": True,
    },
    names=names(ATTENTION, ROUTER, EXPERTS_JOINED, SHARED_ONE, SHARED_ROUTER, MLP, TWO_NORMS),
    called={
        **EXPERT_KEYS,
        "n_inner_shared": ("shared_expert_intermediate_size",),
        "qkv_bias": ("qkv_bias",),
    },
    extra={**QWEN2.extra, **SPARSE},
    reads=_qwen2_moe,
    not_null=("num_key_value_heads",),
    hub=ONE_BY_ONE,
)
QWEN3_MOE = QWEN3.but(
    name="qwen3_moe",
    words="Qwen3-MoE",
    builds="Qwen3MoeForCausalLM",
    floors_heads=True,
    architecture=QWEN_MOE,
    missing={
        "n_embd": 2_048,
        "n_layer": 24,
        "n_kv_head": 4,
        "head_dim": None,
        "n_inner": 6_144,
        "n_expert": 128,
        "n_expert_active": 8,
        "n_inner_expert": 768,
    },
    names=names(ATTENTION, NORMS_OF_HEADS, EXPERTS_JOINED, ROUTER, MLP, TWO_NORMS),
    called={
        **EXPERT_KEYS,
        "n_expert": ("num_experts", "num_local_experts"),
    },
    extra={**QWEN3.extra, **SPARSE},
    reads=_qwen3_moe,
    not_null=("num_key_value_heads",),
    hub=ONE_BY_ONE,
)

EXPERTS = (MIXTRAL, QWEN2_MOE, QWEN3_MOE)
"""The families of this module."""
