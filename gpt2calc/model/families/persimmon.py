"""Persimmon.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.joint_projections import ByHeadProjection
from gpt2calc.model.attention.partial_rotary import NeoXRotary
from gpt2calc.model.blocks.blocks import Block
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.gpts import GPT_NEOX
from gpt2calc.model.families.layers import read_rotary_dim
from gpt2calc.model.names import named


def _persimmon(said: Contents, fields: Fields) -> Fields:
    fields = fields | {"qk_norm": "head" if said["qk_layernorm"] else "none"}
    return read_rotary_dim(said, fields)


PERSIMMON = replace(GPT_NEOX, hub={}).but(
    name="persimmon",
    words="Persimmon",
    class_name="PersimmonForCausalLM",
    architecture=Architecture(
        blocks={"before": Block},
        joint=ByHeadProjection,
        rotary=NeoXRotary,
        rotary_part=Fraction(1, 2),
        activation="relu2",
        dropout=frozenset({"softmax", "mlp_dropout"}),
        memory_is_proven=False,
    ),
    switches={"qk_norm": "head"},
    defaults=sizes(262_144, 16_384, 4_096, 36, 64)
    | {"n_inner": 16_384, "parallel_residual": False},
    keys={"qkv_bias": (), "attn_proj_bias": (), "parallel_residual": ()},
    extra_keys={**GPT_NEOX.extra_keys, "qk_layernorm": (True, False)},
    read_extra=_persimmon,
    names=named(
        prefix="model.",
        blocks="layers.*.",
        table="""
        token_embedding embed_tokens, qkv self_attn.query_key_value,
        attention_out self_attn.dense, query_norm self_attn.q_layernorm,
        key_norm self_attn.k_layernorm, mlp_in mlp.dense_h_to_4h, mlp_out mlp.dense_4h_to_h,
        attention_norm input_layernorm, mlp_norm post_attention_layernorm,
        final_norm final_layernorm, head lm_head
        """,
    ),
    inferable=False,
)

FAMILIES = (PERSIMMON,)
"""The families of this module."""
