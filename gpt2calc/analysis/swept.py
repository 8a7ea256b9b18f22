"""A quantity of every config on a grid, as NumPy arrays or as columns of rows.

Arrays over the grid come from the module ``grid``; rows are computed in batches, so that a table of
any length streams.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt2calc.analysis.axes import (
    INT64_MAX,
    Array,
    values_at,
)
from gpt2calc.analysis.grid import LARGEST_GRID, on_grid, refuse_large_grid
from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.quantity.along import Measure
from gpt2calc.quantity.number import Config, Number
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.report.terminal import MANY_PARTS, progress_of

BATCH = 2**16
"""Rows computed at a time: enough for NumPy's speed, few enough to stay in the cache."""


@dataclass(frozen=True, eq=False, repr=False)
class Swept:
    """The numbers of a grid of configs, computed when they are asked for."""

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
