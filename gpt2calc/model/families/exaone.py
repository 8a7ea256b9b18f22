"""EXAONE's families.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import NORMED, Architecture
from gpt2calc.model.attention.projections import NormedAfterTransposing
from gpt2calc.model.decoders.llamas import FullMaskDecoder
from gpt2calc.model.families.config_keys import EXPERT_KEYS, LAYER_TYPES, MLP_LAYER_TYPES
from gpt2calc.model.families.expert_layers import read_mlp_types, read_shared
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import (
    FULL,
    SLIDING,
    depth_of,
    read_window,
    whole_number,
    without_rope_where_full,
)
from gpt2calc.model.families.llama import LLAMA
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
from gpt2calc.model.families.olmo import OLMO2
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import GroupedRouter

EXAONE = LLAMA.but(
    name="exaone",
    words="EXAONE",
    class_name="LlamaForCausalLM",
    defaults={"vocab": 102_400, "n_ctx": 4_096, "n_kv_head": 8, "n_inner": 14_336},
    keys={"n_layer": ("num_hidden_layers", "num_layers")},
)


def read_pattern(said: Contents, fields: Fields) -> Fields:
    """Read the windows of EXAONE 4, whose pattern may be a word: ``"LLLG"``, local and global."""
    pattern = fields["full_every"]
    if not isinstance(pattern, str):
        return read_window(said, fields)
    if not pattern or not set(pattern) <= {"L", "G"}:
        raise ValueError(
            f"sliding_window_pattern is {pattern!r}: it must be a number, or a word of L and G"
        )
    last = depth_of(fields) - 1
    kinds = [
        FULL if pattern[layer % len(pattern)] == "G" or layer == last else SLIDING
        for layer in range(last + 1)
    ]
    types = kinds if said["layer_types"] is None else said["layer_types"]
    return read_window({"layer_types": types}, fields | {"full_every": len(pattern)})


def _exaone4(said: Contents, fields: Fields) -> Fields:
    fields = read_pattern(said, fields)
    return fields if fields["window"] is None else without_rope_where_full(fields)


EXAONE4 = OLMO2.but(
    name="exaone4",
    words="EXAONE 4",
    class_name="Exaone4ForCausalLM",
    architecture=Architecture(
        decoder=FullMaskDecoder, separate_with_norms={**NORMED, "head": NormedAfterTransposing}
    ),
    switches={"qk_norm": "head", "full_every": 4, "no_rope_every": 4},
    defaults=sizes(102_400, 2_048, 4_096, 32, 32)
    | {"n_kv_head": 32, "n_inner": 16_384, "window": 4_096},
    keys={
        "qkv_bias": (),
        "attn_proj_bias": (),
        "window": ("sliding_window",),
        "full_every": ("sliding_window_pattern",),
    },
    extra_keys=LAYER_TYPES,
    read_extra=_exaone4,
    required_not_null=("num_key_value_heads",),
)


def _exaone_moe(said: Contents, fields: Fields) -> Fields:
    first = whole_number(said, "first_k_dense_replace")
    fields = EXAONE4.read_extra(said, read_shared(said, fields, "num_shared_experts"))
    return read_mlp_types(said, fields, first)


EXAONE_MOE = EXAONE4.but(
    name="exaone_moe",
    words="K-EXAONE",
    class_name="ExaoneMoeForCausalLM",
    inferable=False,
    architecture=replace(
        EXAONE4.architecture,
        memory_is_proven=False,
        router=GroupedRouter,
        experts=SharedLast,
    ),
    switches={
        "norm_place": "before",
        "shared_gate": False,
    },
    family_defaults={"n_inner_shared": 1_024, "dense_layers": (0,)},
    defaults={"n_expert": 64, "n_expert_active": 8, "n_inner_expert": 1_024},
    names=names(ATTENTION, NORMS_OF_HEADS, EXPERTS_JOINED, ROUTER, SHARED, MLP, TWO_NORMS),
    keys=EXPERT_KEYS,
    extra_keys={
        **EXAONE4.extra_keys,
        "num_shared_experts": (1,),
        "first_k_dense_replace": (1,),
        **MLP_LAYER_TYPES,
    },
    read_extra=_exaone_moe,
    hub=ONE_BY_ONE,
)

FAMILIES = (EXAONE, EXAONE4, EXAONE_MOE)
"""The families of this module."""
