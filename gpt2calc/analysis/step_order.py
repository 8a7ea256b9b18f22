"""The order in which fields are changed from one model to another, and which can change alone."""

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any

from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.declared import field_called

ORDER = (
    "positions", "position_offset", "rotary_dim", "no_rope_every", "no_rope_layers",
    "window", "full_every", "full_layers", "full_values_are_keys", "shared_kv_layers",
    "double_wide_mlp", "parallel_residual",
    "norm", "norm_bias", "norm_place", "qk_norm", "sub_norms", "differential_attention",
    "attention_sinks", "full_sinks",
    "attention_gate", "separate_gate", "gate_per_head",
    "embedding_norm", "final_norm", "bias", "qkv_bias", "attn_proj_bias", "mlp_bias",
    "head_bias", "mixer", "attention_layers", "mlp_layers", "parallel_mixer", "mixer_heads",
    "mixer_key_heads", "mixer_head_dim", "mixer_state_dim", "mixer_kernel", "mixer_rank",
    "mixer_bias", "mixer_conv_bias", "mixer_norm", "kv_lora_rank", "q_lora_rank",
    "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "index_n_heads", "index_head_dim",
    "indexer_layers", "n_kv_head", "head_dim", "full_n_kv_head", "full_n_head", "full_head_dim",
    "gated_mlp", "learned_activation", "n_expert", "n_expert_active",
    "n_inner_expert", "expert_latent_dim", "n_inner_shared", "shared_gate", "router_bias",
    "choice_bias", "expert_bias", "mlp_beside_experts",
    "norm_after_experts", "dense_layers", "n_inner",
    "n_head", "n_embd", "n_layer",
    "n_ctx", "token_width", "vocab", "per_layer_dim", "per_layer_vocab", "altup_inputs",
    "laurel_rank", "tie_embeddings",
)  # fmt: skip
"""What is changed first, unless another order is given: how the model works, then its sizes."""

RULED = ("n_head", "n_inner")
"""Fields that keep their numbers while others change, even where they followed a rule."""
ECHOING = ("head_dim", "n_inner_expert")
"""Fields that keep their numbers only where one of the two models gives them itself."""


def with_own_numbers(*ends: ModelConfig) -> list[ModelConfig]:
    """Fill in the numbers that rules give in both models, so that a step changes nothing else.

    A field that only echoes another is filled in where one of the models gives it itself.
    """
    echoing = [
        name for name in ECHOING if any(getattr(config, name) is not None for config in ends)
    ]
    numbers = (*RULED, *echoing)
    return [
        config.evaluate_at(**{name: config.value(name) for name in numbers if _has(config, name)})
        for config in ends
    ]


def _has(config: ModelConfig, name: str) -> bool:
    """Tell whether a model has a number; latent attention has no single width of a head."""
    return not (name == "head_dim" and config.is_latent)


def pending_fields(here: ModelConfig, there: ModelConfig, first: Sequence[str]) -> list[str]:
    """Return the fields in which two models differ, those that were asked for first.

    Raises ``UserError`` for one that is asked for and no different, or asked for twice.
    """
    different = [name for name in ORDER if getattr(here, name) != getattr(there, name)]
    for name in first:
        if first.count(name) > 1:
            raise UserError(f"{quoted(name)} is in the order more than once: give it once")
        if name not in different:
            called = field_called(name, ModelConfig)
            near = did_you_mean(called if called in different else name, different)
            hint = near or f"; they are {', '.join(different) or 'none'}"
            raise UserError(f"{quoted(name)} is no field in which the two models differ{hint}")
    return [*dict.fromkeys(first), *(name for name in different if name not in first)]


def next_fields(
    here: ModelConfig, there: ModelConfig, pending: Sequence[str]
) -> tuple[tuple[str, ...], ModelConfig]:
    """Return the first of the pending fields that can be changed alone, or the fewest that can."""
    given = here.model_dump()
    for size in range(1, len(pending)):
        for together in combinations(pending, size):
            try:
                return together, ModelConfig(**given | _values(there, together))
            except UserError:
                continue
    return tuple(pending), ModelConfig(**given | _values(there, pending))


def _values(config: ModelConfig, names: Collection[str]) -> dict[str, Any]:
    return {name: getattr(config, name) for name in names}
