"""A quantity is a sum over the operations of a forward pass: parameters, FLOPs or bytes.

What compares, sweeps, solves, explains or draws takes a :class:`Quantity`; a new one is a new value
of this type.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.model.kinds import LayerKind
from gpt2calc.model.terms import Term, make
from gpt2calc.quantity.display import Display
from gpt2calc.quantity.formula_rules import FormulaRules
from gpt2calc.quantity.number import Config, Number

AtPoints = Callable[
    [Config, Mapping[str, Any], tuple[str, ...], Callable[[int], None]], dict[str, Any]
]


def model_of(config: Config) -> Any:
    """Return the model of a case; a model's config is returned as it is."""
    return getattr(config, "model", config)


def _no_kinds(_: Config) -> "list[OfKind]":
    return []


class NoFormulaError(TypeError):
    """A quantity has no formula in the field that was asked for."""


class OfKind(NamedTuple):
    """What the layers of one kind contribute to a sum."""

    kind: LayerKind
    layers: Number
    """How many there are."""
    terms: Sequence[Term]
    """Those of one layer."""


class Single(NamedTuple):
    """What one part of a model has, in a quantity with a single column."""

    amount: Number = 0

    @property
    def total(self) -> Number:
        """The amount: there is no other column."""
        return self.amount


class Share(NamedTuple):
    """What one part of a model has, and the fraction of the total that this is."""

    amount: int
    total: int
    share: float


@dataclass(frozen=True)
class Quantity:
    """A sum over operations: its name, its unit, its terms and the rows of its tables."""

    name: str
    """What ``of`` calls it, and what it is called in sentences: ``"parameters"``."""
    unit: str
    """The unit of its numbers in words: ``"parameters"``, ``"FLOPs"``, ``"bytes"``."""
    terms: Callable[[Config], Iterable[Term]]
    """What the operations contribute, in the arithmetic of the config's fields."""
    parts: tuple[str, ...]
    """The rows of its tables; each term belongs to one."""
    by_kind: Callable[[Config], list[OfKind]] = _no_kinds
    """What each kind of layer contributes, where it is known apart."""
    tally: type[Any] = Single
    """A named tuple with a sum for each column of its tables, and their ``total``."""
    part: type[Any] = Share
    """A named tuple of a tally's columns, its ``total`` and its ``share`` of the model's total."""
    case: Callable[[Any], Config] = model_of
    """Turns a config into what ``terms`` reads: the model's config alone, or a :class:`Case`, which
    is a model with its run."""
    alternatives: Callable[[Config], list[Number]] | None = None
    """For a quantity that is a maximum, such as peak memory: returns all candidate totals.
    ``total`` is the largest, and ``terms`` are of that one."""
    at_points: AtPoints | None = None
    """Evaluates each part at several points, where the terms of a config whose fields are arrays
    cannot be added up. It is given a config, an array of values for each field, the names of the
    parts, and a callback for the number of points that are done."""
    formulas: FormulaRules = field(default_factory=FormulaRules)
    """What its formulas in letters need."""
    display: Display = field(default_factory=Display)
    """How it is written in tables, pictures and sentences."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its tables; each term belongs to one."""
        return self.tally._fields  # type: ignore[no-any-return]

    def columns_apart(self, config: Config) -> tuple[str, ...]:
        """Return the columns that stand beside the total; none where there is only one."""
        if self.display.apart is not None:
            return self.display.apart(config)
        return self.columns if len(self.columns) > 1 else ()

    def rows(self, terms: Iterable[Term]) -> dict[str, dict[str, Number]]:
        """Add terms up by part and column, in any arithmetic; every part is there."""
        empty: dict[str, Number] = dict.fromkeys(self.columns, 0)
        rows = {part: empty.copy() for part in self.parts}
        for _, part, column, shape, copies in terms:
            row = rows[part]
            row[column] = row[column] + prod(shape) * copies  # += would write into arrays
        return rows

    def sums(self, terms: Iterable[Term]) -> dict[str, Any]:
        """Add up terms into a tally for each part."""
        return {part: self.tally(*row.values()) for part, row in self.rows(terms).items()}

    def of(self, config: Config) -> dict[str, Any]:
        """Return the sums of one config; of a grid of them, where its fields are arrays."""
        return self.sums(self.terms(config))

    def total(self, config: Config) -> Number:
        """Return everything added up, in the arithmetic of the config's fields."""
        if self.alternatives is None:
            return sum([term.amount for term in self.terms(config)])
        return max(self.alternatives(config))

    def per_block(self, config: Config) -> Number:
        """Return what one more block adds to a settled config, all else as it is."""
        more = config.evaluate_at(n_layer=config.n_layer + 1)
        return self.total(more) - self.total(config)

    def shares(self, terms: Iterable[Term]) -> tuple[Any, ...]:
        """Add terms up to the parts of one model, with their shares of its total."""
        return self.with_shares({part: [*row.values()] for part, row in self.rows(terms).items()})

    def with_shares(self, rows: Mapping[str, list[int]], of: int | None = None) -> tuple[Any, ...]:
        """Return the parts of one model, given a number for each of their columns.

        Their shares are of a total, or of their sum.
        """
        totals = [sum(row) for row in rows.values()]
        whole, part = (sum(totals) if of is None else of) or 1, self.part
        pairs = zip(rows.values(), totals, strict=True)
        return tuple([make(part, (*row, total, total / whole)) for row, total in pairs])

    def checked_part(self, name: object) -> str:
        """Return the name of a part. Raises ``UserError`` if no part is called that."""
        if name in self.parts:
            return str(name)
        hint = did_you_mean(str(name), self.parts) or f"; they are {', '.join(self.parts)}"
        raise UserError(f"no part is called {quoted(name)}{hint}")
