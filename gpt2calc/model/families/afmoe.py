"""AFMoE.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.config_keys import EXPERT_KEYS, LAYER_TYPES
from gpt2calc.model.families.expert_layers import read_first_dense, read_shared
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import read_window, without_rope_where_full
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    MLP,
    NORMS_OF_HEADS,
    ONE_BY_ONE,
    SHARED,
    names,
)
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import SigmoidRouter


def _afmoe(said: Contents, fields: Fields) -> Fields:
    fields = read_window(said, read_shared(said, fields, "num_shared_experts"))
    fields = read_first_dense(said, fields, "num_dense_layers")
    return without_rope_where_full(fields)


AFMOE = LLAMA.but(
    name="afmoe",
    words="AFMoE",
    class_name="AfmoeForCausalLM",
    architecture=Architecture(
        decoder=MixtralDecoder,
        router=SigmoidRouter,
        experts=SharedLast,
        choice_bias_is_row=False,
        memory_is_proven=False,
    ),
    switches={
        "norm_place": "both",
        "qk_norm": "head",
        "attention_gate": True,
        "separate_gate": True,
        "choice_bias": True,
        "shared_gate": False,
        "full_every": 4,
        "no_rope_every": 4,
    },
    family_defaults={"n_inner_shared": 2_816, "dense_layers": (0,)},
    defaults=sizes(200_192, 16_384, 2_048, 32, 16)
    | {
        "head_dim": 128,
        "n_inner": 6_144,
        "n_expert": 64,
        "n_expert_active": 6,
        "n_inner_expert": 1_408,
        "window": 1_024,
        "qkv_bias": False,
        "attn_proj_bias": False,
    },
    keys={
        "mlp_bias": (),
        **EXPERT_KEYS,
        "window": ("sliding_window",),
        "full_every": ("global_attn_every_n_layers",),
    },
    extra_keys={"num_dense_layers": (1,), "num_shared_experts": (2,), **LAYER_TYPES},
    read_extra=_afmoe,
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        {
            "attention_gate": "self_attn.gate_proj",
            "attention_norm": "input_layernorm",
            "attention_post_norm": "post_attention_layernorm",
            "mlp_norm": "pre_mlp_layernorm",
            "mlp_post_norm": "post_mlp_layernorm",
            "choice_bias": "mlp.expert_bias",
            "router": "mlp.router.gate",
        },
        SHARED,
        EXPERTS_JOINED,
        MLP,
    ),
    inferable=False,
    hub=ONE_BY_ONE,
)

FAMILIES = (AFMOE,)
"""The families of this module."""
