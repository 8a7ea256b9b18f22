"""OPT, BioGPT, BLOOM, Falcon, MPT, StarCoder2 and Phi: between GPT-2 and Llama.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from gpt2calc.errors import quoted
from gpt2calc.model.architecture import ALL_DROPOUT, BLOCK_DROPOUT, NORMED, Architecture
from gpt2calc.model.attention import DroppedByBlock
from gpt2calc.model.block_variants import FalconBlock, FalconSequentialBlock
from gpt2calc.model.blocks import OPTBlock, PhiBlock
from gpt2calc.model.decoder import PhiDecoder
from gpt2calc.model.decoder_variants import BloomDecoder, FalconDecoder, MPTDecoder, OPTDecoder
from gpt2calc.model.families.family import HIDDEN, Contents, Family, Fields, as_they_are, sizes
from gpt2calc.model.families.layers import OF_ROPE, read_rotary_dim
from gpt2calc.model.gpt_decoders import BloomDecoder, FalconDecoder, MPTDecoder, OPTDecoder
from gpt2calc.model.linear import FalconLinear
from gpt2calc.model.llama_decoders import PhiDecoder
from gpt2calc.model.names import Names, named
from gpt2calc.model.parallel_blocks import FalconBlock, FalconSequentialBlock, PhiBlock
from gpt2calc.model.partial_rotary import PartialRotary
from gpt2calc.model.projections import NormedAfterTransposing, ScaledQueries


def _opt(said: Contents, fields: Fields) -> Fields:
    if not said["layer_norm_elementwise_affine"]:
        fields = fields | {"norm": "none", "norm_bias": None}
    if not said["do_layer_norm_before"]:
        fields = fields | {"norm_place": "after", "final_norm": False}
    if said["_remove_final_layer_norm"]:
        fields = fields | {"final_norm": False}
    width = said["word_embed_proj_dim"]
    if width is not None and type(width) is not int:
        raise ValueError(f"word_embed_proj_dim is {width!r}: it must be a whole number")
    return fields | ({} if width in (None, fields["n_embd"]) else {"token_width": width})


OPT = Family(
    name="opt",
    words="OPT",
    builds="OPTForCausalLM",
    architecture=Architecture(
        decoder=OPTDecoder,
        dropout=BLOCK_DROPOUT,
        blocks={"before": OPTBlock, "after": OPTBlock},
        separate=ScaledQueries,
        attention=DroppedByBlock,
        activation="relu",
    ),
    switches={"position_offset": 2},
    missing=sizes(50_272, 2_048, 768, 12, 12) | {"n_inner": 3_072, "bias": True, "norm_bias": True},
    names=named(
        prefix="model.decoder.",
        blocks="layers.*.",
        table="""
        token_embedding embed_tokens, position_embedding embed_positions,
        project_out project_out, project_in project_in, final_norm final_layer_norm,
        key self_attn.k_proj, value self_attn.v_proj, query self_attn.q_proj,
        attention_out self_attn.out_proj,
        attention_norm self_attn_layer_norm, mlp_in fc1, mlp_out fc2, mlp_norm final_layer_norm
        """,
    ),
    called=HIDDEN | {"n_inner": ("ffn_dim",), "bias": ("enable_bias",)},
    extra={
        "layer_norm_elementwise_affine": (True, False),
        "do_layer_norm_before": (True, False),
        "_remove_final_layer_norm": (False, True),
        "word_embed_proj_dim": (None,),
    },
    reads=_opt,
)

BIOGPT = OPT.but(
    name="biogpt",
    words="BioGPT",
    builds="BioGptForCausalLM",
    architecture=replace(OPT.architecture, activation="gelu", memory_is_proven=False),
    missing=sizes(42_384, 1_024, 1_024, 24, 16) | {"n_inner": 4_096, "tie_embeddings": True},
    names=named(
        prefix="biogpt.",
        blocks="layers.*.",
        table="""
        token_embedding embed_tokens, position_embedding embed_positions,
        key self_attn.k_proj, value self_attn.v_proj, query self_attn.q_proj,
        attention_out self_attn.out_proj,
        attention_norm self_attn_layer_norm, mlp_in fc1, mlp_out fc2, mlp_norm final_layer_norm,
        final_norm layer_norm, head output_projection
        """,
    ),
    called={"n_inner": ("intermediate_size",), "bias": ()},
    reads=as_they_are,
    told_by_tensors=False,
)

BLOOM = Family(
    name="bloom",
    words="BLOOM",
    builds="BloomForCausalLM",
    architecture=Architecture(
        has_sdpa=False,
        decoder=BloomDecoder,
        dropout=BLOCK_DROPOUT,
        style="bloom",
        activation="bloom_gelu",
    ),
    switches={"positions": "alibi", "embedding_norm": True},
    missing={"vocab": 250_880, "n_ctx": 2_048, "n_embd": 64, "n_layer": 2, "n_head": 8},
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
    called=HIDDEN
    | {
        "n_ctx": ("seq_length",),
        "n_embd": ("hidden_size", "n_embed"),
        "n_layer": ("n_layer", "num_hidden_layers"),
        "n_head": ("n_head", "num_attention_heads"),
        "n_inner": (),
    },
)


def _falcon(said: Contents, fields: Fields) -> Fields:
    """Read the positions, the heads of keys and values, and how many norms a block has.

    ``num_kv_heads`` is heeded in the new decoder architecture alone, as in transformers.
    """
    is_new = said["new_decoder_architecture"]
    fields = fields | {
        "positions": "alibi" if said["alibi"] else "rotary",
        "n_kv_head": said["num_kv_heads"] if is_new else 1 if said["multi_query"] else None,
    }
    if not said["parallel_attn"]:
        return fields
    norms = said["num_ln_in_parallel_attn"]
    if norms not in (None, 1, 2):
        raise ValueError(f"num_ln_in_parallel_attn is {norms!r}: it must be 1, 2 or null")
    norms = norms or (2 if is_new else 1)
    return fields | ({"family": "falcon-2-norms"} if norms == 2 else {"norm_place": "shared"})


def _falcons(norms: str) -> Names:
    """Return Falcon's names; ``norms`` are the roles and modules of a block's norms."""
    return named(
        prefix="transformer.",
        blocks="h.*.",
        table=f"""
        token_embedding word_embeddings, qkv self_attention.query_key_value,
        attention_out self_attention.dense, mlp_in mlp.dense_h_to_4h, mlp_out mlp.dense_4h_to_h,
        {norms}, final_norm ln_f
        """,
    )


_FALCON = Architecture(
    decoder=FalconDecoder,
    dropout=frozenset({"residual_dropout", "attention_dropout", "softmax"}),
    linear=FalconLinear,
    blocks={"before": FalconSequentialBlock, "shared": FalconBlock},
    parallel_block=FalconBlock,
    activation="gelu",
    style="falcon",
)

FALCON = Family(
    name="falcon",
    words="Falcon",
    builds="FalconForCausalLM",
    architecture=_FALCON,
    switches={"positions": "rotary", "norm_bias": True},
    missing=sizes(65_024, 2_048, 4_544, 32, 71) | {"bias": False},
    names=_falcons("mlp_norm post_attention_layernorm, attention_norm input_layernorm"),
    called=HIDDEN
    | {
        "n_embd": ("hidden_size", "n_embed"),
        "n_inner": ("ffn_hidden_size",),
        "bias": ("bias",),
    },
    extra={
        "new_decoder_architecture": (False, True),
        "multi_query": (True, False),
        "parallel_attn": (True, False),
        "num_ln_in_parallel_attn": (None, 1),
        "num_kv_heads": (None,),
        "alibi": (False, True),
    },
    reads=_falcon,
    usual={"n_kv_head": 1, "norm_place": "shared"},
)

FALCON_2_NORMS = FALCON.but(
    name="falcon-2-norms",
    words="Falcon",
    builds="FalconForCausalLM",
    architecture=replace(_FALCON, blocks={"before": FalconBlock}, groups_qkv=True),
    names=_falcons("attention_norm ln_attn, mlp_norm ln_mlp"),
    usual={"n_kv_head": None, "norm_place": "before"},
    variant_of="falcon",
)


def _mpt(said: Contents, fields: Fields) -> Fields:
    """Refuse keys that MPT's own code heeds and its class in transformers ignores."""
    attention = {} if said["attn_config"] is None else said["attn_config"]
    if not isinstance(attention, Mapping):
        raise ValueError(f"attn_config is {attention!r}: it must be an object")
    plain = {"attn_type": "multihead_attention", "alibi": True, "qk_ln": False}
    for key, value in plain.items():
        if attention.get(key, value) != value:
            raise ValueError(
                f"attn_config.{key} is {quoted(attention[key])}: only {value!r} is supported, as "
                "in transformers' MPT"
            )
    return fields


