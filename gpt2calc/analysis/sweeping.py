"""Sweeps: a quantity of every config on a grid, and its rows in every format."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import prod
from operator import itemgetter
from typing import Any

from gpt2calc.analysis.axes import (
    INT64_MAX,
    as_axis,
    refuse_long_sequences,
    refuse_overflow,
)
from gpt2calc.analysis.grid_rules import refuse_impossible
from gpt2calc.analysis.swept import Swept
from gpt2calc.errors import UserError, some_of
from gpt2calc.metrics.parameters import more_than_active
from gpt2calc.model.fields.declared import numbers_of
from gpt2calc.model.fields.known import FIELDS_ARE_LISTED
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.result import csv_lines
from gpt2calc.report.table import Column, Table
from gpt2calc.units import RoundedNumber

MOST_ROWS = {"table": 10_000, "json": 1_000_000}
"""More rows than these are refused, with a way out; CSV is streamed and has no limit."""


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Swept, Listing):
    """A grid of configs. Arrays are computed when asked for, and have an axis for each axis given.

    ``sweep["mlp"]`` is an array like ``sweep.total``, and so is a column of the quantity, such as
    ``sweep.weights``; all are int64, in the quantity's unit. The rows of :meth:`columns`,
    :meth:`batches` and every printed format are only those within the bounds.
    """

    def csv_batches(self) -> Iterator[str]:
        """Yield the rows as comma-separated values, a heading first, then a text for each batch."""
        yield ",".join(self.headings) + "\n"
        for columns in self.batches():
            yield csv_lines(zip(*(column.tolist() for column in columns.values()), strict=True))

    def csv(self) -> str:
        return "".join(self.csv_batches()).rstrip("\n")

    def to_dict(self) -> dict[str, Any]:
        """Return an object for each row; amounts in the quantity's unit."""
        return {
            "config": {
                name: value
                for name, value in self.config.effective().items()
                if name not in self.varying
            },
            "axes": {name: axis.tolist() for name, axis in self.axes.items()},
            "at_least": self.at_least or None,
            "at_most": None if self.at_most == INT64_MAX else self.at_most,
            "rows": self.items(),
        }

    def items(self) -> list[dict[str, int]]:
        """Return a row for each config; :meth:`columns` is faster for many."""
        return self._rows(MOST_ROWS["json"])

    def fields(self) -> tuple[RowField, ...]:
        """Return the columns: values of the axes, sums and parts; tables have shares of groups."""
        split = self.quantity.columns_apart(self.config)
        read = {*self.spans, "total", *split[1:]}
        return (
            *(
                RowField(name, itemgetter(name), name if name in read else None, "count")
                for name in self.headings
            ),
            *(
                RowField(None, partial(_share, parts), name, "share")
                for name, parts in self.quantity.display.groups.items()
            ),
        )

    def summary(self) -> str:
        """Say what is swept over."""
        spans = (f"{name} {a.min():,} to {a.max():,}" for name, a in self.axes.items())
        return f"{self.size:,} configs over {', '.join(spans)}"

    def title(self) -> str:
        title: str = self.config.title(leaving_out=self.varying)
        return title

    def table(self) -> Table:
        """Return a row for each config: its values on the axes, its sums, the groups' shares."""
        rows = self._rows(MOST_ROWS["table"])
        table = self.table_of(rows, self.title())
        table = table.only_columns(
            {
                place
                for place, column in enumerate(table.columns)
                if not self._may_be_left_out(column) or any(row[place] for row in table.rows)
            }
        )
        some = (f"{len(rows):,} of {self.size:,} configs.",) if len(rows) < self.size else ()
        active = more_than_active(self.config, self.quantity)
        return table._replace(notes=(*some, *self._idle(rows), *active))

    def _may_be_left_out(self, column: Column) -> bool:
        """Tell whether a table leaves out a column in which no row has anything."""
        quantity = self.quantity
        return column.kind == "share" and (
            quantity.display.has_many_parts or column.heading in quantity.display.rare
        )

    def _idle(self, rows: list[dict[str, int]]) -> tuple[str, ...]:
        """Say which axes change nothing: rows that differ in one of them alone have one total."""
        if len(rows) < self.size:
            return ()
        idle = []
        for name in (name for name, span in self.spans.items() if len(span) > 1):
            others = [each for each in self.spans if each != name]
            totals: dict[tuple[int, ...], set[int]] = {}
            for row in rows:
                totals.setdefault(tuple(row[each] for each in others), set()).add(row["total"])
            if all(len(each) == 1 for each in totals.values()):
                idle.append(name)
        unit = self.quantity.unit
        return tuple(f"{name} changes no {unit} of this model." for name in idle)


def _share(parts: tuple[str, ...], row: dict[str, int]) -> float:
    return sum(row[part] for part in parts) / row["total"]


def sweep(
    config: Model | None = None,
    *,
    of: str | Quantity = "parameters",
    at_least: int | str | None = None,
    at_most: int | str | None = None,
    **axes: Iterable[int],
) -> Sweep:
    """Add up a quantity for every config of a grid.

    Args:
        config: what all configs share, or its name; GPT-2 small if left out. An ``n_head`` of its
            own is dropped where ``n_embd`` is an axis, unless a count depends on it.
        of: the quantity, or its name.
        at_least: rows have this much or more: 10**9, or text such as "1B".
        at_most: rows have this much or less.
        axes: the values of a field, for each field that varies: a range, a list or an array of
            positive integers, without repetition.

    Raises:
        UserError: an axis is empty, repeats a value, or has what is no positive integer; a count
            could exceed an int64 (the message names the axis and its largest safe value).

    """
    quantity = as_quantity(of)
    case = quantity.case(as_config(config))
    bounds = _bounds(at_least, at_most, quantity)
    if not axes:
        raise UserError(
            f"a sweep needs an axis: several values, such as 12,24,48, for one of "
            f"{some_of(numbers_of(case), FIELDS_ARE_LISTED)}"
        )
    spans = {name: as_axis(name, values, numbers_of(case)) for name, values in axes.items()}
    has_own_heads = case.has_own_heads or not {"n_kv_head", "head_dim"}.isdisjoint(spans)
    if "n_embd" in spans and not has_own_heads:
        case = case.evaluate_at(n_head=None)
    refuse_impossible(case, spans)
    refuse_overflow(case, spans, quantity)
    refuse_long_sequences(case, spans)
    if prod(len(span) for span in spans.values()) > INT64_MAX:
        raise UserError("the grid has more configs than can be numbered: give fewer values")
    return Sweep(case, spans, **bounds, quantity=quantity)


def _bounds(
    at_least: int | str | None, at_most: int | str | None, quantity: Quantity
) -> dict[str, int]:
    """Read the bounds that are given. Raises ``UserError`` for those that nothing can meet."""
    bounds = {
        name: RoundedNumber.of(bound, quantity.unit).value if isinstance(bound, str) else bound
        for name, bound in {"at_least": at_least, "at_most": at_most}.items()
        if bound is not None
    }
    if bounds.get("at_least", 0) > bounds.get("at_most", INT64_MAX):
        raise UserError(f"at_least is {at_least}, more than at_most allows: exchange them")
    return bounds
