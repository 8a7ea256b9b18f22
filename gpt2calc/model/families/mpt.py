"""MPT.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Mapping

from gpt2calc.errors import quoted
from gpt2calc.model.architecture import BLOCK_DROPOUT, Architecture
from gpt2calc.model.decoders.gpts import MPTDecoder
from gpt2calc.model.families.family import HIDDEN, Contents, Family, Fields
from gpt2calc.model.names import named


def _mpt(said: Contents, fields: Fields) -> Fields:
    """Refuse kinds of attention that MPT's own code has, and its class in transformers has not."""
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
    class_name="MptForCausalLM",
    architecture=Architecture(
        has_sdpa=False,
        decoder=MPTDecoder,
        dropout=BLOCK_DROPOUT,
        style="mpt",
        bounded_positions=frozenset({"learned", "alibi"}),
        activation="gelu",
    ),
    switches={"positions": "alibi", "bias": False},
    defaults={"vocab": 50_368, "n_ctx": 2_048, "n_embd": 2_048, "n_layer": 24, "n_head": 16},
    names=named(
        prefix="transformer.",
        blocks="blocks.*.",
        table="""
        token_embedding wte, attention_norm norm_1, qkv attn.Wqkv, attention_out attn.out_proj,
        mlp_norm norm_2, mlp_in ffn.up_proj, mlp_out ffn.down_proj, final_norm norm_f
        """,
    ),
    keys=HIDDEN
    | {
        "n_ctx": ("max_seq_len",),
        "n_embd": ("d_model", "hidden_size"),
        "n_layer": ("n_layers", "num_hidden_layers"),
        "n_head": ("n_heads", "num_attention_heads"),
        "n_inner": (),
    },
    extra_keys={"attn_config": (None,)},
    read_extra=_mpt,
)

FAMILIES = (MPT,)
"""The families of this module."""
