"""The cache of keys and values as a quantity: what is compared, swept, solved, explained."""

from collections.abc import Iterator
from dataclasses import dataclass

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.cache import cache_per_token, state_size
from gpt2calc.metrics.windows import fewer, full_layers
from gpt2calc.model.names import Names
from gpt2calc.model.terms import Term
from gpt2calc.quantity.assumptions import assumed
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.quantity import Config, Quantity
from gpt2calc.quantity.run import Run
from gpt2calc.units import format_binary_bytes, format_bytes

PARTS = ("keys", "values", "latents", "index", "states")
FULL, WINDOWED = " of full layers", " of windowed layers"
RARE = ("latents", "index", "states")
"""Parts that few models have."""


class CacheTerm(Term):
    """Keys or values of some layers: the bytes of a number, times their shape, times the layers."""

    __slots__ = ()

    def name(self, names: Names) -> str:
        """Return what it is, and of which layers where not all are alike."""
        del names
        return f"cache of {self.role}"

    @property
    def in_block(self) -> bool:
        """Every block has its own."""
        return True


def cache_case(model: object) -> Case:
    """Return a model with a run that serves it. Raises ``UserError`` if its class has no cache."""
    case = case_of(model)
    if not case.model.architecture.decoder.has_cache:
        raise UserError(f"{case.of_family.words}'s class has no cache of keys and values")
    return case.evaluate_at(training=False)


def _terms(case: Case) -> Iterator[Term]:
    tokens = case.kv_len
    size = ITEMSIZE[case.product_type]
    if case.model.is_latent:
        yield from _latent_terms(case, tokens, size)
        return
    for part in ("keys", "values") if case.model.has_attention else ():
        for layers, seen, words in _layers(case, tokens):
            heads = _of_a_token(case, part, is_full=words == FULL)
            shape: tuple[Number, ...] = (size, case.batch, seen, *heads)
            if words and isinstance(layers, int):
                shape, layers = (layers, *shape), 1
            yield CacheTerm(f"{part}{words}", part, "amount", shape, layers)
    yield from _state_terms(case, size)


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
    yield from _state_terms(case, size)


def _state_terms(case: Case, size: int) -> Iterator[Term]:
    """Yield what convolutions and recurrences keep, of layers without attention."""
    model = case.model
    if model.features_convolved and model.mixer_kernel:
        seen = (size, case.batch, model.features_convolved, model.mixer_kernel)
        yield CacheTerm("what convolutions see", "states", "amount", seen, model.other_mixers)
    if model.numbers_of_state:
        state = (state_size(case), case.batch, model.numbers_of_state)
        yield CacheTerm("states", "states", "amount", state, model.other_mixers)


def _of_a_token(case: Case, part: str, *, is_full: bool = False) -> tuple[Number, ...]:
    """Return the heads of keys and values, and the width of one of a part.

    Where no heads are known, the model's width is that of all.
    """
    model = case.model.in_full_layers() if is_full else case.model
    groups, heads = model.n_kv_head, case.heads
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
    kept = fewer(case, lambda each: each.kv_len, lambda each: each.window)
    yield windowed, kept, WINDOWED


def _notes(case: Config) -> tuple[str, ...]:
    del case
    return ("The first factor is the bytes of a number: 4 in float32, 2 in 16 bits.",)


def _holds(case: Config, free: tuple[str, ...]) -> tuple[str, ...]:
    """Say on which side of the window a formula holds, where it depends on it."""
    window, is_free = case.model.window, not {"seq", "cached", "window"}.isdisjoint(free)
    if window is None or not (is_free or not free):
        return ()
    side = "not longer" if case.kv_len <= window else "longer"
    return (f"It holds where a sequence is {side} than the window of {window:,} tokens.",)


CACHE = Quantity(
    name="cache",
    unit="bytes",
    terms=_terms,
    parts=PARTS,
    groups={part: (part,) for part in PARTS},
    verb="hold",
    notes_on_terms=_notes,
    case=cache_case,
    holds=_holds,
    example="16GB",
    rare=RARE,
    scale=(" kB", " MB", " GB", " TB", " PB"),
)


@dataclass(frozen=True, repr=False)
class Cache(Breakdown):
    """Bytes of keys and values of one model and its tokens."""

    quantity: Quantity = CACHE

    def notes(self) -> tuple[str, ...]:
        size = f"{format_bytes(self.total)}, {format_binary_bytes(self.total)}"
        token = cache_per_token(self.config)
        model = self.config.model
        window = "" if model.window is None else " until the windows are full"
        in_float32 = model.numbers_of_state and model.features_convolved
        states = ("States of recurrences are in float32, as in transformers.",)
        return (
            f"In all {size}: {token:,} bytes a token{window}.",
            *assumed(self.config, "cache"),
            *(states if in_float32 else ()),
        )


def cache(config: Model | None = None, run: Run | None = None) -> Cache:
    """Count the bytes of keys and values that a model keeps of its tokens.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: batch, sequence and dtype; one whole context, at most 8,192 tokens, if left out.

    Raises:
        UserError: the model's class has no cache, or nothing says how many heads it has.

    """
    case = cache_case(case_of(as_config(config), run))
    return Cache(case, CACHE.shares(CACHE.terms(case)))
