"""Families like Qwen's with experts: Mellum, Flint, Kolibri and Lara.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoders.llamas import BothMasksDecoder, Gemma3Decoder, MixtralDecoder
from gpt2calc.model.families.config_keys import LAYER_TYPES, MLP_LAYER_TYPES
from gpt2calc.model.families.expert_layers import read_dense_layers, read_mlp_types
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import FULL, SLIDING, depth_of, read_window
from gpt2calc.model.families.mixer_layers import with_windows
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    MLP,
    NORMS_OF_HEADS,
    POST_NORMS,
    ROUTER,
    SHARED,
    SHARED_ONE,
    SINKS,
    TWO_NORMS,
    names,
)
from gpt2calc.model.families.qwen import QWEN3_MOE, QWEN_MOE
from gpt2calc.model.families.qwen3_5 import DELTA_APART, DELTA_END, DELTA_NAMES, QWEN35_MOE
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import SigmoidRouter


def _mellum(said: Contents, fields: Fields) -> Fields:
    fields = fields if said["layer_types"] is not None else fields | {"window": None}
    fields = read_window(said, fields)
    depth, full = depth_of(fields), fields.get("full_layers")
    is_full = isinstance(full, tuple) and len(full) == depth
    fields = fields | ({"window": None, "full_layers": None} if is_full else {})
    return read_mlp_types(said, fields)


MELLUM = QWEN3_MOE.but(
    name="mellum",
    words="Mellum 2",
    class_name="MellumForCausalLM",
    architecture=replace(QWEN_MOE, memory_is_proven=False, decoder=Gemma3Decoder),
    defaults=sizes(98_304, 131_072, 2_304, 28, 32)
    | {
        "n_kv_head": 4,
        "head_dim": 128,
        "n_inner": 7_168,
        "n_expert": 64,
        "n_inner_expert": 896,
        "window": 1_024,
    },
    extra_keys=LAYER_TYPES | MLP_LAYER_TYPES,
    read_extra=_mellum,
    required_not_null=("num_key_value_heads", "head_dim"),
)


def _flint(said: Contents, fields: Fields) -> Fields:
    depth, types = depth_of(fields), said["layer_types"]
    if types is None:
        first = [n < 2 or n % 4 == 1 or n == depth - 1 for n in range(depth)]
        types = [FULL if is_full else SLIDING for is_full in first]
    dense = (0, 1) if said["mlp_only_layers"] is None else said["mlp_only_layers"]
    fields = read_dense_layers({**said, "mlp_only_layers": dense}, fields)
    return read_window({"layer_types": types}, fields)


FLINT = QWEN3_MOE.but(
    name="flint",
    words="Flint",
    class_name="FlintForCausalLM",
    architecture=Architecture(
        decoder=BothMasksDecoder,
        router=SigmoidRouter,
        experts=SharedLast,
        has_sdpa=False,
        memory_is_proven=False,
    ),
    switches={"attention_sinks": True, "shared_gate": False},
    family_defaults={"dense_layers": (0, 1)},
    defaults=sizes(150_144, 262_144, 2_048, 49, 32)
    | {
        "n_kv_head": 4,
        "head_dim": 128,
        "n_inner": 6_144,
        "n_expert": 256,
        "n_expert_active": 6,
        "n_inner_expert": 512,
        "n_inner_shared": 1_024,
        "window": 513,
        "qkv_bias": False,
        "attn_proj_bias": False,
    },
    keys={"n_expert": ("num_experts",), "n_inner_shared": ("shared_expert_intermediate_size",)},
    names=names(
        SINKS,
        ATTENTION,
        NORMS_OF_HEADS,
        EXPERTS_JOINED,
        ROUTER,
        SHARED_ONE,
        MLP,
        TWO_NORMS,
    ),
    extra_keys={"decoder_sparse_step": (1,), "mlp_only_layers": (None,), **LAYER_TYPES},
    read_extra=_flint,
    required_not_null=("num_key_value_heads", "head_dim", "sliding_window"),
    inferable=False,
)
KOLIBRI = QWEN3_MOE.but(
    name="kolibri1",
    words="Kolibri",
    class_name="Kolibri1ForCausalLM",
    inferable=False,
    architecture=replace(
        QWEN_MOE,
        memory_is_proven=False,
        decoder=BothMasksDecoder,
        router=SigmoidRouter,
        experts=SharedLast,
    ),
    switches={
        "norm_place": "both",
        "full_every": 5,
        "shared_gate": False,
    },
    defaults=sizes(128_000, 262_144, 2_560, 50, 48)
    | {
        "n_kv_head": 4,
        "head_dim": 128,
        "n_inner": None,
        "n_expert": 384,
        "n_expert_active": 6,
        "n_inner_expert": 512,
        "n_inner_shared": 512,
        "window": 513,
    },
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        EXPERTS_JOINED,
        ROUTER,
        SHARED,
        POST_NORMS,
    ),
    keys={
        "n_inner": (),
        "qkv_bias": (),
        "attn_proj_bias": (),
        "n_inner_shared": ("shared_expert_intermediate_size",),
    },
    extra_keys=LAYER_TYPES,
    read_extra=read_window,
)
LARA_PATTERN = (
    "linear_attention", "sliding_attention", "linear_attention", "full_attention",
    "sliding_attention",
)  # fmt: skip


def _lara(said: Contents, fields: Fields) -> Fields:
    """Read Lara: attention with a window and rotary positions, or with neither."""
    types, depth = said["layer_types"], depth_of(fields)
    if types is None:
        types = [LARA_PATTERN[n % len(LARA_PATTERN)] for n in range(depth)]
    read = with_windows(fields, types)
    full = [n for n, kind in enumerate(types) if kind == FULL]  # type: ignore[arg-type, var-annotated]
    return read | {"no_rope_layers": full or None}


LARA = QWEN35_MOE.but(
    name="lara_mini",
    words="Lara",
    class_name="LaraMiniForCausalLM",
    architecture=Architecture(
        decoder=MixtralDecoder,
        experts=SharedLast,
        memory_is_proven=False,
    ),
    switches={"attention_gate": False, "shared_gate": False},
    defaults=sizes(151_936, 131_072, 1_024, 34, 16)
    | {
        "n_kv_head": 4,
        "head_dim": 128,
        "n_expert": 128,
        "n_expert_active": 4,
        "mixer_heads": 16,
        "mixer_key_heads": 8,
        "window": 512,
        "tie_embeddings": True,
    },
    names=names(
        DELTA_NAMES,
        DELTA_END,
        DELTA_APART,
        ATTENTION,
        NORMS_OF_HEADS,
        EXPERTS_JOINED,
        ROUTER,
        SHARED_ONE,
        TWO_NORMS,
    ),
    keys={"window": ("sliding_window",)},
    extra_keys=LAYER_TYPES,
    read_extra=_lara,
    required_not_null=("num_key_value_heads", "head_dim", "sliding_window"),
)

FAMILIES = (MELLUM, FLINT, KOLIBRI, LARA)
"""The families of this module."""
