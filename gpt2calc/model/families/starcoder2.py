"""StarCoder2.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.architecture import ALL_DROPOUT, Architecture
from gpt2calc.model.families.family import HIDDEN, Family, sizes
from gpt2calc.model.names import named

STARCODER2 = Family(
    name="starcoder2",
    words="StarCoder2",
    class_name="Starcoder2ForCausalLM",
    floors_heads=True,
    architecture=Architecture(activation="gelu", dropout=ALL_DROPOUT),
    switches={"positions": "rotary", "norm_bias": True},
    defaults=sizes(49_152, 4_096, 3_072, 30, 24)
    | {"n_kv_head": 2, "n_inner": 12_288, "bias": True},
    names=named(
        prefix="model.",
        blocks="layers.*.",
        table="""
        token_embedding embed_tokens, query self_attn.q_proj, key self_attn.k_proj,
        value self_attn.v_proj, attention_out self_attn.o_proj, mlp_in mlp.c_fc,
        mlp_out mlp.c_proj, attention_norm input_layernorm, mlp_norm post_attention_layernorm,
        final_norm norm, head lm_head
        """,
    ),
    keys=HIDDEN
    | {
        "n_kv_head": ("num_key_value_heads",),
        "head_dim": ("head_dim",),
        "bias": ("use_bias",),
        "window": ("sliding_window",),
    },
    required_not_null=("num_key_value_heads",),
)

FAMILIES = (STARCODER2,)
"""The families of this module."""
