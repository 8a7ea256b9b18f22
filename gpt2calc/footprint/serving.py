"""What inference holds: weights, the cache of keys and values, logits, and the largest tensor."""

from collections.abc import Iterator

from gpt2calc.architecture import forward
from gpt2calc.case import Case
from gpt2calc.footprint import state
from gpt2calc.footprint.keeping import Held, held_by
from gpt2calc.footprint.moments import Moment
from gpt2calc.kept import IN_16_BITS, Kept
from gpt2calc.model.terms import Term
from gpt2calc.number import Number


def serving(case: Case) -> Iterator[Moment]:
    """Yield for each product of a block what is there when its outcome is, beside all else.

    Flash attention never stores the outcome of its scores.
    """
    case = case.evaluate_at(causal=False)  # a tensor has room for the whole square
    for operation in forward(case.model):
        product = operation.multiplies(case)
        if product is None or operation.role == "head":
            continue
        if operation.role == "scores" and case.attention == "flash":
            continue
        heads = case.known_heads if operation.role == "scores" else 1
        times, m, _, n = product.sizes(heads)
        outcome = Kept("outcome", (times, m, n), case.product_type)
        name = f"the outcome of {case.names.inside(operation.role)}"
        made = _held(operation.role, "temporary", outcome)
        yield Moment(name, "forward", (*_standing(case), made))


def _standing(case: Case) -> Iterator[Term]:
    """Yield what is there all the time; under autocast matrices are there in 16 bits, too."""
    yield from state.weights(case)
    for operation in forward(case.model):
        copies = (one for one in held_by(operation, case) if one.kept.what == IN_16_BITS)
        yield from (one._replace(part="temporary").term for one in copies)
    yield cached(case)
    scores = (case.scored_tokens, case.vocab)
    yield _held("head", "logits", Kept("scores of all words", scores, case.product_type))


def cached(case: Case) -> Term:
    """Return the cache of keys and values of all tokens."""
    shape = (2, case.batch, case.cache + case.queries, case.kv_width)
    return _held("cache", "cache", Kept("keys and values", shape, case.product_type), case.n_layer)


def cache_per_token(case: Case) -> Number:
    """Return the bytes of keys and values that one token leaves in all blocks."""
    alone = case.evaluate_at(batch=1, seq=1, cached=None)
    return cached(alone).amount


def _held(role: str, part: str, kept: Kept, copies: Number = 1) -> Term:
    return Held(role, part, kept, copies).term
