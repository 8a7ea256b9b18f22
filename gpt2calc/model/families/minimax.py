"""MiniMax, most of whose layers have lightning attention, and MiniMax-M2.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.partial_rotary import NeoXRotary
from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.config_keys import LAYER_TYPES, OF_ROPE
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of, read_rotary_dim
from gpt2calc.model.families.mistral import MIXTRAL
from gpt2calc.model.families.mixer_layers import read_attention_layers
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    NORMS_OF_HEADS,
    ROUTER,
    TWO_NORMS,
    names,
)
from gpt2calc.model.mlps.routers import SigmoidRouter


def _minimax(said: Contents, fields: Fields) -> Fields:
    width, heads, head = fields["n_embd"], fields["n_head"], fields.get("head_dim")
    if head is None and isinstance(width, int) and isinstance(heads, int) and heads > 0:
        head = width // heads
    sizes_of_states = {"mixer_heads": heads, "mixer_key_heads": heads}
    fields = fields | sizes_of_states | {"mixer_head_dim": head, "mixer_state_dim": head}
    return read_attention_layers(said, fields, range(0, depth_of(fields), 2))


MINIMAX = MIXTRAL.but(
    name="minimax",
    words="MiniMax",
    class_name="MiniMaxForCausalLM",
    architecture=replace(MIXTRAL.architecture, memory_is_proven=False),
    switches={"mixer": "lightning", "window": None},
    family_defaults={
        "mixer_heads": 32,
        "mixer_key_heads": 32,
        "mixer_head_dim": 128,
        "mixer_state_dim": 128,
    },
    names=names(
        {
            "mixer_norm": "self_attn.norm",
            "mixer_in": "self_attn.qkv_proj",
            "mixer_out": "self_attn.out_proj",
            "mixer_gate_in": "self_attn.output_gate",
        },
        ATTENTION,
        TWO_NORMS,
        ROUTER,
        EXPERTS_JOINED,
    ),
    keys={"window": ()},
    extra_keys=LAYER_TYPES,
    read_extra=_minimax,
    required_not_null=(),
    inferable=False,
)
MINIMAX_M2 = MIXTRAL.but(
    name="minimax_m2",
    words="MiniMax-M2",
    class_name="MiniMaxM2ForCausalLM",
    architecture=Architecture(
        decoder=MixtralDecoder,
        router=SigmoidRouter,
        rebinds_expert_input=True,
        rotary=NeoXRotary,
        rotary_part=Fraction(1),
    ),
    switches={"qk_norm": "width"},
    defaults=sizes(200_064, 196_608, 3_072, 62, 48)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": 1_536, "n_expert": 256, "n_expert_active": 8},
    names=names(ATTENTION, NORMS_OF_HEADS, ROUTER, EXPERTS_JOINED, TWO_NORMS),
    keys={"window": (), "rotary_dim": ("rotary_dim",)},
    extra_keys=OF_ROPE,
    read_extra=read_rotary_dim,
    required_not_null=("num_key_value_heads", "head_dim"),
)

FAMILIES = (MINIMAX, MINIMAX_M2)
"""The families of this module."""
