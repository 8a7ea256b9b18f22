"""The cache of keys and values as a quantity: what is compared, swept, solved, explained."""

from dataclasses import dataclass

from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.cache import (
    cache_bytes,
    cache_of_next_token,
    cache_per_token,
    cache_terms,
)
from gpt2calc.metrics.windows import forgets
from gpt2calc.model.attention.falcon import copies_keys
from gpt2calc.model.builders.attention import heads_of
from gpt2calc.quantity.assumptions import assumed
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.display import SUFFIXES_OF_BYTES, Display
from gpt2calc.quantity.formula_rules import FormulaRules
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.run import Run
from gpt2calc.units import format_binary_bytes, format_bytes

PARTS = ("keys", "values", "latents", "index", "states")
RARE = ("latents", "index", "states")
"""Parts that few models have."""


def cache_case(model: object) -> Case:
    """Return a model with a run that serves it. Raises ``UserError`` if its class has no cache."""
    case = case_of(model)
    if not case.model.architecture.decoder.has_cache:
        raise UserError(f"{case.of_family.words}'s class has no cache of keys and values")
    return case.evaluate_at(training=False)


def _notes(case: Config) -> tuple[str, ...]:
    del case
    return ("The first factor is the bytes of a number: 4 in float32, 2 in 16 bits.",)


def _holds(case: Config, free: tuple[str, ...]) -> tuple[str, ...]:
    """Say on which side of the window a formula holds, where it depends on it."""
    window, is_free = case.model.window, not {"seq", "cached", "window"}.isdisjoint(free)
    if not forgets(case) or not (is_free or not free):
        return ()
    side = "not longer" if case.kv_len <= window else "longer"
    return (f"It holds where a sequence is {side} than the window of {window:,} tokens.",)


CACHE = Quantity(
    name="cache",
    unit="bytes",
    terms=cache_terms,
    parts=PARTS,
    case=cache_case,
    formulas=FormulaRules(notes=_notes, holds=_holds),
    display=Display(
        verb="hold",
        term="the {}",
        whole="the KV cache of {}",
        groups={part: (part,) for part in PARTS},
        rare=RARE,
        example="16GB",
        scale=SUFFIXES_OF_BYTES,
    ),
)


@dataclass(frozen=True, repr=False)
class Cache(Breakdown):
    """Bytes of the KV cache, states included, of one model run in one way."""

    quantity: Quantity = CACHE

    def notes(self) -> tuple[str, ...]:
        size = f"{format_bytes(self.total)}, {format_binary_bytes(self.total)}"
        token = cache_per_token(self.config)
        model = self.config.model
        later = cache_of_next_token(self.config) // self.config.batch
        window = f" until the windows are full, then {later:,}" if forgets(self.config) else ""
        in_float32 = model.numbers_of_state and model.features_convolved
        states = ("States of recurrences are in float32, as in transformers.",)
        return (
            f"In all {size}: {token:,} bytes a token{window}.",
            *assumed(self.config, "cache"),
            *(states if in_float32 else ()),
            *_copies_said(self.config),
        )


def _copies_said(case: Case) -> tuple[str, ...]:
    """Say what Falcon's class caches, which copies keys and values for the queries first."""
    model, heads = case.model, heads_of(case.model)
    architecture = model.architecture
    copies = copies_keys(heads, groups_qkv=architecture.groups_qkv) and heads.groups > 1
    if architecture.style != "falcon" or not copies:
        return ()
    held = cache_bytes(case.evaluate_at(n_kv_head=None, head_dim=model.head_width))
    copied = f"each key and value for the {heads.groups} queries that share it"
    return (f"Transformers' class copies {copied}, and caches the copies: {format_bytes(held)}.",)


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
