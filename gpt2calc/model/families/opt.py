"""OPT and BioGPT.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import BLOCK_DROPOUT, Architecture
from gpt2calc.model.attention.attention import DroppedByBlock
from gpt2calc.model.attention.projections import ScaledQueries
from gpt2calc.model.blocks.blocks import OPTBlock
from gpt2calc.model.decoders.gpts import OPTDecoder
from gpt2calc.model.families.family import HIDDEN, Contents, Family, Fields, as_they_are, sizes
from gpt2calc.model.names import named


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
    class_name="OPTForCausalLM",
    architecture=Architecture(
        decoder=OPTDecoder,
        dropout=BLOCK_DROPOUT,
        blocks={"before": OPTBlock, "after": OPTBlock},
        separate=ScaledQueries,
        attention=DroppedByBlock,
        activation="relu",
    ),
    switches={"position_offset": 2},
    defaults=sizes(50_272, 2_048, 768, 12, 12)
    | {"n_inner": 3_072, "bias": True, "norm_bias": True},
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
    keys=HIDDEN | {"n_inner": ("ffn_dim",), "bias": ("enable_bias",)},
    extra_keys={
        "layer_norm_elementwise_affine": (True, False),
        "do_layer_norm_before": (True, False),
        "_remove_final_layer_norm": (False, True),
        "word_embed_proj_dim": (None,),
    },
    read_extra=_opt,
)
BIOGPT = OPT.but(
    name="biogpt",
    words="BioGPT",
    class_name="BioGptForCausalLM",
    architecture=replace(OPT.architecture, activation="gelu", memory_is_proven=False),
    defaults=sizes(42_384, 1_024, 1_024, 24, 16) | {"n_inner": 4_096, "tie_embeddings": True},
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
    keys={"n_inner": ("intermediate_size",), "bias": ()},
    read_extra=as_they_are,
    inferable=False,
)

FAMILIES = (OPT, BIOGPT)
"""The families of this module."""
