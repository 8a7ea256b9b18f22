"""Checks of attention: heads, latents, indexers, gates. Each returns what is wrong, or ``""``."""

from gpt2calc.errors import quoted
from gpt2calc.model.checks.layers import beyond
from gpt2calc.model.fields.layers import Layered
from gpt2calc.model.fields.sizes import HEAD_WIDTH

OF_INDEXERS = ("index_n_heads", "index_head_dim", "indexer_layers")
"""The fields of DeepSeek's sparse attention."""


def check_heads(config: Layered) -> str:
    """Complain of heads that do not divide the width of the model."""
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


def check_kv_heads(config: Layered) -> str:
    """Complain of heads of keys and values that query heads cannot share evenly."""
    needing = {"n_kv_head": config.n_kv_head, "qk_norm": config.has_scaled_qk_norm or None}
    for name, value in needing.items():
        if value is not None and config.heads is None:
            return (
                f"{name} is {quoted(getattr(config, name))}, which needs heads, and n_embd "
                f"{quoted(config.n_embd)} is no multiple of {HEAD_WIDTH}: give n_head as well"
            )
    if not config.n_kv_head or not config.heads or config.heads % config.n_kv_head == 0:
        return ""
    return (
        f"n_kv_head is {quoted(config.n_kv_head)}: it must divide n_head, which is "
        f"{quoted(config.heads)}, so that each KV head has the same number of query heads"
    )


def check_latent(config: Layered) -> str:
    """Complain of latent attention (MLA) without its sizes, or beside what it cannot have."""
    of_latent = ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
    if config.kv_lora_rank is None:
        others = (*of_latent[:2], "q_lora_rank", *OF_INDEXERS)
        given = next((name for name in others if getattr(config, name) is not None), None)
        words = f"{given} needs latent attention (MLA): give kv_lora_rank, such as 512"
        return words if given else ""
    missing = next((name for name in of_latent if getattr(config, name) is None), None)
    if missing:
        return f"{missing} is missing: latent attention, by kv_lora_rank, needs it; give {missing}"
    if config.heads is None:
        return "n_head is missing: latent attention needs it; give n_head, such as 128"
    for name in ("n_kv_head", "head_dim", "window"):
        if getattr(config, name) is not None:
            return f"{name} does not go with latent attention: leave out {name} or kv_lora_rank"
    if config.qk_norm != "none" or config.attention_sinks:
        name = "attention_sinks" if config.attention_sinks else "qk_norm"
        return f"{name} does not go with latent attention: leave out {name} or kv_lora_rank"
    return check_indexers(config)


def check_indexers(config: Layered) -> str:
    """Complain of an indexer without its sizes, or in layers that there are not."""
    given = [name for name in OF_INDEXERS if getattr(config, name) is not None]
    if given and config.index_n_heads is None:
        return f"{given[0]} needs an indexer: give index_n_heads, such as 64"
    if given and (config.q_lora_rank is None or config.index_head_dim is None):
        return "an indexer has index_head_dim, and is made of q_lora_rank: give both"
    return beyond("indexer_layers", config.indexer_layers, config.n_layer)


def check_gates(config: Layered) -> str:
    """Complain of gates, widths of values and norms of attention that do not go together."""
    if config.v_head_dim is not None and not config.is_latent:
        if not config.has_attention:
            return "v_head_dim needs attention, which no layer has: leave it out"
        if config.attention_gate:
            return "v_head_dim is given, beside attention_gate: leave out one of them"
        if config.heads is None:
            return "v_head_dim needs n_head: give n_head as well"
    if config.attention_gate and config.is_latent:
        return "attention_gate does not go with latent attention: leave out one of them"
    if config.attention_gate and config.qk_norm in ("heads", "width"):
        return "attention_gate cuts queries by head: give qk_norm 'head', or leave out one of them"
    if config.separate_gate and not config.attention_gate:
        return "separate_gate needs attention_gate: give both"
    if config.gate_per_head and not config.separate_gate:
        return "gate_per_head needs separate_gate: give both"
    if config.sub_norms and (config.is_latent or config.mlp_layers == ()):
        return (
            "sub_norms does not go with latent attention, nor with a model without MLPs: leave it "
            "out"
        )
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
        return "differential_attention needs n_head: give n_head as well"
    odd = next((n for n in (config.heads, config.full_n_head) if n is not None and n % 2), None)
    if odd is None:
        return ""
    return f"differential_attention halves the heads, which are {quoted(odd)}: give an even number"
