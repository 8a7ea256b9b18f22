"""Which fields of a model make sense together."""

from gpt2calc.errors import quoted
from gpt2calc.model.fields.layers import Layered
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.model.unlike_layers import CHECKS, beyond

OF_EXPERTS = (
    "n_expert_active", "n_inner_expert", "n_inner_shared", "dense_layers", "expert_latent_dim",
    "router_bias", "choice_bias", "expert_bias",
)  # fmt: skip
"""The fields that only a model with experts has."""
OF_FEW_VALUES = ("n_kv_head", "n_expert_active")
"""Fields that another one leaves a few values: better compared or swept than solved for."""


def refuse_nonsense(config: Layered) -> None:
    """Raise ``ValueError`` for fields that make no sense together; it says the rule and a way out.

    Args:
        config: a model, each of whose fields is sound by itself.

    """
    checks = (_heads, _latent, _mixer, _mlps, _kv_heads, _experts, _positions, _windows, _norms)
    for check in (*checks, *CHECKS):
        complaint = check(config)
        if complaint:
            raise ValueError(complaint)


def _heads(config: Layered) -> str:
    if config.is_latent:
        return ""
    if config.head_dim is not None:
        if config.n_head is None and config.heads is None:
            return (
                f"head_dim is {quoted(config.head_dim)}: it must divide n_embd, which is "
                f"{quoted(config.n_embd)}, or n_head must be given as well"
            )
        return ""
    if config.n_head is None or config.n_embd % config.n_head == 0:
        return ""
    by_rule = 1 if config.n_embd % HEAD_WIDTH else config.n_embd // HEAD_WIDTH
    return (
        f"n_head is {quoted(config.n_head)}: it must divide n_embd, "
        f"which is {quoted(config.n_embd)}, as {quoted(by_rule)} does; or give head_dim"
    )


def _latent(config: Layered) -> str:
    of_latent = ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
    if config.kv_lora_rank is None:
        others = (*of_latent[:2], "q_lora_rank", *OF_INDEXERS)
        given = next((name for name in others if getattr(config, name) is not None), None)
        return f"{given} is of latent attention: give kv_lora_rank, such as 512" if given else ""
    missing = next((name for name in of_latent if getattr(config, name) is None), None)
    if missing:
        return f"{missing} is missing: latent attention, by kv_lora_rank, has it; give {missing}"
    if config.heads is None:
        return "n_head is missing: latent attention has so many heads; give n_head, such as 128"
    for name in ("n_kv_head", "head_dim", "window"):
        if getattr(config, name) is not None:
            return f"{name} is not of latent attention: leave out {name} or kv_lora_rank"
    if config.qk_norm != "none" or config.attention_sinks:
        name = "attention_sinks" if config.attention_sinks else "qk_norm"
        return f"{name} is not of latent attention: leave out {name} or kv_lora_rank"
    return _indexers(config)


def _indexers(config: Layered) -> str:
    given = [name for name in OF_INDEXERS if getattr(config, name) is not None]
    if given and config.index_n_heads is None:
        return f"{given[0]} is of an indexer: give index_n_heads, such as 64"
    if given and (config.q_lora_rank is None or config.index_head_dim is None):
        return "an indexer has index_head_dim, and is made of q_lora_rank: give both"
    return beyond("indexer_layers", config.indexer_layers, config.n_layer)


OF_INDEXERS = ("index_n_heads", "index_head_dim", "indexer_layers")
OF_STATES = ("mixer_heads", "mixer_key_heads", "mixer_head_dim", "mixer_state_dim")
OF_MIXERS = {
    "attention": (),
    "gated_delta": (*OF_STATES, "mixer_kernel"),
    "kda": (*OF_STATES, "mixer_kernel"),
    "lightning": OF_STATES,
    "mamba": ("mixer_heads", "mixer_state_dim", "mixer_kernel", "mixer_rank"),
    "mamba2": (*OF_STATES, "mixer_kernel"),
    "short_conv": ("mixer_kernel",),
}
"""The sizes of each mixer."""
SIZES_OF_MIXERS = (*OF_STATES, "mixer_kernel", "mixer_rank")
BIASES_OF_MIXERS = ("mixer_bias", "mixer_conv_bias")
WITH_BIASES = ("mamba", "mamba2", "short_conv")
"""Mixers whose projections may have biases."""