MPT = Family(
    name="mpt",
    words="MPT",
    builds="MptForCausalLM",
    architecture=Architecture(
        has_sdpa=False, decoder=MPTDecoder, dropout=BLOCK_DROPOUT, style="mpt", activation="gelu"
    ),
    switches={"positions": "alibi", "bias": False},
    missing={"vocab": 50_368, "n_ctx": 2_048, "n_embd": 2_048, "n_layer": 24, "n_head": 16},
    names=named(
        prefix="transformer.",
        blocks="blocks.*.",
        table="""
        token_embedding wte, attention_norm norm_1, qkv attn.Wqkv, attention_out attn.out_proj,
        mlp_norm norm_2, mlp_in ffn.up_proj, mlp_out ffn.down_proj, final_norm norm_f
        """,
    ),
    called=HIDDEN
    | {
        "n_ctx": ("max_seq_len",),
        "n_embd": ("d_model", "hidden_size"),
        "n_layer": ("n_layers", "num_hidden_layers"),
        "n_head": ("n_heads", "num_attention_heads"),
        "n_inner": (),
    },
    extra={"attn_config": (None,)},
    reads=_mpt,
)

STARCODER2 = Family(
    name="starcoder2",
    words="StarCoder2",
    builds="Starcoder2ForCausalLM",
    floors_heads=True,
    architecture=Architecture(activation="gelu", dropout=ALL_DROPOUT),
    switches={"positions": "rotary", "norm_bias": True},
    missing=sizes(49_152, 4_096, 3_072, 30, 24) | {"n_kv_head": 2, "n_inner": 12_288, "bias": True},
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
    called=HIDDEN
    | {
        "n_kv_head": ("num_key_value_heads",),
        "head_dim": ("head_dim",),
        "bias": ("use_bias",),
        "window": ("sliding_window",),
    },
    not_null=("num_key_value_heads",),
)


