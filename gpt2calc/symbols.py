"""The config's fields as SymPy symbols, in the letters of the field's papers."""

from collections.abc import Iterable
from typing import Any

from gpt2calc.config import GPT2Config

LETTERS = {"n_layer": "L", "n_embd": "d", "vocab": "V", "n_ctx": "T", "n_inner": "f"}
"""The letter that stands for each number in a formula."""


def with_symbols(config: GPT2Config, fields: Iterable[str]) -> GPT2Config:
    """The config with some of its numbers left open, for ``architecture.tensors`` to read.

    An ``n_inner`` that follows ``4 * n_embd`` keeps following it.
    """
    from sympy import Symbol

    return config.evaluate_at(
        **{
            field: Symbol(LETTERS[field], integer=True, positive=True)
            for field in fields
            if getattr(config, field) is not None
        }
    )


def plain(expression: Any) -> str:
    """A product such as ``3*d`` as it stands in a table: ``3d``."""
    return str(expression).replace("*", "")
