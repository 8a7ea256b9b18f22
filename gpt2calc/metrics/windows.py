"""Layers with a window: how many there are, and how many tokens of a cache they see."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.quantity import NoFormulaError
from gpt2calc.tape.numeric import is_numeric, is_symbolic, smaller

Reading: TypeAlias = Callable[[Case], Number]
"""Reads a number of a case, such as its cached tokens or its window."""


class Seen(NamedTuple):
    """A number of layers, and how many cached tokens each of them sees."""

    layers: Number
    tokens: Number


def full_layers(case: Case) -> Number:
    """Return how many layers see all tokens, for one depth or for an array of them.

    Raises:
        NoFormulaError: the depth is a polynomial, and not all layers see all tokens.

    """
    depth: Number = case.n_layer
    if is_numeric(depth):
        return case.model.full_attentions
    if case.model.window is None and case.model.attends_everywhere and not case.model.mlp_layers:
        return depth
    if case.origin is None or not is_symbolic(depth):
        raise NoFormulaError("layers take turns: their number is no formula")
    return case.origin.model.full_attentions


def fewer(case: Case, one: Reading, other: Reading) -> Number:
    """Return the smaller of two numbers of a case; of formulas, the smaller at its origin."""
    first, second = one(case), other(case)
    if is_symbolic(first) or is_symbolic(second):
        here = case.origin or case
        return first if one(here) <= other(here) else second
    return smaller(first, second)


def seen_in_cache(case: Case, layers: Number, *, are_full: bool | None) -> tuple[Seen, ...]:
    """Return how many cached tokens layers with attention see, and how many layers do.

    A layer with a window has one token less than the window in its cache, beside those that are
    run. Source: transformers, ``cache_utils.py``, ``DynamicSlidingWindowLayer``.

    Args:
        case: the model, and a run behind a cache.
        layers: how many have attention of one size.
        are_full: whether these are all without a window, or all with one; None for some of each.

    """
    past = case.past_len
    if not forgets(case):
        return (Seen(layers, past),)
    kept = fewer(case, lambda each: each.past_len, lambda each: each.window - 1)
    # Of formulas, ``fewer`` returns one of the two itself.
    if are_full is not None or (isinstance(kept, int) and kept == past) or kept is past:
        return (Seen(layers, past if are_full else kept),)
    full = full_layers(case)
    seen = Seen(full, past), Seen(layers - full, kept)
    return tuple(each for each in seen if not isinstance(each.layers, int) or each.layers > 0)


def holds_behind_a_cache(case: Case, free: tuple[str, ...]) -> tuple[str, ...]:
    """Say on which side of the window a formula of a run behind a cache holds.

    Args:
        case: the model and its run.
        free: the fields that are left open; none for all.

    """
    if case.run.cached is None or not forgets(case) or (free and "cached" not in free):
        return ()
    window, side = case.model.window, "fewer" if case.past_len < case.model.window else "no fewer"
    return (f"It holds where the cache has {side} tokens than the window of {window:,}.",)


def forgets(case: Case) -> bool:
    """Tell whether the cache of some layers keeps only the tokens of a window."""
    return case.model.window is not None and case.model.architecture.decoder.caches_windows
