"""Checks of MLPs and experts, and of what stands beside them in a block."""

from gpt2calc.errors import quoted
from gpt2calc.model.checks.layers import beyond
from gpt2calc.model.fields.layers import Layered

OF_STREAMS = ("altup_inputs", "laurel_rank")
"""Fields of Gemma 3n's blocks."""


def check_streams(config: Layered) -> str:
    """Complain of per-layer embeddings or residual streams that a block cannot have."""
    if config.per_layer_vocab is not None and config.per_layer_dim is None:
        return "per_layer_vocab needs per-layer embeddings: give per_layer_dim, such as 256"
    if config.altup_inputs == 1:
        return "altup_inputs is 1: give at least 2 residual streams, or leave it out"
    given = next((name for name in OF_STREAMS if config.given(name)), None)
    if not given:
        return ""
    if config.has_other_layers or config.parallel_residual:
        return f"{given} needs blocks of attention followed by an MLP: leave out {given}"
    if config.norm_place != "both":
        return f"{given} needs norms before and after each part: give norm_place 'both'"
    return ""


def check_beside_experts(config: Layered) -> str:
    """Complain of an MLP beside experts, or a norm after them, that cannot be."""
    if config.norm_after_experts and config.n_expert is None:
        return "norm_after_experts needs experts: give n_expert, such as 8"
    if not config.mlp_beside_experts:
        return ""
    if config.n_expert is None:
        return "mlp_beside_experts needs experts: give n_expert, such as 8"
    others = ("n_inner_shared", "choice_bias", "expert_latent_dim", "norm_after_experts")
    given = next((name for name in others if config.given(name)), None)
    return f"mlp_beside_experts is given, beside {given}: leave out one of them" if given else ""


OF_EXPERTS = (
    "n_expert_active", "n_inner_expert", "n_inner_shared", "dense_layers", "expert_latent_dim",
    "router_bias", "choice_bias", "expert_bias",
)  # fmt: skip
"""The fields that only a model with experts has."""


def check_mlps(config: Layered) -> str:
    """Check which layers are an MLP alone, where blocks have one part each."""
    listed = config.mlp_layers
    if listed is None:
        return ""
    complaint = beyond("mlp_layers", listed, config.n_layer)
    if complaint:
        return complaint
    both = sorted(set(listed) & {*(config.attention_layers or ()), *(config.indexer_layers or ())})
    if both:
        return f"layer {both[0]} is in mlp_layers and has attention: leave it out of one of them"
    if len(listed) == config.n_layer:
        return "mlp_layers has all layers: leave out some, since none mixes tokens"
    if config.window is not None or config.norm_place != "before" or config.parallel_residual:
        return (
            "mlp_layers makes blocks of one part, with a norm before it and no window: leave out "
            "mlp_layers, or window, norm_place and parallel_residual"
        )
    outside = sorted(set(config.dense_layers) - set(listed))
    if outside:
        return f"layer {outside[0]} is in dense_layers and not in mlp_layers: it has no MLP"
    if config.n_expert is not None and len(config.dense_layers) == len(listed):
        return "n_expert is of MLPs, and no layer in mlp_layers has experts: leave out n_expert"
    return ""


def check_experts(config: Layered) -> str:
    if config.n_expert is None:
        given = next((name for name in OF_EXPERTS if getattr(config, name)), None)
        return f"{given} needs experts: give n_expert, such as 8" if given else ""
    if config.chosen_experts is not None and config.chosen_experts > config.n_expert:
        return (
            f"n_expert_active is {quoted(config.chosen_experts)}: it must be at most n_expert, "
            f"which is {quoted(config.n_expert)}"
        )
    complaint = beyond("dense_layers", config.dense_layers, config.n_layer)
    if complaint:
        return complaint
    if len(config.dense_layers) == config.n_layer:
        return "dense_layers has all layers: leave out n_expert, since none has experts"
    return ""
