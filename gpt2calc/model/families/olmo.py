"""OLMo's families: dense, with experts and with linear attention.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import NORMED, Architecture
from gpt2calc.model.attention.projections import NormedWhole, ViewedLate
from gpt2calc.model.attention.rotary import OLMoRotary
from gpt2calc.model.decoders.llamas import Gemma3Decoder, MixtralDecoder
from gpt2calc.model.families.config_keys import LAYER_TYPES
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of, heads_as_wide_as, read_window
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.mixer_layers import read_attention_layers
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    MLP,
    NORMS_AFTER,
    NORMS_OF_HEADS,
    ONE_BY_ONE,
    ROUTER,
    TWO_NORMS,
    names,
)
from gpt2calc.model.families.qwen import QWEN_MOE
from gpt2calc.model.families.qwen3_5 import DELTA_KEYS
from gpt2calc.model.norms import OLMoNorm, RMSNormCastLast

_OF_EXPERTS = {
    "n_expert": ("num_experts", "num_local_experts"),
    "n_expert_active": ("num_experts_per_tok",),
}
_OLMO = Architecture(
    separate=ViewedLate, rotary=OLMoRotary, tables="float32", parameter_free_norm=OLMoNorm
)
OLMO = LLAMA.but(
    name="olmo",
    words="OLMo",
    class_name="OlmoForCausalLM",
    floors_heads=True,
    architecture=_OLMO,
    switches={"norm": "none"},
    defaults={"vocab": 50_304},
    keys={"mlp_bias": ()},
)
OLMO2 = OLMO.but(
    name="olmo2",
    words="OLMo 2",
    class_name="Olmo2ForCausalLM",
    architecture=replace(_OLMO, rms_norm=RMSNormCastLast),
    switches={"norm": "rms", "norm_place": "after", "qk_norm": "width"},
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        MLP,
        NORMS_AFTER,
    ),
)
OLMO3 = OLMO2.but(
    name="olmo3",
    words="OLMo 3",
    class_name="Olmo3ForCausalLM",
    architecture=replace(OLMO2.architecture, decoder=Gemma3Decoder),
    switches={"full_every": 4},
    defaults={"window": 4_096},
    keys={"window": ("sliding_window",)},
    extra_keys=LAYER_TYPES,
    read_extra=read_window,
)
OLMOE = LLAMA.but(
    name="olmoe",
    words="OLMoE",
    class_name="OlmoeForCausalLM",
    architecture=replace(QWEN_MOE, separate_with_norms={**NORMED, "width": NormedWhole}),
    switches={"qk_norm": "width"},
    defaults=sizes(50_304, 4_096, 2_048, 16, 16)
    | {"n_inner": 2_048, "n_expert": 64, "n_expert_active": 8},
    names=names(ATTENTION, NORMS_OF_HEADS, ROUTER, EXPERTS_JOINED, TWO_NORMS),
    keys=_OF_EXPERTS | {"mlp_bias": ()},
    read_extra=heads_as_wide_as("OLMoE"),
    hub=ONE_BY_ONE,
)
FLEX_OLMO = OLMO2.but(
    name="flex_olmo",
    words="FlexOlmo",
    class_name="FlexOlmoForCausalLM",
    architecture=replace(
        OLMO2.architecture,
        decoder=MixtralDecoder,
        router_normalizes=False,
        router_casts_back=True,
    ),
    defaults={"vocab": 100_352, "n_ctx": 4_096, "n_expert": 7, "n_expert_active": 5},
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        ROUTER,
        EXPERTS_JOINED,
        NORMS_AFTER,
    ),
    keys=_OF_EXPERTS,
    hub=ONE_BY_ONE,
)


def _olmo_hybrid(said: Contents, fields: Fields) -> Fields:
    """Read OLMo-Hybrid, whose linear attention follows the heads where nothing is said of it."""
    depth, width, heads = depth_of(fields), fields["n_embd"], fields["n_head"]
    keys, state = fields.get("mixer_key_heads") or heads, fields.get("mixer_state_dim")
    if state is None and type(width) is int and type(keys) is int and keys > 0:
        state = 3 * width // (4 * keys)
    value = fields.get("mixer_head_dim")
    of_mixer = {
        "mixer_heads": fields.get("mixer_heads") or heads,
        "mixer_key_heads": keys,
        "mixer_state_dim": state,
        "mixer_head_dim": 2 * state if value is None and type(state) is int else value,
    }
    fourth = [n for n in range(depth) if n % 4 == 3] or [depth - 1]
    return read_attention_layers(said, fields | of_mixer, fourth)


OLMO_HYBRID = LLAMA.but(
    name="olmo_hybrid",
    words="OLMo-Hybrid",
    class_name="OlmoHybridForCausalLM",
    architecture=Architecture(
        rms_norm=RMSNormCastLast,
        norms_after_attention=True,
        memory_is_proven=False,
    ),
    switches={"qk_norm": "width", "mixer": "gated_delta"},
    family_defaults={
        "mixer_heads": 30,
        "mixer_key_heads": 30,
        "mixer_head_dim": 192,
        "mixer_state_dim": 96,
        "mixer_kernel": 4,
    },
    defaults=sizes(100_352, 65_536, 3_840, 32, 30)
    | {"n_inner": 11_008, "mixer_kernel": 4, "qkv_bias": False, "attn_proj_bias": False},
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        MLP,
        {
            "attention_norm": "input_layernorm",
            "attention_post_norm": "post_attention_layernorm",
            "mlp_norm": "post_attention_layernorm",
            "mlp_post_norm": "post_feedforward_layernorm",
        },
        {
            "mixer_log_decay": "linear_attn.A_log",
            "mixer_step": "linear_attn.dt_bias",
            "mixer_query": "linear_attn.q_proj",
            "mixer_key": "linear_attn.k_proj",
            "mixer_value": "linear_attn.v_proj",
            "mixer_decay": "linear_attn.a_proj",
            "mixer_beta": "linear_attn.b_proj",
            "mixer_gate_in": "linear_attn.g_proj",
            "mixer_out": "linear_attn.o_proj",
            "mixer_conv": "linear_attn.conv1d",
            "mixer_norm": "linear_attn.o_norm",
        },
    ),
    keys=DELTA_KEYS | {"mlp_bias": ()},
    extra_keys=LAYER_TYPES,
    read_extra=_olmo_hybrid,
    inferable=False,
)

FAMILIES = (OLMO, OLMO2, OLMO3, OLMOE, FLEX_OLMO, OLMO_HYBRID)
"""The families of this module."""
