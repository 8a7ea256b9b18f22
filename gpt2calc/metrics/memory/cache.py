"""The cache of keys and values: what a run needs to go on, byte for byte."""

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.quantity.case import Case


def cache_bytes(case: Case, tokens: int | None = None) -> int:
    """Return the bytes of keys and values: of all tokens, in a windowed layer of the last ones.

    Args:
        case: the model, its batch and dtype.
        tokens: of a sequence; those that are cached and run, if left out.

    """
    tokens = case.past_len + case.q_len if tokens is None else tokens
    model = case.model
    if model.is_latent:
        return _latent_bytes(case, tokens)
    entry = 2 * case.batch * model.kv_width * ITEMSIZE[case.product_type]
    if model.mixer != "attention":
        return int(entry * tokens * model.attentions + state_bytes(case))
    if model.window is None or tokens <= model.window:
        return int(entry * tokens * model.n_layer)
    full = model.full_layers_among(model.n_layer)
    return int(entry * (full * tokens + (model.n_layer - full) * model.window))


def _latent_bytes(case: Case, tokens: int) -> int:
    """Return the bytes of latents, of the keys' rotary part and of the indexers' keys."""
    model = case.model
    assert model.kv_lora_rank is not None
    assert model.qk_rope_head_dim is not None
    numbers = model.n_layer * (model.kv_lora_rank + model.qk_rope_head_dim)
    numbers += model.indexers * (model.index_head_dim or 0)
    return int(case.batch * tokens * numbers * ITEMSIZE[case.product_type])


def state_bytes(case: Case) -> int:
    """Return the bytes of the states of recurrences, in float32, and of convolutions."""
    model, layers = case.model, case.model.n_layer - case.model.attentions
    kept = model.features_convolved * (model.mixer_kernel or 0) * ITEMSIZE[case.product_type]
    return int(case.batch * layers * (kept + model.numbers_of_state * ITEMSIZE["float32"]))


def cache_per_token(case: Case) -> int:
    """Return the bytes of keys and values that a token leaves in all layers, before a window."""
    one = case.evaluate_at(batch=1, seq=1, cached=None)
    return cache_bytes(one) - (state_bytes(one) if case.model.mixer != "attention" else 0)
