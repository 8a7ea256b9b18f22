"""Falcon's families: Falcon itself, Falcon Mamba, and Falcon-H1 with attention beside Mamba 2.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.blocks.parallel import FalconBlock, FalconSequentialBlock
from gpt2calc.model.decoders.gpts import FalconDecoder
from gpt2calc.model.decoders.llamas import ScaledLogitsDecoder
from gpt2calc.model.families.bamba import BAMBA
from gpt2calc.model.families.family import HIDDEN, Contents, Family, Fields, sizes
from gpt2calc.model.families.mamba import MAMBA
from gpt2calc.model.families.mixer_layers import expanded_width
from gpt2calc.model.families.module_names import (
    ATTENTION,
    FEED_FORWARD,
    FEED_FORWARD_NORMS,
    MAMBA_NAMES,
    names,
    with_final_norm,
)
from gpt2calc.model.linear import FalconLinear, ScaledEmbedding
from gpt2calc.model.names import Names, named


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
    class_name="FalconForCausalLM",
    architecture=_FALCON,
    switches={"positions": "rotary", "norm_bias": True},
    defaults=sizes(65_024, 2_048, 4_544, 32, 71) | {"bias": False},
    names=_falcons("mlp_norm post_attention_layernorm, attention_norm input_layernorm"),
    keys=HIDDEN
    | {
        "n_embd": ("hidden_size", "n_embed"),
        "n_inner": ("ffn_hidden_size",),
        "bias": ("bias",),
    },
    extra_keys={
        "new_decoder_architecture": (False, True),
        "multi_query": (True, False),
        "parallel_attn": (True, False),
        "num_ln_in_parallel_attn": (None, 1),
        "num_kv_heads": (None,),
        "alibi": (False, True),
    },
    read_extra=_falcon,
    family_defaults={"n_kv_head": 1, "norm_place": "shared"},
)
FALCON_2_NORMS = FALCON.but(
    name="falcon-2-norms",
    words="Falcon",
    class_name="FalconForCausalLM",
    architecture=replace(_FALCON, blocks={"before": FalconBlock}, groups_qkv=True),
    names=_falcons("attention_norm ln_attn, mlp_norm ln_mlp"),
    family_defaults={"n_kv_head": None, "norm_place": "before"},
    variant_of="falcon",
)


def _falcon_h1(said: Contents, fields: Fields) -> Fields:
    inner, heads = said["mamba_d_ssm"], fields["mixer_heads"]
    inner = expanded_width(said, fields, "mamba_expand") if inner is None else inner
    if type(inner) is not int or type(heads) is not int or heads < 1 or inner % heads:
        raise ValueError(
            f"mamba_d_ssm is {inner!r} and mamba_n_heads {heads!r}: they must be whole numbers, "
            "the second a divisor of the first"
        )
    if said["projectors_bias"] is not fields["mixer_bias"]:
        raise ValueError(
            f"projectors_bias is {said['projectors_bias']!r} and mamba_proj_bias "
            f"{fields['mixer_bias']!r}: gpt2calc cannot describe biases of one alone"
        )
    return fields | {"mixer_head_dim": inner // heads}


FALCON_H1 = BAMBA.but(
    name="falcon_h1",
    words="Falcon-H1",
    class_name="FalconH1ForCausalLM",
    architecture=Architecture(
        decoder=ScaledLogitsDecoder, embedding=ScaledEmbedding, memory_is_proven=False
    ),
    switches={"parallel_mixer": True, "mixer_norm": False},
    family_defaults={"mixer_head_dim": 8},
    defaults={"n_ctx": 8_192, "mixer_norm": False},
    names=with_final_norm(
        names(
            FEED_FORWARD,
            MAMBA_NAMES,
            ATTENTION,
            FEED_FORWARD_NORMS,
        ),
        "final_layernorm",
    ),
    keys={"mixer_norm": ("mamba_rms_norm",)},
    extra_keys={"mamba_d_ssm": (1_024,), "mamba_expand": (2,), "projectors_bias": (False, True)},
    read_extra=_falcon_h1,
)
FALCON_MAMBA = MAMBA.but(
    name="falcon_mamba", words="Falcon Mamba", class_name="FalconMambaForCausalLM"
)

FAMILIES = (FALCON, FALCON_2_NORMS, FALCON_H1, FALCON_MAMBA)
"""The families of this module."""
