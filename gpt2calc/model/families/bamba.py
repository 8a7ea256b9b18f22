"""Bamba, whose layers have Mamba 2 or attention.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.partial_rotary import NeoXRotary
from gpt2calc.model.families.config_keys import MAMBA_KEYS, MAMBA_SIZES, OF_EXPANSION, OF_ROPE
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import read_rotary_dim
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.mixer_layers import read_attention_layers, read_head_width
from gpt2calc.model.families.module_names import (
    ATTENTION,
    FEED_FORWARD,
    FEED_FORWARD_NORMS,
    MAMBA_NAMES,
    names,
    with_final_norm,
)


def _read_attention_indices(said: Contents, fields: Fields) -> Fields:
    indices = said["attn_layer_indices"] or ()
    if not isinstance(indices, list | tuple) or not all(
        type(each) is int and each >= 0 for each in indices
    ):
        raise ValueError(f"attn_layer_indices is {indices!r}: it must be a list of layers")
    fields = read_rotary_dim(said, read_head_width(said, fields))
    return read_attention_layers(said, fields, sorted(set(indices)))


BAMBA = LLAMA.but(
    name="bamba",
    words="Bamba",
    class_name="BambaForCausalLM",
    architecture=Architecture(
        rotary=NeoXRotary, rotary_part=Fraction(1, 2), memory_is_proven=False
    ),
    switches={"mixer": "mamba2"},
    family_defaults={"mixer_head_dim": 64},
    defaults=sizes(128_000, 262_144, 4_096, 32, 32)
    | {"n_kv_head": 8, "n_inner": 14_336, **MAMBA_SIZES},
    names=with_final_norm(
        names(
            FEED_FORWARD,
            FEED_FORWARD_NORMS,
            MAMBA_NAMES,
            ATTENTION,
        ),
        "final_layernorm",
    ),
    keys=MAMBA_KEYS,
    extra_keys={"attn_layer_indices": (None,), **OF_EXPANSION, **OF_ROPE},
    read_extra=_read_attention_indices,
    inferable=False,
)

FAMILIES = (BAMBA,)
"""The families of this module."""
