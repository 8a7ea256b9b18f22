"""Which fields of layers that differ make sense: heads of full layers, keys of earlier ones."""

from gpt2calc.errors import quoted
from gpt2calc.model.derived import Derived

OF_FULL_LAYERS = ("full_head_dim", "full_n_head", "full_n_kv_head", "full_values_are_keys")


OF_STREAMS = ("altup_inputs", "laurel_rank")


def beyond(name: str, layers: tuple[int, ...] | None, depth: int) -> str:
    """Complain of a layer that a list has and a model has not."""
    unknown = [layer for layer in layers or () if layer >= depth]
    if not unknown:
        return ""
    return (
        f"{name} has {quoted(unknown[0])}: layers are numbered from 0, and the last of "
        f"{quoted(depth)} is {quoted(depth - 1)}"
    )


def full_layers(config: Derived) -> str:
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


def shared_keys(config: Derived) -> str:
    """Complain of layers that cannot take the keys and values of an earlier one."""
    listed = config.shared_kv_layers
    if config.v_head_dim is not None and not config.is_latent:
        if config.attention_gate or not config.has_attention:
            return "v_head_dim is of attention that no gate follows: leave out one of them"
        if config.heads is None:
            return "v_head_dim is the width of how many heads? give n_head as well"
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


def per_layer(config: Derived) -> str:
    """Complain of what is of per-layer embeddings, streams or experts, where there are none."""
    if config.per_layer_vocab is not None and config.per_layer_dim is None:
        return "per_layer_vocab is of per-layer embeddings: give per_layer_dim, such as 256"
    if config.altup_inputs == 1:
        return "altup_inputs is 1: give at least 2 residual streams, or leave it out"
    given = next((name for name in OF_STREAMS if config.given(name)), None)
    if given and (config.norm_place != "both" or config.has_other_layers):
        return f"{given} is of blocks with norms before and after: give norm_place 'both'"
    if config.separate_gate and not config.attention_gate:
        return "separate_gate is of attention_gate: give both"
    if config.differential_attention and (
        config.is_latent or config.shared_kv_layers or config.full_values_are_keys
    ):
        return "differential_attention is of heads with keys of their own: leave out one of them"
    if config.differential_attention and config.heads is None:
        return "differential_attention is of how many heads? give n_head as well"
    if config.gate_per_head and not config.separate_gate:
        return "gate_per_head is of separate_gate: give both"
    if config.norm_after_experts and (config.n_expert is None or config.mlp_beside_experts):
        return (
            "norm_after_experts is of a model with experts, and no MLP beside them: give n_expert"
        )
    if config.sub_norms and (config.is_latent or config.mlp_layers == ()):
        return "sub_norms is not of latent attention, nor of a model without MLPs: leave it out"
    if not config.mlp_beside_experts:
        return ""
    if config.n_expert is None:
        return "mlp_beside_experts is of a model with experts: give n_expert, such as 8"
    others = ("n_inner_shared", "choice_bias", "expert_latent_dim")
    given = next((name for name in others if config.given(name)), None)
    return f"mlp_beside_experts is given, beside {given}: leave out one of them" if given else ""
