"""Layers with a window: how many there are, and how many tokens of a cache they see."""

from typing import NamedTuple

from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.quantity import NoFormulaError


class Seen(NamedTuple):
    """So many layers see so many tokens that are in the cache."""

    layers: Number
    tokens: Number


def full_layers(case: Case) -> Number:
    """Return how many layers see all tokens, for one depth or for an array of them."""
    depth: Number = case.n_layer
    if isinstance(depth, int) or hasattr(depth, "dtype"):
        return case.model.full_layers_among(depth)
    if case.origin is None or not hasattr(depth, "free_symbols"):
        raise NoFormulaError("layers take turns: their number is no formula")
    return case.model.full_layers_among(case.origin.n_layer)


def fewer(tokens: Number, window: Number, case: Case) -> Number:
    """Return the smaller of two numbers of tokens; of letters the one that is so here."""
    if hasattr(tokens, "dtype") or hasattr(window, "dtype"):
        import numpy as np

        return np.minimum(tokens, window)
    if any(hasattr(each, "free_symbols") for each in (tokens, window)):
        here = case.origin or case
        return tokens if here.kv_len <= here.window else window
    return min(tokens, window)


def seen_in_cache(case: Case, layers: Number, *, are_full: bool | None) -> tuple[Seen, ...]:
    """Return how many of the layers with attention see how many tokens of before.

    A layer with a window has one token less than the window in its cache, beside those that are
    run. Source: transformers, ``cache_utils.py``, ``DynamicSlidingWindowLayer``.

    Args:
        case: the model, and a run behind a cache.
        layers: how many have attention of one size.
        are_full: whether these are all without a window, or all with one; None for some of each.

    """
    past, model = case.past_len, case.model
    if model.window is None or not model.architecture.decoder.caches_windows:
        return (Seen(layers, past),)
    kept = fewer(past, model.window - 1, case)
    if are_full is not None or (isinstance(kept, int) and kept == past) or kept is past:
        return (Seen(layers, past if are_full else kept),)
    full = model.full_attentions if model.has_other_layers else full_layers(case)
    seen = Seen(full, past), Seen(layers - full, kept)
    return tuple(each for each in seen if not isinstance(each.layers, int) or each.layers > 0)
