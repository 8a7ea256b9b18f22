"""The config's fields as SymPy symbols, in the letters of the field's papers."""

from collections.abc import Collection, Iterable
from typing import Any

from gpt2calc.config import GPT2Config
from gpt2calc.errors import UserError, did_you_mean, quoted

LETTERS = {"n_layer": "L", "n_embd": "d", "vocab": "V", "n_ctx": "T", "n_inner": "f"}
"""The letter that stands for each number in a formula."""


def with_symbols(config: GPT2Config, fields: Iterable[str]) -> GPT2Config:
    """The config with some of its numbers left open, for ``architecture.tensors`` to read.

    An ``n_inner`` that follows ``4 * n_embd`` keeps following it.
    """
    return config.evaluate_at(
        **{field: symbol(field) for field in fields if getattr(config, field) is not None}
    )


def symbol(field: str) -> Any:
    """The SymPy symbol that stands for a field: a positive integer."""
    from sympy import Symbol

    return Symbol(LETTERS[field], integer=True, positive=True)


def letters_of(config: GPT2Config) -> dict[str, str]:
    """The letters that this model's formulas are written in: f only if ``n_inner`` is given."""
    return {name: letter for name, letter in LETTERS.items() if getattr(config, name) is not None}


def opened(config: GPT2Config, free: str | Collection[str]) -> tuple[GPT2Config, tuple[str, ...]]:
    """The config with an ``n_inner`` of its own if that is to be free, and the fields left open.

    Args:
        config: the model.
        free: names of fields, or one name, or "all".

    Raises:
        UserError: a name is not that of a number that a formula has.

    """
    names = [free] if isinstance(free, str) else list(free)
    if names == ["all"]:
        return config, tuple(letters_of(config))
    for name in names:
        if name not in LETTERS:
            hint = did_you_mean(name, LETTERS) or f"; leave open {', '.join(LETTERS)}, or all"
            raise UserError(f"{quoted(name)} is in no formula, so it cannot be left open{hint}")
    if "n_inner" in names and config.n_inner is None:
        config = config.replace(n_inner=config.mlp_width)
    return config, tuple(name for name in LETTERS if name in names)


def plain(expression: Any) -> str:
    """A product such as ``3*d`` as it stands in a table: ``3d``."""
    return str(expression).replace("*", "")
