"""Checks of layers that differ, positions and norms. Each returns what is wrong, or ``""``."""

from gpt2calc.errors import quoted
from gpt2calc.model.fields.layers import Layered

OF_FULL_LAYERS = ("full_head_dim", "full_n_head", "full_n_kv_head", "full_values_are_keys")
"""Fields that only layers without a window have."""


def beyond(name: str, layers: tuple[int, ...] | None, depth: int) -> str:
    """Complain of a layer that a list has and a model has not."""
    unknown = [layer for layer in layers or () if layer >= depth]
    if not unknown:
        return ""
    return (
        f"{name} has {quoted(unknown[0])}: layers are numbered from 0, and the last of "
        f"{quoted(depth)} is {quoted(depth - 1)}: give other {name}, or more layers"
    )


def check_full_layers(config: Layered) -> str:
    """Complain of sizes of layers without a window that no layer has, or that do not fit."""
    given = next((name for name in OF_FULL_LAYERS if config.given(name)), None)
    if given is None:
        takes_turns = config.full_layers is None and config.full_every is not None
        if config.full_layers_differ and config.window is not None and takes_turns:
            return "full_sinks needs full_layers: give full_layers, not full_every"
        return ""
    if config.window is None or config.full_layers is None:
        return (
            f"{given} needs layers with and without a window: give window, such as 512, and "
            "full_layers"
        )
    if config.full_values_are_keys and config.v_head_dim is not None:
        return "full_values_are_keys is given, beside v_head_dim: leave out one of them"
    if config.full_values_are_keys and config.attention_gate:
        return "full_values_are_keys does not go with attention_gate: leave out one of them"
    if config.n_head is None or config.head_dim is None:
        return f"{given} needs heads of a given number and width: give n_head and head_dim"
    alike = config.in_full_layers()
    groups, heads = alike.n_kv_head, alike.n_head
    if groups is None or heads is None or heads % groups == 0:
        return ""
    names = [
        name if config.given(name) is not None else name.removeprefix("full_")
        for name in ("full_n_kv_head", "full_n_head")
    ]
    return (
        f"{names[0]} is {quoted(groups)}: it must divide {names[1]}, which is {quoted(heads)}, in "
        "the layers without a window too, so that each KV head has the same number of query heads"
    )


def check_shared_keys(config: Layered) -> str:
    """Complain of layers that cannot take the keys and values of an earlier one."""
    listed = config.shared_kv_layers
    if not listed:
        name = "double_wide_mlp"
        return f"{name} needs shared_kv_layers: give both" if config.double_wide_mlp else ""
    complaint = beyond("shared_kv_layers", listed, config.n_layer)
    if complaint:
        return complaint
    if config.is_latent or config.has_other_layers or config.attention_gate:
        return (
            "shared_kv_layers needs attention in all layers, without latents and gates: leave out "
            "kv_lora_rank, mixer, mlp_layers and attention_gate"
        )
    makers: set[int | None] = set()
    for layer in range(max(listed) + 1):
        window = config.window_of(layer)
        if layer not in listed:
            makers.add(window)
        elif window not in makers:
            return (
                f"layer {layer} is in shared_kv_layers, and no layer before it with the same "
                "window makes keys and values: leave it out"
            )
    return ""


def check_positions(config: Layered) -> str:
    """Complain of rows of a table of positions where there is none."""
    if config.position_offset is None or config.positions == "learned":
        return ""
    return (
        f"position_offset is {quoted(config.position_offset)}, which needs learned positions, "
        f"but positions is '{config.positions}': leave one of them out"
    )


def check_windows(config: Layered) -> str:
    """Complain of windows and rotary positions that no layer, or no head, can have."""
    for name in ("rotary_dim", "no_rope_layers", "no_rope_every"):
        if config.positions != "rotary" and _is_said(config, name):
            return (
                f"{name} is {quoted(getattr(config, name))}, which needs rotary positions, but "
                f"positions is '{config.positions}': leave one of them out"
            )
    for name in ("full_layers", "full_every"):
        if config.window is None and _is_said(config, name):
            return f"{name} is given, but no window, which others have: give window, such as 4096"
    complaint = check_rotated(config)
    if complaint:
        return complaint
    listed = {name: getattr(config, name) for name in ("full_layers", "no_rope_layers")}
    complaints = (beyond(name, layers, config.n_layer) for name, layers in listed.items())
    return next(filter(None, complaints), "")


def _is_said(config: Layered, name: str) -> bool:
    """Tell whether a field is given, and not as the family has it."""
    return bool(config.given(name)) and config.given(name) != config.usual(name)


def check_rotated(config: Layered) -> str:
    """Complain of a number of rotated features that a head does not have."""
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


def check_norms(config: Layered) -> str:
    """Complain of a shift that a norm does not have."""
    if config.norm_bias and config.norm != "layer":
        return f"norm_bias is true, but norm is '{config.norm}': only a layer norm has a shift"
    return ""
