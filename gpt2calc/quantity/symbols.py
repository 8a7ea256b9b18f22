"""The config's fields as SymPy symbols, named by the letters that papers use."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.declared import field_named, letters
from gpt2calc.quantity.along import fields_of, solvable_fields
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.run import Run

LETTERS = letters(ModelConfig, Run)
"""The letter that stands for each number in a formula."""


def with_symbols(config: Config, fields: Iterable[str]) -> Any:
    """Return a config with some of its numbers replaced by SymPy symbols.

    A field that follows its rule keeps following it. ``n_head`` stays a number where the width of a
    head follows that of the model, so that no formula divides by a letter. ``n_expert`` stays a
    number if it is 1: with more experts, two would be active by default.
    """
    there = [field for field in fields if getattr(config, field, None) is not None]
    stays = _without_letter(config)
    return config.evaluate_at(**{field: symbol(field) for field in there if field not in stays})


def _without_letter(config: Config) -> set[str]:
    """Return the numbers that stay numbers in the formulas of a config."""
    stays = {"n_head"} if config.spelled_out() is not config else set()
    if getattr(config, "n_expert", None) == 1 and config.n_expert_active is None:
        stays.add("n_expert")
    return stays


def symbol(field: str) -> Any:
    """Return the SymPy symbol of a field; plain, so that ``subs("d", 768)`` finds it."""
    from sympy import Symbol

    return Symbol(LETTERS[field])


def letters_of(config: Config, quantity: Quantity) -> dict[str, str]:
    """Return the letters that this model's formulas are written in, by field."""
    stays = _without_letter(config)
    return {name: LETTERS[name] for name in fields_of(quantity, config) if name not in stays}


def leave_open(
    config: Config, free: str | Collection[str], quantity: Quantity
) -> tuple[Any, tuple[str, ...]]:
    """Return a config with the rules of the fields to leave open filled in, and those fields.

    Args:
        config: the model.
        free: fields by name or letter, one or several, or "all". With the width alone, that of a
            head follows it.
        quantity: what the formulas are of.

    Raises:
        UserError: a name is not that of a number that a formula has.

    """
    words = [free] if isinstance(free, str) else list(free)
    spelled = config.spelled_out()
    if any(word.strip() == "all" for word in words):
        return spelled, fields_of(quantity, spelled)
    there = solvable_fields(quantity, spelled)
    names = [_checked(word, there) for word in words]
    follows = "n_embd" in names and not {"n_head", "head_dim"}.intersection(names)
    config = config if follows else spelled
    own = {name: config.value(name) for name in names if getattr(config, name) is None}
    return config.evaluate_at(**own) if own else config, tuple(n for n in there if n in names)


def fields_named(free: str | Collection[str]) -> tuple[str, ...]:
    """Return the fields that are to be left open, as far as they are known; all for "all"."""
    words = [free] if isinstance(free, str) else list(free)
    if any(word.strip() == "all" for word in words):
        return tuple(LETTERS)
    return tuple(name for word in words if (name := field_named(word, LETTERS, LETTERS)))


def _checked(word: str, there: Collection[str]) -> str:
    field = field_named(word, there, LETTERS)
    if field is None:
        near = did_you_mean(word.strip().replace("-", "_"), there)
        hint = near or f"; leave open {', '.join(there)}, or all"
        raise UserError(f"{quoted(word)} is in no formula, so it cannot be left open{hint}")
    return field


def plain(expression: Any) -> str:
    """Write a product such as ``3*d`` as it stands in a table: ``3d``."""
    return re.sub(r"\*\*2\b", "²", str(expression)).replace("**", "^").replace("*", "")
