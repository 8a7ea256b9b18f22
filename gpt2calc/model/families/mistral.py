"""Mistral's families: Mistral, Mixtral and the two Ministrals.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.attention import QueriesScaledByPosition
from gpt2calc.model.decoders.llamas import BothMasksDecoder, MixtralDecoder
from gpt2calc.model.families.config_keys import LAYER_TYPES
from gpt2calc.model.families.layers import read_window
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import ATTENTION, EXPERTS_JOINED, ROUTER, TWO_NORMS, names

MISTRAL = LLAMA.but(
    name="mistral",
    words="Mistral",
    class_name="MistralForCausalLM",
    floors_heads=True,
    defaults={"n_ctx": 131_072, "n_kv_head": 8, "n_inner": 14_336, "window": 4_096},
    keys={"qkv_bias": (), "attn_proj_bias": (), "mlp_bias": (), "window": ("sliding_window",)},
    required_not_null=("num_key_value_heads",),
)
MIXTRAL = MISTRAL.but(
    name="mixtral",
    words="Mixtral",
    class_name="MixtralForCausalLM",
    architecture=Architecture(decoder=MixtralDecoder, rebinds_expert_input=True),
    defaults={"n_expert": 8, "n_expert_active": 2, "window": None},
    names=names(ATTENTION, ROUTER, EXPERTS_JOINED, TWO_NORMS),
    keys={
        "n_expert": ("num_local_experts", "num_experts"),
        "n_expert_active": ("num_experts_per_tok",),
    },
    hub={
        "router": ("layers.*.block_sparse_moe.gate.weight",),
        "experts_in": (
            "layers.*.block_sparse_moe.experts.*.w1.weight",
            "layers.*.block_sparse_moe.experts.*.w3.weight",
        ),
        "experts_out": ("layers.*.block_sparse_moe.experts.*.w2.weight",),
    },
)
MINISTRAL = MISTRAL.but(
    name="ministral",
    words="Ministral",
    class_name="MinistralForCausalLM",
    architecture=Architecture(decoder=BothMasksDecoder),
    extra_keys=LAYER_TYPES,
    read_extra=read_window,
    required_not_null=(),
)
MINISTRAL3 = MISTRAL.but(
    name="ministral3",
    words="Ministral 3",
    class_name="Ministral3ForCausalLM",
    architecture=Architecture(attention=QueriesScaledByPosition),
    defaults={
        "vocab": 131_072,
        "n_ctx": 262_144,
        "n_layer": 34,
        "head_dim": 128,
        "window": None,
    },
    required_not_null=(),
)

FAMILIES = (MISTRAL, MIXTRAL, MINISTRAL, MINISTRAL3)
"""The families of this module."""
