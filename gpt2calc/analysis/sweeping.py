"""Sweeps: a quantity of every config on a grid, as NumPy arrays or as rows.

Arrays over the grid come from the module ``grid``; rows are computed in batches, so that a table of
any length streams.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from math import prod
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt2calc.analysis.axes import (
    INT64_MAX,
    Array,
    as_axis,
    refuse_long_sequences,
    refuse_overflow,
    values_at,
)
from gpt2calc.analysis.grid import LARGEST_GRID, on_grid, refuse_large_grid
from gpt2calc.analysis.grid_rules import refuse_impossible
from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import PARAMETERS, more_than_active
from gpt2calc.model.fields.declared import numbers_of
from gpt2calc.quantity.along import Measure
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.quantity import Config, Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.result import csv_lines
from gpt2calc.report.table import Column, Table
from gpt2calc.report.terminal import MANY_PARTS, progress_of
from gpt2calc.units import RoundedNumber

BATCH = 2**16
"""Rows computed at a time: enough for NumPy's speed, few enough to stay in the cache."""
MOST_ROWS = {"table": 10_000, "json": 1_000_000}
"""More rows than these are refused, with a way out; CSV is streamed and has no limit."""


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(Listing):
    """A grid of configs. Arrays are computed when asked for, and have an axis for each axis given.

    ``sweep["mlp"]`` is an array like ``sweep.total``, and so is a column of the quantity, such as
    ``sweep.weights``; all are int64, in the quantity's unit. The rows of :meth:`columns`,
    :meth:`batches` and every printed format are only those within the bounds.
    """

    config: Config
    """What all configs share."""
    spans: dict[str, Array | range]
    """The values of each axis; a range stays one, however long."""
    at_least: int = 0
    """Rows have this much of the quantity at least."""
    at_most: int = INT64_MAX
    """Rows have this much of the quantity at most."""
    quantity: Quantity = PARAMETERS

    @cached_property
    def axes(self) -> dict[str, Array]:
        """The values of each axis as an array."""
        return {name: np.asarray(span, np.int64) for name, span in self.spans.items()}

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values on each axis."""
        return tuple(len(span) for span in self.spans.values())

    @property
    def size(self) -> int:
        """The number of configs on the grid, within the bounds or not."""
        return prod(self.shape)

    @cached_property
    def total(self) -> Array:
        """The quantity of every config."""
        return self._evaluated(self.quantity.total, lambda sums: sum(sums.values()))

    def __getattr__(self, column: str) -> Array:
        if "quantity" not in self.__dict__ or column not in self.quantity.columns:
            raise AttributeError(f"a sweep has no attribute {column!r}")
        return self._sum_of(lambda sums: sum(getattr(part, column) for part in sums.values()))

    def __getitem__(self, sublayer: str) -> Array:
        """Return one sublayer of every config. Raises ``UserError`` for no such name."""
        known = self.quantity.checked_part(sublayer)
        return self._sum_of(lambda sums: sums[known].total)

    def __iter__(self) -> Iterator[str]:
        return iter(self.quantity.parts)

    def __contains__(self, sublayer: object) -> bool:
        return sublayer in self.quantity.parts

    def share(self, sublayer: str) -> NDArray[np.float64]:
        """Return one sublayer's share of the total in every config, as a fraction."""
        return self[sublayer] / self.total

    def columns(self) -> dict[str, Array]:
        """Return flat columns, ready for ``pandas.DataFrame``: axes, sums, sublayers."""
        batches = list(self.batches())
        return {name: np.concatenate([each[name] for each in batches]) for name in self.headings}

    @property
    def headings(self) -> tuple[str, ...]:
        """Names of the columns."""
        split = self.quantity.columns_apart(self.config)
        return (*self.spans, "total", *split, *self.quantity.parts)

    def batches(self) -> Iterator[dict[str, Array]]:
        """Yield the rows as columns, :data:`BATCH` points at a time, the last axis fastest."""
        for start in range(0, self.size, BATCH):
            columns = self._columns_at(np.arange(start, min(start + BATCH, self.size)))
            within = (columns["total"] >= self.at_least) & (columns["total"] <= self.at_most)
            yield {name: column[within] for name, column in columns.items()}

    @property
    def batch_count(self) -> int:
        """The number of batches that :meth:`batches` yields."""
        return -(-self.size // BATCH)

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
                for name, parts in self.quantity.groups.items()
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
            quantity.has_many_parts or column.heading in quantity.rare
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

    @property
    def varying(self) -> set[str]:
        """The fields that differ from row to row, on an axis or by their rule."""
        return {*self.spans, *self.config.following(self.spans)}

    def refuse_more_rows_than(self, most: int) -> None:
        """Raise ``UserError`` if there are more rows within the bounds than ``most``."""
        if self.size > most:
            for _ in self._batches_of_few(most):
                pass

    def _batches_of_few(self, most: int) -> Iterator[dict[str, Array]]:
        """Yield the batches. Raises ``UserError`` once there are more rows than ``most``."""
        if self.size > max(LARGEST_GRID, most):
            raise UserError(
                f"the grid has {self.size:,} configs, more than the {LARGEST_GRID:,} that are "
                "looked through for a table: give fewer values, or write them with --format csv "
                "--out FILE"
            )
        found = 0
        for columns in self.batches():
            found += len(columns["total"])
            if found > most:
                raise UserError(
                    f"more than {most:,} rows are too many to print here: narrow the axes, or "
                    "write them with --format csv --out FILE"
                )
            yield columns

    def _rows(self, most: int) -> list[dict[str, int]]:
        return [
            dict(zip(self.headings, row, strict=True))
            for columns in self._batches_of_few(most)
            for row in zip(*(columns[name].tolist() for name in self.headings), strict=True)
        ]

    def _columns_at(self, points: Array) -> dict[str, Array]:
        """Compute all columns at some points of the grid, numbered along its last axis first."""
        places = np.unravel_index(points, self.shape)
        values = {
            name: values_at(span, place)
            for (name, span), place in zip(self.spans.items(), places, strict=True)
        }
        sums = self._sums_at(values)
        totals: dict[str, Number] = {part: tally.total for part, tally in sums.items()}
        split: dict[str, Number] = {
            column: sum(getattr(tally, column) for tally in sums.values())
            for column in self.quantity.columns
        }
        columns: dict[str, Number] = {**values, "total": sum(totals.values()), **split, **totals}
        return {name: np.broadcast_to(columns[name], points.shape) for name in self.headings}

    def _sums_at(self, values: dict[str, Array]) -> dict[str, Any]:
        """Return the sums of some points, a tally of arrays for each part."""
        quantity = self.quantity
        if quantity.at_points is None:
            return quantity.of(self.config.evaluate_at(**values))
        points = len(next(iter(values.values()))) if self.batch_count < MANY_PARTS else 0
        with progress_of(points) as report:
            amounts = quantity.at_points(self.config, values, quantity.parts, report)
        return {part: quantity.tally(amount) for part, amount in amounts.items()}

    def _sum_of(self, chosen: Callable[[dict[str, Any]], Number]) -> Array:
        tally = self.quantity.tally
        return self._evaluated(
            lambda config: chosen(self.quantity.of(config)),
            lambda sums: chosen({part: tally(amount) for part, amount in sums.items()}),
        )

    def _evaluated(self, measure: Measure, of_parts: Callable[[dict[str, Array]], Number]) -> Array:
        """Evaluate one number of every config; ``of_parts`` takes it from the parts' amounts."""
        at_points = self.quantity.at_points
        if at_points is None:
            return on_grid(measure, self.config, self.axes)
        refuse_large_grid(self.shape)
        spread = np.meshgrid(*self.axes.values(), indexing="ij")
        columns = {name: each.ravel() for name, each in zip(self.axes, spread, strict=True)}
        with progress_of(self.size) as report:
            sums = at_points(self.config, columns, self.quantity.parts, report)
        return np.asarray(of_parts(sums)).reshape(self.shape)


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
            f"{', '.join(numbers_of(case))}"
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
