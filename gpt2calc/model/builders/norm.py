"""Builds norms from a config: of the model's whole width, of queries and of keys."""

from gpt2calc.errors import UserError
from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.model.part import Leaf


def norm(config: ModelConfig, role: str) -> Leaf:
    """Return a norm over the model's whole width."""
    return norm_over(config, role, (config.n_embd,))


def norm_over(config: ModelConfig, role: str, shape: tuple[int, ...]) -> Leaf:
    """Return a norm whose scale has the shape given."""
    shift, architecture = config.biased("norm_bias"), config.architecture
    if config.norm == "layer":
        return architecture.layer_norm(role, shape, shift)
    if config.norm == "rms":
        return architecture.rms_norm(role, shape, shift)
    return architecture.parameter_free_norm(role)


def qk_norms(config: ModelConfig, heads: Heads) -> tuple[Leaf, ...]:
    """Return the norms of queries and of keys, by ``qk_norm``: ``()`` for none.

    The scale is one for every head, one a head (``"heads"``), or one over all heads (``"width"``).

    Raises:
        UserError: each head is normed, and nothing says how wide it is.

    """
    if config.qk_norm == "none":
        return ()
    if config.norm == "none":
        return norm(config, "query_norm"), norm(config, "key_norm")
    width = config.head_width
    if width is None:
        raise UserError(
            f"n_embd {config.n_embd} is no multiple of {HEAD_WIDTH}, a head's usual width, and "
            "queries are normed head by head: give n_head"
        )
    if config.qk_norm == "heads":
        per_head = config.architecture.norm_per_head
        return (
            per_head("query_norm", (heads.query, width)),
            per_head("key_norm", (heads.kv, width)),
        )
    query = key = width
    if config.qk_norm == "width":
        query, key = heads.query_width, heads.kv_width
    return norm_over(config, "query_norm", (query,)), norm_over(config, "key_norm", (key,))
