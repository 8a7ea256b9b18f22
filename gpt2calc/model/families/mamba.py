"""Mamba and Mamba 2, which have no attention.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.families.family import Called, Contents, Fields, sizes
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.mixer_layers import expanded_width, rank_of_steps
from gpt2calc.model.names import Names

NO_ATTENTION: Called = {
    "n_ctx": (),
    "n_head": (),
    "n_kv_head": (),
    "head_dim": (),
    "n_inner": (),
    "qkv_bias": (),
    "attn_proj_bias": (),
    "mlp_bias": (),
}


def _alone(modules: dict[str, str]) -> Names:
    """Return the names of a model whose blocks are a mixer alone."""
    inside = {role: f"mixer.{module}" for role, module in modules.items()}
    outside = {"token_embedding": "embeddings", "attention_norm": "norm"}
    last = {"final_norm": "norm_f", "head": "lm_head"}
    return Names("backbone.", "layers.*.", outside | inside | last)


def _mamba(said: Contents, fields: Fields) -> Fields:
    inner, rank = said["intermediate_size"], rank_of_steps(said["time_step_rank"], fields["n_embd"])
    inner = expanded_width(said, fields) if inner is None else inner
    if type(rank) is not int:
        raise ValueError(f"time_step_rank is {rank!r}: it must be a whole number, or 'auto'")
    return fields | {"mixer_heads": inner, "mixer_rank": rank}


MAMBA = LLAMA.but(
    name="mamba",
    words="Mamba",
    class_name="MambaForCausalLM",
    architecture=Architecture(memory_is_proven=False),
    switches={
        "positions": "none",
        "mixer": "mamba",
        "mixer_norm": False,
        "attention_layers": (),
        "mlp_layers": (),
    },
    family_defaults={"mixer_heads": 1_536, "mixer_rank": 48},
    defaults=sizes(50_280, 2_048, 768, 32, 12)
    | {
        "n_head": None,
        "n_inner": None,
        "mixer_state_dim": 16,
        "mixer_kernel": 4,
        "mixer_bias": False,
        "mixer_conv_bias": True,
        "tie_embeddings": True,
    },
    names=_alone(
        {
            "mixer_log_decay": "A_log",
            "mixer_skip": "D",
            "mixer_conv": "conv1d",
            "mixer_in": "in_proj",
            "mixer_selection": "x_proj",
            "mixer_step_up": "dt_proj",
            "mixer_out": "out_proj",
        }
    ),
    keys=NO_ATTENTION
    | {
        "mixer_state_dim": ("state_size",),
        "mixer_kernel": ("conv_kernel",),
        "mixer_bias": ("use_bias",),
        "mixer_conv_bias": ("use_conv_bias",),
    },
    extra_keys={"expand": (2,), "intermediate_size": (None,), "time_step_rank": ("auto",)},
    read_extra=_mamba,
    inferable=False,
)


def _mamba2(said: Contents, fields: Fields) -> Fields:
    heads, width = fields["mixer_heads"], fields["mixer_head_dim"]
    inner = expanded_width(said, fields)
    if isinstance(heads, int) and isinstance(width, int) and heads * width != inner:
        raise ValueError(
            f"num_heads is {heads} and head_dim {width}: their product must be {inner}, which is "
            "expand times hidden_size"
        )
    return fields


MAMBA2 = replace(MAMBA, family_defaults={}).but(
    name="mamba2",
    words="Mamba 2",
    class_name="Mamba2ForCausalLM",
    switches={"mixer": "mamba2", "mixer_norm": True},
    defaults=sizes(32_768, 2_048, 4_096, 64, 64)
    | {
        "n_head": None,
        "mixer_heads": 128,
        "mixer_head_dim": 64,
        "mixer_key_heads": 8,
        "mixer_state_dim": 128,
        "tie_embeddings": False,
    },
    names=_alone(
        {
            "mixer_step": "dt_bias",
            "mixer_log_decay": "A_log",
            "mixer_skip": "D",
            "mixer_conv": "conv1d",
            "mixer_in": "in_proj",
            "mixer_norm": "norm",
            "mixer_out": "out_proj",
        }
    ),
    keys={
        "mixer_heads": ("num_heads",),
        "mixer_head_dim": ("head_dim",),
        "mixer_key_heads": ("n_groups",),
    },
    extra_keys={"expand": (2,)},
    read_extra=_mamba2,
)

FAMILIES = (MAMBA, MAMBA2)
"""The families of this module."""
