"""Apertus, whose activation has parameters.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.families.family import Contents, Fields, OutOfReach, sizes
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import ATTENTION, NORMS_OF_HEADS, names


def _apertus(said: Contents, fields: Fields) -> Fields:
    """Read the activation, which has parameters if it is xIELU."""
    return fields | {"learned_activation": said["hidden_act"] == "xielu"}


APERTUS = LLAMA.but(
    name="apertus",
    words="Apertus",
    class_name="ApertusForCausalLM",
    architecture=Architecture(activation="xielu", memory_is_proven=False),
    switches={"qk_norm": "head", "gated_mlp": False, "learned_activation": True},
    defaults=sizes(131_072, 65_536, 4_096, 32, 32)
    | {"n_inner": 14_336, "qkv_bias": False, "attn_proj_bias": False},
    keys={"mlp_bias": ()},
    extra_keys={"hidden_act": ("xielu",)},
    read_extra=_apertus,
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        {
            "mlp_in": "mlp.up_proj",
            "mlp_out": "mlp.down_proj",
            "act_positive": "mlp.act_fn.alpha_p",
            "act_negative": "mlp.act_fn.alpha_n",
            "attention_norm": "attention_layernorm",
            "mlp_norm": "feedforward_layernorm",
        },
    ),
    inferable=False,
)
APERTUS_15 = APERTUS.but(
    name="apertus1p5_text",
    words="Apertus 1.5",
    class_name="Apertus1p5TextForCausalLM",
    defaults={"vocab": 266_752},
    out_of_reach={
        "output_vocab_size": OutOfReach(
            (None,),
            "its head has fewer rows than the vocabulary, which no field describes; set it to null "
            "to count a head with all of them",
        )
    },
)

FAMILIES = (APERTUS, APERTUS_15)
"""The families of this module."""
