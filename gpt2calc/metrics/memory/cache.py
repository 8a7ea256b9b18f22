"""Bytes of the KV cache, and of the states of recurrences and convolutions."""

from collections.abc import Iterator

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.metrics.windows import fewer, forgets, full_layers
from gpt2calc.model.names import Names
from gpt2calc.model.terms import Term
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Number

FULL, WINDOWED = " of full layers", " of windowed layers"


class CacheTerm(Term):
    """Keys or values of some layers: the bytes of a number, times their shape, times the layers."""

    __slots__ = ()

    def name(self, names: Names) -> str:
        """Return what it is, and of which layers where not all are alike."""
        del names
        return f"cache of {self.role}"

    @property
    def in_block(self) -> bool:
        """Always true: every block has its own."""
        return True


def cache_bytes(case: Case) -> int:
    """Return the bytes of keys and values: of all tokens, in a windowed layer of the last ones."""
    return int(sum(term.amount for term in cache_terms(case)))


def cache_of_next_token(case: Case) -> int:
    """Return the bytes by which the cache grows with one more token of each sequence.

    In layers whose window is full, a token takes the place of the oldest one.
    """
    return int(cache_bytes(case.evaluate_at(seq=case.q_len + 1)) - cache_bytes(case))


def cache_per_token(case: Case) -> int:
    """Return the bytes of keys and values that a token leaves in all layers, before a window."""
    one = case.evaluate_at(batch=1, seq=1, cached=None)
    return cache_bytes(one) - state_bytes(one)


def state_bytes(case: Case, convolved: int | None = None, numbers: int | None = None) -> int:
    """Return the bytes of the states of recurrences and of convolutions.

    There are none where all that mixes tokens is attention.

    Args:
        case: the model, its batch and dtype.
        convolved: features of a layer's convolution; all that it has, if left out.
        numbers: in the states of a layer's recurrence, likewise.

    """
    return int(sum(term.amount for term in _state_terms(case, convolved, numbers)))


def cache_terms(case: Case) -> Iterator[Term]:
    """Yield what is kept of keys and values, and of states, in each kind of layer."""
    tokens, size = case.kv_len, ITEMSIZE[case.product_type]
    of_attention = _latent_terms if case.model.is_latent else _terms_of_keys
    yield from of_attention(case, tokens, size)
    yield from _state_terms(case)


def _terms_of_keys(case: Case, tokens: Number, size: int) -> Iterator[Term]:
    """Yield the keys and values of each head, of layers with a window and of those without."""
    for part in ("keys", "values") if case.model.has_attention else ():
        for layers, seen, words in _layers(case, tokens):
            heads = _of_a_token(case, part, is_full=words == FULL)
            shape: tuple[Number, ...] = (size, case.batch, seen, *heads)
            if words and isinstance(layers, int):
                shape, layers = (layers, *shape), 1
            yield CacheTerm(f"{part}{words}", part, "amount", shape, layers)


def _latent_terms(case: Case, tokens: Number, size: int) -> Iterator[Term]:
    """Yield what latent attention keeps: of the keys their rotary part, and that of an indexer."""
    model = case.model
    kept = {"latents": model.kv_lora_rank, "keys": model.qk_rope_head_dim}
    for part, width in kept.items():
        shape: tuple[Number, ...] = (size, case.batch, tokens, width)
        yield CacheTerm(part, part, "amount", shape, model.attentions)
    if model.index_head_dim is not None:
        shape = (size, case.batch, tokens, model.index_head_dim)
        yield CacheTerm("the indexers' keys", "index", "amount", shape, model.indexers)


def _state_terms(
    case: Case, convolved: int | None = None, numbers: int | None = None
) -> Iterator[Term]:
    """Yield what convolutions and recurrences keep, of layers without attention.

    The states of recurrences are in float32; those of lightning attention in the run's dtype.
    """
    model, size = case.model, ITEMSIZE[case.product_type]
    convolved = model.features_convolved if convolved is None else convolved
    numbers = model.numbers_of_state if numbers is None else numbers
    if model.mixer_kernel is not None:
        seen = (size, case.batch, convolved, model.mixer_kernel)
        yield CacheTerm("what convolutions see", "states", "amount", seen, model.other_mixers)
    if model.mixer_state_dim is not None:
        of_state = size if model.mixer == "lightning" else ITEMSIZE["float32"]
        state = (of_state, case.batch, numbers)
        yield CacheTerm("states", "states", "amount", state, model.other_mixers)


def _of_a_token(case: Case, part: str, *, is_full: bool = False) -> tuple[Number, ...]:
    """Return the heads of keys and values, and the width of one of a part.

    Where no heads are known, the model's width is that of all.
    """
    model = case.model.in_full_layers() if is_full else case.model
    groups, heads = model.n_kv_head, model.heads
    if groups is None and heads is None:
        return (case.n_embd,)
    width = model.head_width if part == "keys" else model.value_width
    return (heads if groups is None else groups, width)


def _layers(case: Case, tokens: Number) -> Iterator[tuple[Number, Number, str]]:
    """Yield how many layers keep how many tokens: a windowed one the last ones alone."""
    model, full = case.model, full_layers(case)
    if model.window is None:
        yield full - len(model.shared_kv_layers or ()), tokens, ""
        return
    yield full - model.sharing_layers(is_full=True), tokens, FULL
    windowed = model.attentions - full - model.sharing_layers(is_full=False)
    kept = tokens
    if forgets(case):
        kept = fewer(case, lambda each: each.kv_len, lambda each: each.window)
    yield windowed, kept, WINDOWED
