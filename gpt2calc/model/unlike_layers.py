"""Which fields make sense together: of layers that differ, of attention, of blocks, of experts."""

from gpt2calc.errors import quoted
from gpt2calc.model.fields.layers import Layered

OF_FULL_LAYERS = ("full_head_dim", "full_n_head", "full_n_kv_head", "full_values_are_keys")
"""Fields that only layers without a window have."""


OF_STREAMS = ("altup_inputs", "laurel_rank")
"""Fields of Gemma 3n's blocks."""


def beyond(name: str, layers: tuple[int, ...] | None, depth: int) -> str:
    """Complain of a layer that a list has and a model has not."""
    unknown = [layer for layer in layers or () if layer >= depth]
    if not unknown:
        return ""
    return (
        f"{name} has {quoted(unknown[0])}: layers are numbered from 0, and the last of "
        f"{quoted(depth)} is {quoted(depth - 1)}: give other {name}, or more layers"
    )


def full_layers(config: Layered) -> str:
    """Complain of sizes of layers without a window that no layer has, or that do not fit."""
    given = next((name for name in OF_FULL_LAYERS if config.given(name)), None)
    if given is None:
        takes_turns = config.full_layers is None and config.full_every is not None
        if config.full_layers_differ and config.window is not None and takes_turns:
            return "full_sinks is of the layers without a window: give full_layers, not full_every"
        return ""
    if config.window is None or config.full_layers is None:
        return (
            f"{given} is of the layers without a window: give window, such as 512, and full_layers"
        )
    if config.full_values_are_keys and config.v_head_dim is not None:
        return "full_values_are_keys is given, beside v_head_dim: leave out one of them"
    if config.full_values_are_keys and config.attention_gate:
        return "full_values_are_keys is of attention that no gate follows: leave out one of them"
    if config.n_head is None or config.head_dim is None:
        return f"{given} is of heads whose number and width are given: give n_head and head_dim"
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
        "the layers without a window too, so that each is shared by as many queries"
    )


def shared_keys(config: Layered) -> str:
    """Complain of layers that cannot take the keys and values of an earlier one."""
    listed = config.shared_kv_layers
    if not listed:
        name = "double_wide_mlp"
        return f"{name} is of shared_kv_layers: give both" if config.double_wide_mlp else ""
    complaint = beyond("shared_kv_layers", listed, config.n_layer)
    if complaint:
        return complaint
    if config.is_latent or config.has_other_layers or config.attention_gate:
        return (
            "shared_kv_layers is of layers with keys of their own, all of which have attention, "
            "and no gate: leave out kv_lora_rank, mixer, mlp_layers and attention_gate"
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


def own_attention(config: Layered) -> str:
    """Complain of gates, widths of values and norms of attention that do not go together."""
    if config.v_head_dim is not None and not config.is_latent:
        if not config.has_attention:
            return "v_head_dim is of attention, which no layer has: leave it out"
        if config.attention_gate:
            return "v_head_dim is given, beside attention_gate: leave out one of them"
        if config.heads is None:
            return "v_head_dim is the width of how many heads? give n_head as well"
    if config.separate_gate and not config.attention_gate:
        return "separate_gate is of attention_gate: give both"
    if config.gate_per_head and not config.separate_gate:
        return "gate_per_head is of separate_gate: give both"
    if config.sub_norms and (config.is_latent or config.mlp_layers == ()):
        return "sub_norms is not of latent attention, nor of a model without MLPs: leave it out"
    return _differential(config) if config.differential_attention else ""


def _differential(config: Layered) -> str:
    others = ("kv_lora_rank", "v_head_dim", "shared_kv_layers", "full_values_are_keys")
    given = next((name for name in others if config.given(name)), None)
    if given or config.architecture.value_norm is not None:
        return (
            f"differential_attention is given, beside {given or 'a norm of values'}: leave out "
            f"{given or 'it'}"
        )
    if config.heads is None:
        return "differential_attention is of how many heads? give n_head as well"
    odd = next((n for n in (config.heads, config.full_n_head) if n is not None and n % 2), None)
    if odd is None:
        return ""
    return f"differential_attention halves the heads, which are {quoted(odd)}: give an even number"


def streams(config: Layered) -> str:
    """Complain of per-layer embeddings or residual streams that a block cannot have."""
    if config.per_layer_vocab is not None and config.per_layer_dim is None:
        return "per_layer_vocab is of per-layer embeddings: give per_layer_dim, such as 256"
    if config.altup_inputs == 1:
        return "altup_inputs is 1: give at least 2 residual streams, or leave it out"
    given = next((name for name in OF_STREAMS if config.given(name)), None)
    if not given:
        return ""
    if config.has_other_layers or config.parallel_residual:
        return f"{given} is of blocks of attention, then an MLP: leave out {given}"
    if config.norm_place != "both":
        return f"{given} is of blocks with norms before and after: give norm_place 'both'"
    return ""


def beside_experts(config: Layered) -> str:
    """Complain of an MLP beside experts, or a norm after them, that cannot be."""
    if config.norm_after_experts and config.n_expert is None:
        return "norm_after_experts is of a model with experts: give n_expert, such as 8"
    if not config.mlp_beside_experts:
        return ""
    if config.n_expert is None:
        return "mlp_beside_experts is of a model with experts: give n_expert, such as 8"
    others = ("n_inner_shared", "choice_bias", "expert_latent_dim", "norm_after_experts")
    given = next((name for name in others if config.given(name)), None)
    return f"mlp_beside_experts is given, beside {given}: leave out one of them" if given else ""


CHECKS = (full_layers, shared_keys, own_attention, streams, beside_experts)
"""The checks of this module: each returns what is wrong, or ``""``."""
