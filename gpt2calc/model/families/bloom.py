"""BLOOM.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.architecture import BLOCK_DROPOUT, Architecture
from gpt2calc.model.decoders.gpts import BloomDecoder
from gpt2calc.model.families.family import HIDDEN, Family
from gpt2calc.model.names import named

BLOOM = Family(
    name="bloom",
    words="BLOOM",
    class_name="BloomForCausalLM",
    architecture=Architecture(
        has_sdpa=False,
        decoder=BloomDecoder,
        dropout=BLOCK_DROPOUT,
        style="bloom",
        activation="bloom_gelu",
    ),
    switches={"positions": "alibi", "embedding_norm": True},
    defaults={"vocab": 250_880, "n_ctx": 2_048, "n_embd": 64, "n_layer": 2, "n_head": 8},
    names=named(
        prefix="transformer.",
        blocks="h.*.",
        table="""
        token_embedding word_embeddings, embedding_norm word_embeddings_layernorm,
        attention_norm input_layernorm, qkv self_attention.query_key_value,
        attention_out self_attention.dense, mlp_norm post_attention_layernorm,
        mlp_in mlp.dense_h_to_4h, mlp_out mlp.dense_4h_to_h, final_norm ln_f
        """,
    ),
    keys=HIDDEN
    | {
        "n_ctx": ("seq_length",),
        "n_embd": ("hidden_size", "n_embed"),
        "n_layer": ("n_layer", "num_hidden_layers"),
        "n_head": ("n_head", "num_attention_heads"),
        "n_inner": (),
    },
)

FAMILIES = (BLOOM,)
"""The families of this module."""
