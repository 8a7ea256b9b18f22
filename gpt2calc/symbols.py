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
    """The SymPy symbol that stands for a field; plain, so that ``subs("d", 768)`` finds it."""
    from sympy import Symbol

    return Symbol(LETTERS[field])


def letters_of(config: GPT2Config) -> dict[str, str]:
    """The letters that this model's formulas are written in: f only if ``n_inner`` is given."""
    return {name: letter for name, letter in LETTERS.items() if getattr(config, name) is not None}


def opened(config: GPT2Config, free: str | Collection[str]) -> tuple[GPT2Config, tuple[str, ...]]:
    """The config with an ``n_inner`` of its own if that is to be free, and the fields left open.

    Args:
        config: the model.
        free: fields by name or letter, one or several, or "all".

    Raises:
        UserError: a name is not that of a number that a formula has.

    """
    given = [free] if isinstance(free, str) else list(free)
    names = [_field(each) for each in given]
    if "all" in names:
        return config, tuple(letters_of(config))
    if "n_inner" in names and config.n_inner is None:
        config = config.replace(n_inner=config.mlp_width)
    return config, tuple(name for name in LETTERS if name in names)


def _field(name: str) -> str:
    """A field by its name, with hyphens or not, or by its letter; or "all"."""
    by_letter = {letter: field for field, letter in LETTERS.items()}
    field = by_letter.get(name.strip(), name.strip().replace("-", "_"))
    if field != "all" and field not in LETTERS:
        hint = did_you_mean(field, LETTERS) or f"; leave open {', '.join(LETTERS)}, or all"
        raise UserError(f"{quoted(name)} is in no formula, so it cannot be left open{hint}")
    return field


def plain(expression: Any) -> str:
    """A product such as ``3*d`` as it stands in a table: ``3d``."""
    return str(expression).replace("*", "")
