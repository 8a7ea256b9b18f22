"""StableLM.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from fractions import Fraction

from gpt2calc.model.architecture import NORMED, Architecture
from gpt2calc.model.attention.partial_rotary import PartialRotary
from gpt2calc.model.attention.projections import ViewedLate
from gpt2calc.model.blocks.parallel import StableLMBlock, StableLMParallelBlock
from gpt2calc.model.families.config_keys import OF_ROPE
from gpt2calc.model.families.family import Contents, Fields
from gpt2calc.model.families.layers import read_rotary_dim
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import ATTENTION, MLP, TWO_NORMS, names


def _stablelm(said: Contents, fields: Fields) -> Fields:
    place = {"norm_place": "shared"} if said["use_parallel_residual"] else {}
    norm = {"qk_norm": "heads"} if said["qk_layernorm"] else {}
    return read_rotary_dim(said, fields) | place | norm


STABLELM = LLAMA.but(
    name="stablelm",
    words="StableLM",
    class_name="StableLmForCausalLM",
    architecture=Architecture(
        mlp_drops_outcome=False,
        blocks={"before": StableLMBlock, "shared": StableLMParallelBlock},
        separate=ViewedLate,
        separate_with_norms={**NORMED, "heads": ViewedLate},
        rotary=PartialRotary,
        rotary_part=Fraction(1, 4),
        dropout=frozenset({"softmax", "mlp_dropout"}),
    ),
    switches={"norm": "layer", "norm_bias": True},
    defaults={
        "vocab": 50_304,
        "n_ctx": 4_096,
        "n_embd": 2_560,
        "n_kv_head": 32,
        "n_inner": 6_912,
        "qkv_bias": False,
    },
    names=names(
        ATTENTION,
        {
            "query_norm": "self_attn.q_layernorm.norms.*",
            "key_norm": "self_attn.k_layernorm.norms.*",
        },
        MLP,
        TWO_NORMS,
    ),
    keys={"qkv_bias": ("use_qkv_bias",), "attn_proj_bias": (), "mlp_bias": (), "head_dim": ()},
    extra_keys={"use_parallel_residual": (False, True), "qk_layernorm": (False, True), **OF_ROPE},
    read_extra=_stablelm,
    required_not_null=("num_key_value_heads",),
)

FAMILIES = (STABLELM,)
"""The families of this module."""