def _mixer(config: Layered) -> str:
    if config.attention_gate and config.is_latent:
        return "attention_gate is not of latent attention: leave out one of them"
    if config.attention_gate and config.qk_norm in ("heads", "width"):
        return "attention_gate cuts queries by head: give qk_norm 'head', or leave out one of them"
    needed = OF_MIXERS[config.mixer]
    given = [name for name in SIZES_OF_MIXERS if getattr(config, name) is not None]
    others = [name for name in given if name not in needed]
    if config.mixer == "attention":
        if not config.mixer_norm:
            return "mixer_norm is false, but the mixer is attention: leave it out"
        listed = (*BIASES_OF_MIXERS, "attention_layers", "parallel_mixer")
        others += [name for name in listed if config.given(name)]
        return (
            f"{others[0]} is of another mixer than attention: give mixer, such as 'mamba2', or "
            f"leave out {others[0]}"
            if others
            else ""
        )
    idle = _idle(config)
    if idle:
        return idle
    if config.index_n_heads is not None:
        return f"mixer is '{config.mixer}', beside an indexer: give one of them"
    if config.window is not None and (config.parallel_mixer or config.full_layers is None):
        return (
            f"mixer is '{config.mixer}', beside a window: list in full_layers the layers whose "
            "attention has no window, and leave out parallel_mixer"
        )
    with_window = sorted({*(config.full_layers or ())} - {*(config.attention_layers or ())})
    if config.window is not None and with_window:
        return f"layer {with_window[0]} is in full_layers and not in attention_layers: leave it out"
    complaint = beyond("attention_layers", config.attention_layers, config.n_layer)
    if complaint:
        return complaint
    if others:
        return f"{others[0]} is no size of '{config.mixer}': leave out {others[0]}"
    missing = next((name for name in needed if name not in given), None)
    if missing:
        return f"{missing} is missing: '{config.mixer}' has it; give {missing}"
    if config.mixer_bias and config.mixer not in WITH_BIASES:
        return f"mixer_bias is true, but '{config.mixer}' has none: leave it out"
    if config.parallel_mixer and config.mixer in ("kda", "lightning"):
        return f"mixer is '{config.mixer}', which stands in for attention: leave out parallel_mixer"
    if not config.mixer_norm and config.mixer not in ("mamba", "mamba2", "short_conv"):
        return f"mixer_norm is false, but '{config.mixer}' has a norm always: leave out mixer_norm"
    heads, keys = config.mixer_heads, config.mixer_key_heads
    if heads is not None and keys is not None and heads % keys:
        return (
            f"mixer_key_heads is {quoted(keys)}: it must divide mixer_heads, which is "
            f"{quoted(heads)}, so that each is shared by as many"
        )
    return ""


def _idle(config: Layered) -> str:
    """Complain of switches of attention, or of a convolution, that no layer of a model has."""
    given = {
        "qk_norm": config.qk_norm != "none",
        "attention_gate": config.attention_gate,
        "attention_sinks": config.attention_sinks,
        "parallel_mixer": config.parallel_mixer,
    }
    if config.mlp_layers == () and not config.has_attention and any(given.values()):
        name = next(name for name, is_given in given.items() if is_given)
        return f"{name} is of attention, which no layer has: leave it out, or give attention_layers"
    if config.mixer_conv_bias and config.mixer_kernel is None:
        return f"mixer_conv_bias is true, but '{config.mixer}' has no convolution: leave it out"
    return ""


def _mlps(config: Layered) -> str:
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
            "mlp_layers is of blocks of one part, with a norm before it and no window: leave out "
            "mlp_layers, or window, norm_place and parallel_residual"
        )
    outside = sorted(set(config.dense_layers) - set(listed))
    if outside:
        return f"layer {outside[0]} is in dense_layers and not in mlp_layers: it has no MLP"
    if config.n_expert is not None and len(config.dense_layers) == len(listed):
        return "n_expert is of MLPs, and no layer in mlp_layers has experts: leave out n_expert"
    return ""


def _kv_heads(config: Layered) -> str:
    needing = {"n_kv_head": config.n_kv_head, "qk_norm": config.has_scaled_qk_norm or None}
    for name, value in needing.items():
        if value is not None and config.heads is None:
            return (
                f"{name} is {quoted(getattr(config, name))}, of how many heads? n_embd "
                f"{quoted(config.n_embd)} is no multiple of {HEAD_WIDTH}: give n_head as well"
            )
    if not config.n_kv_head or not config.heads or config.heads % config.n_kv_head == 0:
        return ""
    return (
        f"n_kv_head is {quoted(config.n_kv_head)}: it must divide n_head, which is "
        f"{quoted(config.heads)}, so that each is shared by as many queries"
    )


def _experts(config: Layered) -> str:
    if config.n_expert is None:
        given = next((name for name in OF_EXPERTS if getattr(config, name)), None)
        return f"{given} is of a model with experts: give n_expert, such as 8" if given else ""
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


def _positions(config: Layered) -> str:
    if config.position_offset is None or config.positions == "learned":
        return ""
    return (
        f"position_offset is {quoted(config.position_offset)}, of a table of learned positions, "
        f"but positions is '{config.positions}': leave one of them out"
    )


def _windows(config: Layered) -> str:
    """Check windows and rotary positions, which may differ from layer to layer."""
    for name in ("rotary_dim", "no_rope_layers", "no_rope_every"):
        if config.positions != "rotary" and _is_said(config, name):
            return (
                f"{name} is {quoted(getattr(config, name))}, of rotary positions, but positions is "
                f"'{config.positions}': leave one of them out"
            )
    for name in ("full_layers", "full_every"):
        if config.window is None and _is_said(config, name):
            return f"{name} is given, but no window, which others have: give window, such as 4096"
    complaint = _rotated(config)
    if complaint:
        return complaint
    listed = {name: getattr(config, name) for name in ("full_layers", "no_rope_layers")}
    complaints = (beyond(name, layers, config.n_layer) for name, layers in listed.items())
    return next(filter(None, complaints), "")


def _is_said(config: Layered, name: str) -> bool:
    """Tell whether a field is given, and not as the family has it."""
    return bool(config.given(name)) and config.given(name) != config.usual(name)


def _rotated(config: Layered) -> str:
    """Check how many features of a head are rotated, where that is given."""
    rotated, width = config.rotary_dim, config.head_width
    if rotated is None:
        return ""
    if rotated % 2:
        return f"rotary_dim is {quoted(rotated)}: give an even number, since pairs are rotated"
    if width is not None and rotated > width:
        return (
            f"rotary_dim is {quoted(rotated)}, more than the {quoted(width)} features of a head: "
            "give less"
        )
    return ""


def _norms(config: Layered) -> str:
    if config.norm_bias and config.norm != "layer":
        return f"norm_bias is true, but norm is '{config.norm}': only a layer norm has a shift"
    return ""
