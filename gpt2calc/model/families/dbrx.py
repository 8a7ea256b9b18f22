"""DBRX, whose config has one config of its attention inside, and one of its experts.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Mapping

from gpt2calc.errors import quoted
from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.family import Contents, Family, Fields, sizes
from gpt2calc.model.names import named

OF_ATTENTION = {"kv_n_heads": "n_kv_head"}
"""Fields by their keys in ``attn_config``."""
OF_EXPERTS = {
    "ffn_hidden_size": "n_inner",
    "moe_num_experts": "n_expert",
    "moe_top_k": "n_expert_active",
}
"""Fields by their keys in ``ffn_config``."""


def _dbrx(said: Contents, fields: Fields) -> Fields:
    alias, width = said["hidden_size"], fields["n_embd"]
    if alias is not None and alias != width:
        raise ValueError(
            f"hidden_size is {quoted(alias)} and d_model {quoted(width)}: DBRX's class makes its "
            "experts as wide as d_model, and cannot run then; give d_model alone"
        )
    inner = {"attn_config": OF_ATTENTION, "ffn_config": OF_EXPERTS}
    for key, called in inner.items():
        own = {} if said[key] is None else said[key]
        if not isinstance(own, Mapping):
            raise ValueError(f"{key} is {quoted(own)}: it must be an object")
        fields = fields | {name: own[word] for word, name in called.items() if word in own}
    return fields


DBRX = Family(
    name="dbrx",
    words="DBRX",
    class_name="DbrxForCausalLM",
    inferable=False,
    architecture=Architecture(
        memory_is_proven=False,
        decoder=MixtralDecoder,
        stacks_experts=True,
    ),
    switches={
        "positions": "rotary",
        "norm": "layer",
        "norm_bias": False,
        "gated_mlp": True,
        "bias": False,
        "tie_embeddings": False,
        "n_kv_head": 1,
    },
    defaults=sizes(32_000, 2_048, 2_048, 24, 16)
    | {"n_kv_head": 1, "n_inner": 3_584, "n_expert": 4, "n_expert_active": 1},
    names=named(
        prefix="transformer.",
        blocks="blocks.*.",
        table="""
        token_embedding wte, attention_norm norm_attn_norm.norm_1,
        qkv norm_attn_norm.attn.Wqkv, attention_out norm_attn_norm.attn.out_proj,
        mlp_norm norm_attn_norm.norm_2, router ffn.router.layer,
        experts_gate ffn.experts.mlp.w1, experts_in ffn.experts.mlp.v1,
        experts_out ffn.experts.mlp.w2, final_norm norm_f
        """,
    ),
    keys={
        "vocab": ("vocab_size",),
        "n_ctx": ("max_seq_len", "max_position_embeddings"),
        "n_embd": ("d_model",),
        "n_layer": ("n_layers", "num_hidden_layers"),
        "n_head": ("n_heads", "num_attention_heads"),
    },
    extra_keys={"hidden_size": (None,), "attn_config": (None,), "ffn_config": (None,)},
    read_extra=_dbrx,
)

FAMILIES = (DBRX,)
"""The families of this module."""
