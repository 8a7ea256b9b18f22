"""XGLM and CTRL, whose positions are a table of sines without parameters.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import ALL_DROPOUT, Architecture
from gpt2calc.model.decoders.gpts import CTRLDecoder, SinusoidalDecoder
from gpt2calc.model.families.family import Family, sizes
from gpt2calc.model.families.gpt2 import GPT_CALLED, NO_CROSS_ATTENTION
from gpt2calc.model.linear import ScaledEmbedding
from gpt2calc.model.names import named

_ARCHITECTURE = Architecture(
    decoder=SinusoidalDecoder,
    embedding=ScaledEmbedding,
    dropout=ALL_DROPOUT,
    activation="gelu",
    has_sdpa=False,
    memory_is_proven=False,
)
XGLM = Family(
    name="xglm",
    words="XGLM",
    class_name="XGLMForCausalLM",
    architecture=_ARCHITECTURE,
    switches={"positions": "sinusoidal"},
    defaults=sizes(256_008, 2_048, 1_024, 24, 16) | {"n_inner": 4_096, "tie_embeddings": True},
    names=named(
        prefix="model.",
        blocks="layers.*.",
        table="""
        token_embedding embed_tokens, key self_attn.k_proj, value self_attn.v_proj,
        query self_attn.q_proj, attention_out self_attn.out_proj,
        attention_norm self_attn_layer_norm, mlp_in fc1, mlp_out fc2, mlp_norm final_layer_norm,
        final_norm layer_norm, head lm_head
        """,
    ),
    keys={
        "vocab": ("vocab_size",),
        "n_ctx": ("max_position_embeddings",),
        "n_embd": ("d_model", "hidden_size"),
        "n_layer": ("num_layers", "num_hidden_layers"),
        "n_head": ("attention_heads", "num_attention_heads"),
        "n_inner": ("ffn_dim",),
        "tie_embeddings": ("tie_word_embeddings",),
    },
    out_of_reach={"add_cross_attention": NO_CROSS_ATTENTION},
)
CTRL = Family(
    name="ctrl",
    words="CTRL",
    class_name="CTRLLMHeadModel",
    architecture=replace(
        _ARCHITECTURE,
        decoder=CTRLDecoder,
        bounded_positions=frozenset({"learned", "sinusoidal"}),
        activation="relu",
    ),
    switches={"positions": "sinusoidal", "head_bias": True},
    defaults=sizes(246_534, 256, 1_280, 48, 16) | {"n_inner": 8_192, "tie_embeddings": True},
    names=named(
        prefix="transformer.",
        blocks="h.*.",
        table="""
        token_embedding w, query multi_head_attention.Wq, key multi_head_attention.Wk,
        value multi_head_attention.Wv, attention_out multi_head_attention.dense, mlp_in ffn.0,
        mlp_out ffn.2, attention_norm layernorm1, mlp_norm layernorm2, final_norm layernorm,
        head lm_head
        """,
    ),
    keys=GPT_CALLED | {"n_inner": ("dff",)},
)

FAMILIES = (XGLM, CTRL)
"""The families of this module."""
