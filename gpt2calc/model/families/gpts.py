"""GPT, GPT-SW3, GPT-Neo, GPT-J, CodeGen, GPT-NeoX and GPT-BigCode (StarCoder).

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import ALL_DROPOUT, Architecture
from gpt2calc.model.attention.attention import DroppedByBlock
from gpt2calc.model.attention.gpts import GPTAttention, GPTJScores, GPTNeoAttention, GPTNeoScores
from gpt2calc.model.attention.joint_projections import (
    BigCodeProjection,
    ByHeadProjection,
    CodeGenProjection,
)
from gpt2calc.model.attention.partial_rotary import CodeGenRotary, GPTJRotary, NeoXRotary
from gpt2calc.model.attention.projections import ForLaterTransposing, ViewedLate
from gpt2calc.model.blocks.blocks import GPT2Block, GPTBlock, GPTNeoBlock
from gpt2calc.model.blocks.parallel import NeoXSequentialBlock
from gpt2calc.model.decoders.gpts import BigCodeDecoder, GPTDecoder, GPTNeoDecoder
from gpt2calc.model.families.config_keys import OF_ROPE
from gpt2calc.model.families.family import HIDDEN, Contents, Family, Fields, sizes
from gpt2calc.model.families.gpt2 import GPT2, GPT_CALLED, NO_CROSS_ATTENTION
from gpt2calc.model.families.layers import DEEPEST, depth_of, read_rotary_dim, with_full_layers
from gpt2calc.model.linear import Conv1D
from gpt2calc.model.names import named

OPENAI_GPT = GPT2.but(
    name="openai-gpt",
    words="GPT",
    class_name="OpenAIGPTLMHeadModel",
    architecture=Architecture(
        has_sdpa=False,
        decoder=GPTDecoder,
        dropout=ALL_DROPOUT,
        linear=Conv1D,
        blocks={"after": GPTBlock},
        attention=GPTAttention,
        activation="gelu_new",
    ),
    switches={"norm_place": "after", "final_norm": False},
    defaults={"vocab": 40_478, "n_ctx": 512},
    names=named(
        prefix="transformer.",
        blocks="h.*.",
        table="""
        token_embedding tokens_embed, position_embedding positions_embed, qkv attn.c_attn,
        attention_out attn.c_proj, attention_norm ln_1, mlp_in mlp.c_fc, mlp_out mlp.c_proj,
        mlp_norm ln_2
        """,
    ),
    keys={"n_inner": ()},
    out_of_reach={},
)
GPT_SW3 = GPT2.but(name="gpt-sw3", words="GPT-SW3", class_name="GPT2LMHeadModel")


def read_attention_types(said: Contents, fields: Fields) -> Fields:
    """Read which layers of GPT-Neo are local: ``[[["global", "local"], 12]]``."""
    types = said["attention_types"]
    if types is None:
        return fields
    listed: list[object] = []
    try:
        for kinds, times in types:  # type: ignore[attr-defined]
            if type(times) is not int or not 0 <= times <= DEEPEST:
                raise TypeError
            listed += list(kinds) * times
    except (TypeError, ValueError):
        listed = []
    depth = depth_of(fields)
    if len(listed) != depth or not {*map(str, listed)} <= {"global", "local"}:
        raise ValueError(
            f"attention_types is {types!r}: it must name each of {depth} layers 'global' or "
            "'local', such as [[['global', 'local'], 12]]"
        )
    full = tuple(layer for layer, kind in enumerate(listed) if kind == "global")
    return with_full_layers(fields, full, first=0, is_local=True)


GPT_NEO = Family(
    name="gpt_neo",
    words="GPT-Neo",
    class_name="GPTNeoForCausalLM",
    architecture=Architecture(
        has_sdpa=False,
        decoder=GPTNeoDecoder,
        dropout=ALL_DROPOUT,
        blocks={"before": GPTNeoBlock},
        attention=GPTNeoAttention,
        separate=ViewedLate,
        scores=GPTNeoScores,
        activation="gelu_new",
    ),
    switches={"qkv_bias": False, "full_every": 2},
    begins_with_full_layer=True,
    defaults={"n_embd": 2_048, "n_layer": 24, "n_head": 16, "n_ctx": 2_048, "window": 256},
    names=named(
        prefix="transformer.",
        blocks="h.*.",
        table="""
        token_embedding wte, position_embedding wpe, attention_norm ln_1,
        key attn.attention.k_proj, value attn.attention.v_proj, query attn.attention.q_proj,
        attention_out attn.attention.out_proj, mlp_norm ln_2, mlp_in mlp.c_fc, mlp_out mlp.c_proj,
        final_norm ln_f
        """,
    ),
    keys=HIDDEN
    | {
        "n_layer": ("num_layers", "num_hidden_layers"),
        "n_head": ("num_heads", "num_attention_heads"),
        "window": ("window_size",),
    },
    extra_keys={"attention_types": (None,)},
    read_extra=read_attention_types,
)
GPTJ = Family(
    name="gptj",
    words="GPT-J",
    class_name="GPTJForCausalLM",
    architecture=Architecture(
        separate=ForLaterTransposing,
        dropout=ALL_DROPOUT,
        joint=CodeGenProjection,
        scores=GPTJScores,
        rotary=GPTJRotary,
        rotary_part=Fraction(1, 4),
        tables="gptj",
        bounded_positions=frozenset({"learned", "rotary"}),
        activation="gelu_new",
    ),
    switches={
        "positions": "rotary",
        "norm_place": "shared",
        "qkv_bias": False,
        "attn_proj_bias": False,
        "head_bias": True,
    },
    defaults=sizes(50_400, 2_048, 4_096, 28, 16) | {"tie_embeddings": False, "rotary_dim": 64},
    names=named(
        prefix="transformer.",
        blocks="h.*.",
        table="""
        token_embedding wte, attention_norm ln_1, key attn.k_proj, value attn.v_proj,
        query attn.q_proj, attention_out attn.out_proj, mlp_in mlp.fc_in, mlp_out mlp.fc_out,
        final_norm ln_f, head lm_head
        """,
    ),
    keys=GPT_CALLED | {"rotary_dim": ("rotary_dim",)},
    required_not_null=("rotary_dim",),
)
CODEGEN = GPTJ.but(
    name="codegen",
    words="CodeGen",
    class_name="CodeGenForCausalLM",
    architecture=replace(GPTJ.architecture, rotary=CodeGenRotary, tables="codegen"),
    names=named(
        prefix="transformer.",
        blocks="h.*.",
        table="""
        token_embedding wte, attention_norm ln_1, attention_out attn.out_proj, qkv attn.qkv_proj,
        mlp_in mlp.fc_in, mlp_out mlp.fc_out, final_norm ln_f, head lm_head
        """,
    ),
)
GPT_NEOX = Family(
    name="gpt_neox",
    words="GPT-NeoX",
    class_name="GPTNeoXForCausalLM",
    architecture=Architecture(
        mlp_drops_outcome=False,
        blocks={"before": NeoXSequentialBlock},
        dropout=ALL_DROPOUT,
        joint=ByHeadProjection,
        attention=DroppedByBlock,
        rotary=NeoXRotary,
        rotary_part=Fraction(1, 4),
        activation="gelu",
    ),
    switches={"positions": "rotary", "tie_embeddings": False},
    defaults=sizes(50_432, 2_048, 6_144, 44, 64)
    | {
        "n_inner": 24_576,
        "tie_embeddings": False,
        "qkv_bias": True,
        "attn_proj_bias": True,
        "parallel_residual": True,
    },
    names=named(
        prefix="gpt_neox.",
        blocks="layers.*.",
        table="""
        token_embedding embed_in, attention_norm input_layernorm,
        mlp_norm post_attention_layernorm, qkv attention.query_key_value,
        attention_out attention.dense, mlp_in mlp.dense_h_to_4h, mlp_out mlp.dense_4h_to_h,
        final_norm final_layer_norm, head lm_head
        """,
    ),
    keys=HIDDEN
    | {
        "qkv_bias": ("attention_bias",),
        "attn_proj_bias": ("attention_bias",),
        "parallel_residual": ("use_parallel_residual",),
    },
    extra_keys={"rotary_pct": (None,), **OF_ROPE},
    read_extra=read_rotary_dim,
    hub={"head": ("embed_out.weight",)},
)


def _gpt_bigcode(said: Contents, fields: Fields) -> Fields:
    return fields | ({"n_kv_head": 1} if said["multi_query"] else {})


GPT_BIGCODE = Family(
    name="gpt_bigcode",
    words="GPT-BigCode",
    class_name="GPTBigCodeForCausalLM",
    architecture=Architecture(
        decoder=BigCodeDecoder,
        dropout=ALL_DROPOUT,
        blocks={"before": GPT2Block},
        joint=BigCodeProjection,
        activation="gelu",
    ),
    switches={},
    defaults={},
    names=GPT2.names,
    keys=GPT_CALLED,
    extra_keys={"multi_query": (True, False)},
    read_extra=_gpt_bigcode,
    family_defaults={"n_kv_head": 1},
    out_of_reach={"add_cross_attention": NO_CROSS_ATTENTION},
)

FAMILIES = (OPENAI_GPT, GPT_SW3, GPT_NEO, GPTJ, CODEGEN, GPT_NEOX, GPT_BIGCODE)
"""The families of this module."""
