"""dots.llm1 and Solar Open, which are like GLM-4.5.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.families.config_keys import LAYER_TYPES
from gpt2calc.model.families.expert_layers import read_first_dense, read_shared
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.glm import GLM4_MOE
from gpt2calc.model.families.layers import depth_of, read_window
from gpt2calc.model.families.llama import LLAMA

WHOLE_ROTARY = replace(
    GLM4_MOE.architecture, rotary=LLAMA.architecture.rotary, rotary_part=Fraction(1)
)


def _dots1(said: Contents, fields: Fields) -> Fields:
    fields = read_shared(said, _dots1_window(said, fields), "n_shared_experts")
    return read_first_dense(said, fields)


def _dots1_window(said: Contents, fields: Fields) -> Fields:
    first, depth = said["max_window_layers"], depth_of(fields)
    if said["layer_types"] is not None:
        return read_window(said, fields)
    if fields.get("window") is None or not isinstance(first, int) or first >= depth:
        return fields | {"window": None}
    return fields | ({"full_layers": tuple(range(first))} if first else {})


DOTS1 = GLM4_MOE.but(
    name="dots1",
    words="dots.llm1",
    class_name="Dots1ForCausalLM",
    architecture=WHOLE_ROTARY,
    switches={"qk_norm": "head"},
    defaults=sizes(152_064, 2_048, 4_608, 62, 32)
    | {
        "n_kv_head": 32,
        "n_inner": 10_944,
        "n_inner_expert": 1_408,
        "window": 4_096,
        "attn_proj_bias": False,
    },
    family_defaults={"n_inner_shared": None, "dense_layers": ()},
    keys={"attn_proj_bias": ("attention_bias",), "window": ("sliding_window",)},
    extra_keys={
        "n_shared_experts": (None,),
        "first_k_dense_replace": (0,),
        "max_window_layers": (62,),
        **LAYER_TYPES,
    },
    read_extra=_dots1,
)


def _solar_open(said: Contents, fields: Fields) -> Fields:
    return read_shared(said, fields, "n_shared_experts")


SOLAR_OPEN = GLM4_MOE.but(
    name="solar_open",
    words="Solar Open",
    class_name="SolarOpenForCausalLM",
    architecture=WHOLE_ROTARY,
    family_defaults={"n_inner_shared": 1_280, "dense_layers": ()},
    defaults=sizes(196_608, 131_072, 4_096, 48, 64)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": None, "n_inner_expert": 1_280},
    keys={"n_inner": ()},
    extra_keys={"n_shared_experts": (1,)},
    read_extra=_solar_open,
)

FAMILIES = (DOTS1, SOLAR_OPEN)
"""The families of this module."""
