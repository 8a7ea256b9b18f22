"""Kimi K2, whose tensors are DeepSeek-V3's, and Kimi-Linear.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Mapping

from gpt2calc.model.families.config_keys import LAYER_TYPES, MLP_LAYER_TYPES, SHARED_NUMBER
from gpt2calc.model.families.deepseek import DEEPSEEK_V3
from gpt2calc.model.families.expert_layers import given_key, read_mlp_types, read_shared
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of, whole_number
from gpt2calc.model.families.mixer_layers import read_attention_layers
from gpt2calc.model.families.module_names import (
    EXPERTS_JOINED,
    LATENT_ATTENTION,
    MLP,
    ROUTER,
    SHARED,
    TWO_NORMS,
    names,
)

KIMI_K2 = DEEPSEEK_V3.but(
    name="kimi_k2",
    words="Kimi K2",
    class_name="DeepseekV3ForCausalLM",
    built_as="deepseek_v3",
    family_defaults={"dense_layers": (0,)},
    defaults=sizes(163_840, 131_072, 7_168, 61, 64) | {"n_expert": 384},
    extra_keys={"first_k_dense_replace": (1,)},
)
_INSIDE = {
    "num_heads": "mixer_heads",
    "head_dim": "mixer_head_dim",
    "short_conv_kernel_size": "mixer_kernel",
}
"""Fields by their keys in ``linear_attn_config``."""


def _kimi_types(inner: object, depth: int) -> list[str]:
    """Return what each layer of Kimi-Linear is, where ``layer_types`` does not say it."""
    if not isinstance(inner, Mapping) or not {"full_attn_layers", "kda_layers"} <= inner.keys():
        return ["full_attention" if n and n % 4 == 0 else "linear_attention" for n in range(depth)]
    full, linear = inner["full_attn_layers"], inner["kda_layers"]
    numbers = [*full, *linear] if isinstance(full, list) and isinstance(linear, list) else []
    if not all(type(each) is int for each in numbers) or {*numbers} != {*range(1, depth + 1)}:
        raise ValueError(
            "full_attn_layers and kda_layers of linear_attn_config must have each layer in one of "
            f"them, numbered from 1 to {depth}"
        )
    return ["linear_attention" if n in linear else "full_attention" for n in range(1, depth + 1)]


def _kimi(said: Contents, fields: Fields) -> Fields:
    """Read Kimi-Linear, whose files say in ``linear_attn_config`` what linear attention has."""
    inner, types = said["linear_attn_config"], said["layer_types"]
    if isinstance(inner, Mapping):
        given = {_INSIDE[key]: value for key, value in inner.items() if key in _INSIDE}
        fields = fields | given
    heads, width = fields["mixer_heads"], fields["mixer_head_dim"]
    fields = fields | {"mixer_key_heads": heads, "mixer_state_dim": width}
    types = _kimi_types(inner, depth_of(fields)) if types is None else types
    fields = read_attention_layers({"layer_types": types}, fields, ())
    fields = read_shared(said, fields, given_key(said, *SHARED_NUMBER))
    return read_mlp_types(said, fields, whole_number(said, "first_k_dense_replace"))


KIMI_LINEAR = DEEPSEEK_V3.but(
    name="kimi_linear",
    words="Kimi-Linear",
    class_name="KimiLinearForCausalLM",
    switches={"positions": "none", "mixer": "kda"},
    family_defaults={
        "n_inner_shared": 1_024,
        "dense_layers": (0,),
        "mixer_key_heads": 32,
        "mixer_state_dim": 128,
    },
    defaults=sizes(163_840, 1_048_576, 2_304, 27, 32)
    | {
        "n_inner": 9_216,
        "n_inner_expert": 1_024,
        "q_lora_rank": None,
        "mixer_heads": 32,
        "mixer_head_dim": 128,
        "mixer_kernel": 4,
    },
    names=names(
        LATENT_ATTENTION,
        {
            "mixer_query": "self_attn.q_proj",
            "mixer_key": "self_attn.k_proj",
            "mixer_value": "self_attn.v_proj",
            "mixer_conv": "self_attn.conv1d",
            "mixer_step": "self_attn.forget_gate.dt_bias",
            "mixer_log_decay": "self_attn.forget_gate.A_log",
            "mixer_decay_down": "self_attn.forget_gate.f_a_proj",
            "mixer_decay_up": "self_attn.forget_gate.f_b_proj",
            "mixer_beta": "self_attn.b_proj",
            "mixer_gate_down": "self_attn.g_a_proj",
            "mixer_gate_up": "self_attn.g_b_proj",
            "mixer_norm": "self_attn.o_norm",
            "mixer_out": "self_attn.o_proj",
        },
        EXPERTS_JOINED,
        ROUTER,
        SHARED,
        MLP,
        TWO_NORMS,
    ),
    keys={
        "n_ctx": ("max_position_embeddings", "model_max_length"),
        "tie_embeddings": (),
        "n_expert": ("num_local_experts", "num_experts"),
        "n_expert_active": ("num_experts_per_tok", "num_experts_per_token"),
        "mixer_heads": ("linear_num_heads",),
        "mixer_head_dim": ("linear_head_dim",),
        "mixer_kernel": ("linear_conv_kernel_dim",),
    },
    extra_keys={
        **DEEPSEEK_V3.extra_keys,
        "first_k_dense_replace": (1,),
        "num_shared_experts": (None,),
        "linear_attn_config": (None,),
        **LAYER_TYPES,
        **MLP_LAYER_TYPES,
    },
    read_extra=_kimi,
)

FAMILIES = (KIMI_K2, KIMI_LINEAR)
"""The families of this module."""
