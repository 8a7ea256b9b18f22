"""gpt-oss.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoders.llamas import BothMasksDecoder
from gpt2calc.model.families.config_keys import LAYER_TYPES
from gpt2calc.model.families.family import sizes
from gpt2calc.model.families.layers import read_window
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import ATTENTION, EXPERTS_JOINED, SINKS, TWO_NORMS, names
from gpt2calc.model.mlps.routers import ChosenFirst

GPT_OSS = LLAMA.but(
    name="gpt_oss",
    words="gpt-oss",
    class_name="GptOssForCausalLM",
    inferable=False,
    architecture=Architecture(
        memory_is_proven=False,
        decoder=BothMasksDecoder,
        router=ChosenFirst,
        experts_outputs_first=False,
        rebinds_expert_input=True,
        has_sdpa=False,
    ),
    switches={
        "attention_sinks": True,
        "router_bias": True,
        "expert_bias": True,
        "full_every": 2,
    },
    defaults=sizes(201_088, 131_072, 2_880, 36, 64)
    | {
        "n_kv_head": 8,
        "head_dim": 64,
        "n_inner": 2_880,
        "window": 128,
        "n_expert": 128,
        "n_expert_active": 4,
        "qkv_bias": True,
        "attn_proj_bias": True,
    },
    names=names(
        SINKS,
        ATTENTION,
        {"router": "mlp.router"},
        EXPERTS_JOINED,
        TWO_NORMS,
    ),
    keys={
        "n_expert": ("num_local_experts", "num_experts"),
        "n_expert_active": ("num_experts_per_tok",),
        "mlp_bias": (),
        "window": ("sliding_window",),
    },
    extra_keys=LAYER_TYPES,
    read_extra=read_window,
)

FAMILIES = (GPT_OSS,)
"""The families of this module."""
