"""Jamba, whose layers have Mamba or attention, and an MLP or experts.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.expert_layers import with_dense_layers
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.mixer_layers import (
    expanded_width,
    rank_of_steps,
    read_attention_layers,
)
from gpt2calc.model.families.module_names import (
    ATTENTION,
    FEED_FORWARD,
    FEED_FORWARD_NORMS,
    names,
    with_final_norm,
)


def _period(said: Contents, kind: str, depth: int) -> list[int]:
    """Return every ``*_layer_period``-th layer, from ``*_layer_offset`` on."""
    period, offset = said[f"{kind}_layer_period"], said[f"{kind}_layer_offset"]
    if not (isinstance(period, int) and isinstance(offset, int)) or not 0 <= offset < period:
        raise ValueError(
            f"{kind}_layer_period is {period!r} and {kind}_layer_offset {offset!r}: they must be "
            "whole numbers, the offset the smaller one"
        )
    return list(range(offset, depth, period))


def _jamba(said: Contents, fields: Fields) -> Fields:
    depth = depth_of(fields)
    fields = fields | {
        "mixer_heads": expanded_width(said, fields, "mamba_expand"),
        "mixer_rank": rank_of_steps(said["mamba_dt_rank"], fields["n_embd"]),
        "n_inner_expert": fields["n_inner"],
    }
    fields = read_attention_layers({}, fields, _period(said, "attn", depth))
    sparse = _period(said, "expert", depth) if fields["n_expert"] != 1 else []
    return with_dense_layers(fields, [n for n in range(depth) if n not in sparse])


JAMBA = LLAMA.but(
    name="jamba",
    words="Jamba",
    class_name="JambaForCausalLM",
    architecture=Architecture(
        decoder=MixtralDecoder,
        rebinds_expert_input=True,
        router_normalizes=False,
        router_casts_back=True,
        memory_is_proven=False,
    ),
    switches={"positions": "none", "mixer": "mamba"},
    family_defaults={
        "mixer_heads": 8_192,
        "mixer_rank": 256,
        "n_inner_expert": 14_336,
    },
    defaults=sizes(65_536, 262_144, 4_096, 32, 32)
    | {
        "n_kv_head": 8,
        "n_inner": 14_336,
        "n_expert": 16,
        "n_expert_active": 2,
        "mixer_state_dim": 16,
        "mixer_kernel": 4,
        "mixer_bias": False,
        "mixer_conv_bias": True,
    },
    names=with_final_norm(
        names(
            ATTENTION,
            {
                "mixer_log_decay": "mamba.A_log",
                "mixer_skip": "mamba.D",
                "mixer_conv": "mamba.conv1d",
                "mixer_in": "mamba.in_proj",
                "mixer_selection": "mamba.x_proj",
                "mixer_step_up": "mamba.dt_proj",
                "mixer_out": "mamba.out_proj",
                "mixer_step_norm": "mamba.dt_layernorm",
                "mixer_write_norm": "mamba.b_layernorm",
                "mixer_read_norm": "mamba.c_layernorm",
                "router": "feed_forward.router",
                "experts_in": "feed_forward.experts.gate_up_proj",
                "experts_out": "feed_forward.experts.down_proj",
                **FEED_FORWARD,
            },
            FEED_FORWARD_NORMS,
        ),
        "final_layernorm",
    ),
    keys={
        "qkv_bias": (),
        "attn_proj_bias": (),
        "mlp_bias": (),
        "n_expert": ("num_experts", "num_local_experts"),
        "n_expert_active": ("num_experts_per_tok",),
        "mixer_state_dim": ("mamba_d_state",),
        "mixer_kernel": ("mamba_d_conv",),
        "mixer_bias": ("mamba_proj_bias",),
        "mixer_conv_bias": ("mamba_conv_bias",),
    },
    extra_keys={
        "attn_layer_period": (8,),
        "attn_layer_offset": (4,),
        "expert_layer_period": (2,),
        "expert_layer_offset": (1,),
        "mamba_expand": (2,),
        "mamba_dt_rank": ("auto",),
    },
    read_extra=_jamba,
    inferable=False,
)

FAMILIES = (JAMBA,)
"""The families of this module."""
