"""Which fields of a model make sense together."""

from gpt2calc.model.checks.attention import check_gates, check_heads, check_kv_heads, check_latent
from gpt2calc.model.checks.layers import (
    check_full_layers,
    check_norms,
    check_positions,
    check_shared_keys,
    check_windows,
)
from gpt2calc.model.checks.mixers import check_mixer
from gpt2calc.model.checks.mlps import (
    check_beside_experts,
    check_experts,
    check_mlps,
    check_streams,
)
from gpt2calc.model.fields.layers import Layered

OF_FEW_VALUES = ("n_kv_head", "n_expert_active")
"""Fields that another one leaves a few values: better compared or swept than solved for."""
CHECKS = (
    check_heads,
    check_latent,
    check_mixer,
    check_mlps,
    check_kv_heads,
    check_experts,
    check_positions,
    check_windows,
    check_norms,
    check_full_layers,
    check_shared_keys,
    check_gates,
    check_streams,
    check_beside_experts,
)
"""The checks, in the order in which they complain."""


def refuse_nonsense(config: Layered) -> None:
    """Raise ``ValueError`` for fields that make no sense together; it says the rule and a way out.

    Args:
        config: a model, each of whose fields is sound by itself.

    """
    for check in CHECKS:
        complaint = check(config)
        if complaint:
            raise ValueError(complaint)
