"""Phi, Phi-3 and Phi-3.5-MoE.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import ALL_DROPOUT, BLOCK_DROPOUT, NORMED, Architecture
from gpt2calc.model.attention.attention import DroppedByBlock
from gpt2calc.model.attention.joint_projections import SlicedProjection
from gpt2calc.model.attention.partial_rotary import PartialRotary, Phi3Rotary
from gpt2calc.model.attention.projections import NormedAfterTransposing
from gpt2calc.model.blocks.blocks import Phi3Block
from gpt2calc.model.blocks.parallel import PhiBlock
from gpt2calc.model.decoders.llamas import PhiDecoder
from gpt2calc.model.families.config_keys import OF_ROPE
from gpt2calc.model.families.family import HIDDEN, Contents, Family, Fields, sizes
from gpt2calc.model.families.layers import read_rotary_dim
from gpt2calc.model.families.mistral import MISTRAL, MIXTRAL
from gpt2calc.model.families.module_names import ATTENTION, EXPERTS_JOINED, TWO_NORMS, names
from gpt2calc.model.names import named


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
    class_name="PhiForCausalLM",
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
    defaults=sizes(51_200, 2_048, 2_048, 24, 32) | {"n_inner": 8_192, "tie_embeddings": False},
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
    keys=HIDDEN | {"n_kv_head": ("num_key_value_heads",), "head_dim": ("head_dim",)},
    extra_keys={"qk_layernorm": (False, True), **OF_ROPE},
    read_extra=_phi,
)
PHI3 = MISTRAL.but(
    name="phi3",
    words="Phi-3",
    class_name="Phi3ForCausalLM",
    architecture=Architecture(
        blocks={"before": Phi3Block},
        attention=DroppedByBlock,
        mlp_drops_outcome=False,
        joint=SlicedProjection,
        rotary=Phi3Rotary,
        dropout=BLOCK_DROPOUT,
    ),
    defaults={
        "vocab": 32_064,
        "n_ctx": 4_096,
        "n_embd": 3_072,
        "n_kv_head": None,
        "n_inner": 8_192,
        "window": None,
    },
    extra_keys=OF_ROPE,
    read_extra=read_rotary_dim,
    names=names(
        {"attention_out": "self_attn.o_proj", "qkv": "self_attn.qkv_proj"},
        {"mlp_gate_in": "mlp.gate_up_proj", "mlp_out": "mlp.down_proj"},
        TWO_NORMS,
    ),
    required_not_null=(),
)
PHIMOE = MIXTRAL.but(
    name="phimoe",
    words="Phi-3.5-MoE",
    class_name="PhimoeForCausalLM",
    inferable=False,
    architecture=replace(MIXTRAL.architecture, memory_is_proven=False),
    switches={"norm": "layer", "norm_bias": True},
    defaults={
        "vocab": 32_064,
        "n_inner": 6_400,
        "n_expert": 16,
        "qkv_bias": False,
        "attn_proj_bias": False,
        "head_bias": False,
    },
    names=names(
        ATTENTION,
        {"router": "mlp.router"},
        EXPERTS_JOINED,
        TWO_NORMS,
    ),
    keys={
        "n_expert": ("num_local_experts",),
        "n_expert_active": (),
        "qkv_bias": ("attention_bias",),
        "attn_proj_bias": ("attention_bias",),
        "head_bias": ("lm_head_bias",),
    },
    required_not_null=(),
)

FAMILIES = (PHI, PHI3, PHIMOE)
"""The families of this module."""
