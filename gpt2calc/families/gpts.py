"""OpenAI's and EleutherAI's families, and StarCoder: GPT-2 with a change or two.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from typing import Any

from gpt2calc.families.family import HIDDEN, Contents, Family, sizes
from gpt2calc.families.gpt2 import GPT2, GPT_CALLED, NO_CROSS_ATTENTION
from gpt2calc.names import named

OPENAI_GPT = GPT2.but(
    *("openai-gpt", "GPT", "OpenAIGPTLMHeadModel"),
    switches={"norm_place": "after", "final_norm": False},
    missing={"vocab": 40_478, "n_ctx": 512},
    names=named(
        *("transformer.", "h.*."),
        """
        token_embedding tokens_embed, position_embedding positions_embed, qkv attn.c_attn,
        attention_out attn.c_proj, attention_norm ln_1, mlp_in mlp.c_fc, mlp_out mlp.c_proj,
        mlp_norm ln_2
        """,
    ),
    called={"n_inner": ()},
    out_of_reach={},
)

GPT_NEO = Family(
    *("gpt_neo", "GPT-Neo", "GPTNeoForCausalLM"),
    switches={"qkv_bias": False},
    missing={"n_embd": 2_048, "n_layer": 24, "n_head": 16, "n_ctx": 2_048},
    names=named(
        *("transformer.", "h.*."),
        """
        token_embedding wte, position_embedding wpe, attention_norm ln_1,
        key attn.attention.k_proj, value attn.attention.v_proj, query attn.attention.q_proj,
        attention_out attn.attention.out_proj, mlp_norm ln_2, mlp_in mlp.c_fc, mlp_out mlp.c_proj,
        final_norm ln_f
        """,
    ),
    called=HIDDEN
    | {
        "n_layer": ("num_layers", "num_hidden_layers"),
        "n_head": ("num_heads", "num_attention_heads"),
    },
    extra={"attention_types": (None,)},
)

GPTJ = Family(
    *("gptj", "GPT-J", "GPTJForCausalLM"),
    switches={
        "positions": "rotary",
        "norm_place": "shared",
        "qkv_bias": False,
        "attn_proj_bias": False,
        "head_bias": True,
    },
    missing=sizes(50_400, 2_048, 4_096, 28, 16) | {"tie_embeddings": False},
    names=named(
        *("transformer.", "h.*."),
        """
        token_embedding wte, attention_norm ln_1, key attn.k_proj, value attn.v_proj,
        query attn.q_proj, attention_out attn.out_proj, mlp_in mlp.fc_in, mlp_out mlp.fc_out,
        final_norm ln_f, head lm_head
        """,
    ),
    called=GPT_CALLED,
    extra={"rotary_dim": (None,)},
)

CODEGEN = GPTJ.but(
    *("codegen", "CodeGen", "CodeGenForCausalLM"),
    names=named(
        *("transformer.", "h.*."),
        """
        token_embedding wte, attention_norm ln_1, attention_out attn.out_proj, qkv attn.qkv_proj,
        mlp_in mlp.fc_in, mlp_out mlp.fc_out, final_norm ln_f, head lm_head
        """,
    ),
)

GPT_NEOX = Family(
    *("gpt_neox", "GPT-NeoX", "GPTNeoXForCausalLM"),
    switches={"positions": "rotary", "tie_embeddings": False},
    missing=sizes(50_432, 2_048, 6_144, 44, 64)
    | {"n_inner": 24_576, "tie_embeddings": False, "qkv_bias": True, "attn_proj_bias": True},
    names=named(
        *("gpt_neox.", "layers.*."),
        """
        token_embedding embed_in, attention_norm input_layernorm,
        mlp_norm post_attention_layernorm, qkv attention.query_key_value,
        attention_out attention.dense, mlp_in mlp.dense_h_to_4h, mlp_out mlp.dense_4h_to_h,
        final_norm final_layer_norm, head lm_head
        """,
    ),
    called=HIDDEN | {"qkv_bias": ("attention_bias",), "attn_proj_bias": ("attention_bias",)},
    hub={"head": ("embed_out.weight",)},
    activation="one kernel",
)


def _gpt_bigcode(said: Contents, fields: dict[str, Any]) -> dict[str, Any]:
    return fields | ({"n_kv_head": 1} if said["multi_query"] else {})


GPT_BIGCODE = Family(
    *("gpt_bigcode", "GPT-BigCode", "GPTBigCodeForCausalLM"),
    switches={},
    missing={},
    names=GPT2.names,
    called=GPT_CALLED,
    extra={"multi_query": (True, False)},
    reads=_gpt_bigcode,
    usual={"n_kv_head": 1},
    activation="one kernel",
    out_of_reach={"add_cross_attention": NO_CROSS_ATTENTION},
)


GPTS = (GPT2, OPENAI_GPT, GPT_NEO, GPTJ, CODEGEN, GPT_NEOX, GPT_BIGCODE)
"""All of them, the oldest first."""