def _phi(said: Contents, fields: Fields) -> Fields:
    fields = read_rotary_dim(said, fields)
    if not said["qk_layernorm"]:
        return fields
    if fields.get("head_dim") is not None:
        raise ValueError(
            "qk_layernorm is true beside a head_dim, which Phi's norm does not heed: leave out one"
        )
    return fields | {"qk_norm": "head"}


PHI = Family(
    name="phi",
    words="Phi",
    builds="PhiForCausalLM",
    floors_heads=True,
    architecture=Architecture(
        decoder=PhiDecoder,
        mlp_drops_outcome=False,
        separate_with_norms={**NORMED, "head": NormedAfterTransposing},
        rotary=PartialRotary,
        attention=DroppedByBlock,
        blocks={"shared": PhiBlock},
        rotary_part=Fraction(1, 2),
        dropout=ALL_DROPOUT,
        activation="gelu_new",
    ),
    switches={"positions": "rotary", "norm_place": "shared", "head_bias": True},
    missing=sizes(51_200, 2_048, 2_048, 24, 32) | {"n_inner": 8_192, "tie_embeddings": False},
    names=named(
        prefix="model.",
        blocks="layers.*.",
        table="""
        token_embedding embed_tokens, query self_attn.q_proj, key self_attn.k_proj,
        value self_attn.v_proj, attention_out self_attn.dense, query_norm self_attn.q_layernorm,
        key_norm self_attn.k_layernorm, mlp_in mlp.fc1, mlp_out mlp.fc2,
        attention_norm input_layernorm, final_norm final_layernorm, head lm_head
        """,
    ),
    called=HIDDEN | {"n_kv_head": ("num_key_value_heads",), "head_dim": ("head_dim",)},
    extra={"qk_layernorm": (False, True), **OF_ROPE},
    reads=_phi,
)

OTHERS = (OPT, BIOGPT, BLOOM, FALCON, FALCON_2_NORMS, MPT, STARCODER2, PHI)
"""The families of this module, the oldest first."""
