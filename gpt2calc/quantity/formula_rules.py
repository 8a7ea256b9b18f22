"""What the formulas of a quantity need, where numbers of a config are left as letters."""

from collections.abc import Callable
from dataclasses import dataclass

from gpt2calc.quantity.number import Config


def _settled(config: Config) -> Config:
    return config.settled()


def _as_it_is(config: Config, _: tuple[str, ...]) -> Config:
    return config


def _everywhere(_: Config, __: tuple[str, ...]) -> tuple[str, ...]:
    return ()


def _no_notes(_: Config) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class FormulaRules:
    """What is fixed before a formula is made, where it holds, and what its reader must know."""

    settle: Callable[[Config], Config] = _settled
    """Fix what must stay as it is while numbers are left open: which sum is the largest."""
    generic: Callable[[Config, tuple[str, ...]], Config] = _as_it_is
    """Replace a value of 1 in a field that becomes a letter by a larger one: a dimension of 1 is
    broadcast, and its formula would hold for 1 alone."""
    holds: Callable[[Config, tuple[str, ...]], tuple[str, ...]] = _everywhere
    """Where the formulas of a settled config hold, with some fields left open, in sentences."""
    notes: Callable[[Config], tuple[str, ...]] = _no_notes
    """What a reader of its terms must know, in sentences."""
