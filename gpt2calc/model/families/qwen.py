"""Qwen 2 and 3, with and without experts.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Callable
from dataclasses import replace

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoders.llamas import BothMasksDecoder, FullMaskDecoder, MixtralDecoder
from gpt2calc.model.families.config_keys import EXPERT_KEYS, OF_QWENS, SPARSE
from gpt2calc.model.families.expert_layers import read_dense_layers
from gpt2calc.model.families.family import Contents, Fields
from gpt2calc.model.families.layers import depth_of, full_among, whole_number, with_full_layers
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.mistral import MISTRAL
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


def read_qwens_window(said: Contents, fields: Fields) -> Fields:
    """Read the window of Qwen 2 and 3: of layers from ``max_window_layers`` on."""
    first = whole_number(said, "max_window_layers")
    return _read_where_used(said, fields, lambda layer: layer < first)


def read_qwen_moes_window(said: Contents, fields: Fields) -> Fields:
    """Read the window of Qwen2-MoE: of every other layer below ``max_window_layers``."""
    last = whole_number(said, "max_window_layers")
    return _read_where_used(said, fields, lambda layer: layer % 2 == 1 or layer >= last)


def read_window_of_all(said: Contents, fields: Fields) -> Fields:
    """Read the window of Qwen3-MoE, which all layers have, or none."""
    return fields if said["use_sliding_window"] else fields | {"window": None}


def _read_where_used(said: Contents, fields: Fields, is_full: Callable[[int], bool]) -> Fields:
    if not said["use_sliding_window"]:
        return fields | {"window": None}
    types, depth = said["layer_types"], depth_of(fields)
    if types is not None:
        full = full_among(types, fields)
    else:
        full = tuple(layer for layer in range(depth) if is_full(layer))
    has_windows = len(full) < depth
    return with_full_layers(fields, full) if has_windows else fields | {"window": None}


QWEN2 = MISTRAL.but(
    name="qwen2",
    words="Qwen2",
    class_name="Qwen2ForCausalLM",
    architecture=Architecture(decoder=FullMaskDecoder),
    switches={"qkv_bias": True},
    extra_keys=OF_QWENS,
    read_extra=read_qwens_window,
    defaults={"vocab": 151_936, "n_ctx": 32_768, "n_kv_head": 32, "n_inner": 22_016},
    required_not_null=(),
)
QWEN3 = LLAMA.but(
    name="qwen3",
    words="Qwen3",
    class_name="Qwen3ForCausalLM",
    architecture=Architecture(decoder=FullMaskDecoder),
    switches={"qk_norm": "head"},
    extra_keys=OF_QWENS,
    read_extra=read_qwens_window,
    defaults={
        "vocab": 151_936,
        "n_ctx": 32_768,
        "n_kv_head": 32,
        "n_inner": 22_016,
        "head_dim": 128,
        "window": 4_096,
    },
    names=names(ATTENTION, NORMS_OF_HEADS, MLP, TWO_NORMS),
    keys={"mlp_bias": (), "window": ("sliding_window",)},
)
QWEN_MOE = Architecture(decoder=MixtralDecoder, router_normalizes=False, router_casts_back=True)
"""The classes of Qwen2-MoE's parts and Qwen3-MoE's."""


def _qwen2_moe(said: Contents, fields: Fields) -> Fields:
    return read_qwen_moes_window(said, read_dense_layers(said, fields))


def _qwen3_moe(said: Contents, fields: Fields) -> Fields:
    return read_window_of_all(said, read_dense_layers(said, fields))


QWEN2_MOE = QWEN2.but(
    name="qwen2_moe",
    words="Qwen2-MoE",
    class_name="Qwen2MoeForCausalLM",
    architecture=replace(QWEN_MOE, decoder=BothMasksDecoder),
    defaults={
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
    keys={
        **EXPERT_KEYS,
        "n_inner_shared": ("shared_expert_intermediate_size",),
        "qkv_bias": ("qkv_bias",),
    },
    extra_keys={**QWEN2.extra_keys, **SPARSE},
    read_extra=_qwen2_moe,
    required_not_null=("num_key_value_heads",),
    hub=ONE_BY_ONE,
)
QWEN3_MOE = QWEN3.but(
    name="qwen3_moe",
    words="Qwen3-MoE",
    class_name="Qwen3MoeForCausalLM",
    floors_heads=True,
    architecture=QWEN_MOE,
    defaults={
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
    keys={**EXPERT_KEYS, "n_expert": ("num_experts", "num_local_experts")},
    extra_keys={**QWEN3.extra_keys, **SPARSE},
    read_extra=_qwen3_moe,
    required_not_null=("num_key_value_heads",),
    hub=ONE_BY_ONE,
)

FAMILIES = (QWEN2, QWEN3, QWEN2_MOE, QWEN3_MOE)
"""The families of this module."""
