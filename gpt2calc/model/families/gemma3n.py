"""Gemma 3n.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.families.config_keys import LAYER_TYPES
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.gemma4 import GEMMA4, PER_LAYER, with_shared_keys, with_tables
from gpt2calc.model.families.layers import depth_of, read_window
from gpt2calc.model.families.module_names import FOUR_NORMS, MLP, names


def _gemma3n(said: Contents, fields: Fields) -> Fields:
    """Read Gemma 3n, whose widths of MLPs may be a list, if they are all the same."""
    widths = fields["n_inner"]
    if isinstance(widths, list | tuple):
        if (
            not widths
            or len(widths) != depth_of(fields)
            or any(width != widths[0] for width in widths)
        ):
            raise ValueError(
                "intermediate_size is a list: it must be the same width for each of "
                f"{depth_of(fields)} layers"
            )
        fields = fields | {"n_inner": widths[0]}
    streams = said["altup_num_inputs"]
    fields = fields | {"altup_inputs": streams}
    return with_shared_keys(said, read_window(said, fields))


GEMMA3N = GEMMA4.but(
    name="gemma3n_text",
    words="Gemma 3n",
    class_name="Gemma3nForCausalLM",
    switches={"full_every": 5},
    family_defaults={"altup_inputs": 4, "laurel_rank": 64, "per_layer_dim": 256},
    defaults=sizes(262_400, 32_768, 2_048, 35, 8)
    | {
        "n_kv_head": 2,
        "n_inner": 16_384,
        "laurel_rank": 64,
    },
    keys={
        "laurel_rank": ("laurel_rank",),
        "n_expert": (),
        "n_expert_active": (),
        "n_inner_expert": (),
    },
    names=with_tables(
        names(
            {
                "query": "self_attn.q_proj",
                "query_norm": "self_attn.q_norm",
                "key": "self_attn.k_proj",
                "value": "self_attn.v_proj",
                "key_norm": "self_attn.k_norm",
                "value_norm": "self_attn.v_norm",
                "attention_out": "self_attn.o_proj",
            },
            MLP,
            FOUR_NORMS,
            {
                "altup_scale": "altup.correct_output_scale",
                "altup_correction": "altup.correction_coefs",
                "altup_prediction": "altup.prediction_coefs",
                "altup_router": "altup.modality_router",
                "altup_norm": "altup.router_norm",
                "laurel_down": "laurel.linear_left",
                "laurel_up": "laurel.linear_right",
                "laurel_norm": "laurel.post_laurel_norm",
            },
            PER_LAYER,
        )
    ),
    extra_keys={
        "altup_num_inputs": (4,),
        "num_kv_shared_layers": (15,),
        "hidden_size_per_layer_input": (256,),
        **LAYER_TYPES,
    },
    read_extra=_gemma3n,
)

FAMILIES = (GEMMA3N,)
"""The families of this module."""
