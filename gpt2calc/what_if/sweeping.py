"""What happens over a whole range: counts of every config on a grid, as NumPy arrays.

Arrays over the grid come from the module ``grid``; rows are computed in batches, straight from the
list of tensors, so that a table of any length streams.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt2calc.architecture import SUBLAYERS, Number, Sublayer, tensors
from gpt2calc.config import GPT2Config
from gpt2calc.counting import Tally, checked_sublayer, tally
from gpt2calc.errors import UserError
from gpt2calc.figures import Figure
from gpt2calc.loading import Model, as_config
from gpt2calc.render import Result
from gpt2calc.tables import Column, Row, Table
from gpt2calc.what_if.axes import (
    LARGEST,
    NUMBERS,
    Array,
    as_axis,
    refuse_overflow,
    refuse_undivided_widths,
)
from gpt2calc.what_if.grid import on_grid

Tallies = dict[Sublayer, Tally]

BATCH = 2**16
"""Rows computed at a time: enough for NumPy's speed, few enough to stay in the cache."""
MOST_ROWS = {"table": 10_000, "json": 1_000_000}
"""More rows than these are refused, with a way out; CSV is streamed and has no limit."""


@dataclass(frozen=True, eq=False)
class Sweep(Result):
    """A grid of configs. Arrays are computed when asked for, and have an axis for each axis given.

    ``sweep["mlp"]`` is an array like ``sweep.total``; all counts are int64, in parameters. The rows
    of :meth:`columns`, :meth:`batches` and every printed format are only those within the bounds.
    """

    config: GPT2Config
    """What all configs share."""
    axes: dict[str, Array]
    at_least: int = 0
    """Rows have this many parameters at least."""
    at_most: int = LARGEST
    """Rows have this many parameters at most."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Values on each axis."""
        return tuple(len(axis) for axis in self.axes.values())

    @property
    def size(self) -> int:
        """Configs on the grid."""
        return prod(self.shape)

    @cached_property
    def total(self) -> Array:
        """Parameters of every config."""
        return self._on_grid(_total)

    @cached_property
    def weights(self) -> Array:
        """Weights of every config."""
        return self._on_grid(_weights)

    @cached_property
    def biases(self) -> Array:
        """Biases of every config."""
        return self._on_grid(_biases)

    def __getitem__(self, sublayer: str) -> Array:
        """Parameters of one sublayer in every config. Raises ``UserError`` for no such name."""
        known = checked_sublayer(sublayer)
        return self._on_grid(lambda parts: parts[known].total)

    def __iter__(self) -> Iterator[Sublayer]:
        return iter(SUBLAYERS)

    def __contains__(self, sublayer: object) -> bool:
        return sublayer in SUBLAYERS

    def share(self, sublayer: str) -> NDArray[np.float64]:
        """One sublayer's share of the total in every config, as a fraction."""
        return self[sublayer] / self.total

    def columns(self) -> dict[str, Array]:
        """The rows as flat columns, ready for ``pandas.DataFrame``: axes, sums, sublayers."""
        batches = list(self.batches())
        return {name: np.concatenate([each[name] for each in batches]) for name in self.headings}

    @property
    def headings(self) -> tuple[str, ...]:
        """Names of the columns."""
        return (*self.axes, "total", "weights", "biases", *SUBLAYERS)

    def batches(self) -> Iterator[dict[str, Array]]:
        """The rows as columns, by :data:`BATCH` points of the grid, the last axis fastest."""
        for start in range(0, self.size, BATCH):
            columns = self._columns_at(np.arange(start, min(start + BATCH, self.size)))
            within = (columns["total"] >= self.at_least) & (columns["total"] <= self.at_most)
            yield {name: column[within] for name, column in columns.items()}

    @property
    def batch_count(self) -> int:
        """Batches that :meth:`batches` yields."""
        return -(-self.size // BATCH)

    def csv_batches(self) -> Iterator[str]:
        """The rows as comma-separated values, a heading first, then a text for each batch."""
        yield ",".join(self.headings) + "\n"
        for columns in self.batches():
            out = io.StringIO()
            rows = zip(*(column.tolist() for column in columns.values()), strict=True)
            csv.writer(out, lineterminator="\n").writerows(rows)
            yield out.getvalue()

    def csv(self) -> str:
        return "".join(self.csv_batches()).rstrip("\n")

    def to_dict(self) -> dict[str, Any]:
        """One object a row; counts in parameters."""
        rows = self._rows(self.headings, MOST_ROWS["json"])
        return {
            "config": self.config.model_dump(),
            "axes": {name: axis.tolist() for name, axis in self.axes.items()},
            "at_least": self.at_least,
            "at_most": self.at_most,
            "rows": [dict(zip(self.headings, row, strict=True)) for row in rows],
        }

    def table(self) -> Table:
        """A row for each config: its place on the axes, its sums, the two largest shares."""
        words = self.config.in_words(leaving_out=self.varying)
        rows = self._rows((*self.axes, "total", "biases", "attention", "mlp"), MOST_ROWS["table"])
        return Table(
            title=f"GPT-2 with {words}" if words else "GPT-2",
            columns=(
                *(Column(name, "count") for name in self.axes),
                Column("total", "count"),
                Column("biases", "count"),
                Column("attention", "share"),
                Column("mlp", "share"),
            ),
            rows=tuple(
                (*places, total, biases, attention / total, mlp / total)
                for *places, total, biases, attention, mlp in rows
            ),
            notes=(f"{len(rows):,} of {self.size:,} configs.",) if len(rows) < self.size else (),
        )

    @property
    def varying(self) -> set[str]:
        """The fields that differ from row to row, on an axis or by their rule."""
        following = {"n_head"} if "n_embd" in self.axes else set()
        if "n_embd" in self.axes and self.config.n_inner is None:
            following.add("n_inner")
        return {*self.axes, *following}

    def refuse_more_rows_than(self, most: int) -> None:
        """Raise ``UserError`` if there are more rows within the bounds than ``most``."""
        found = 0
        for columns in self.batches():
            found += len(columns["total"])
            if found > most:
                raise UserError(
                    f"more than {most:,} rows are too many to print here: narrow the axes, or "
                    "write them with --format csv --out FILE"
                )

    def _rows(self, names: Iterable[str], most: int) -> list[Row]:
        self.refuse_more_rows_than(most)
        return [
            row
            for columns in self.batches()
            for row in zip(*(columns[name].tolist() for name in names), strict=True)
        ]

    def _columns_at(self, points: Array) -> dict[str, Array]:
        """All columns at some points of the grid, numbered along its last axis first."""
        places = np.unravel_index(points, self.shape)
        values = {
            name: axis[place] for (name, axis), place in zip(self.axes.items(), places, strict=True)
        }
        parts: Tallies = tally(tensors(self.config.evaluate_at(**values)))
        sums = {"total": _total(parts), "weights": _weights(parts), "biases": _biases(parts)}
        sublayers: dict[str, Number] = {name: part.total for name, part in parts.items()}
        columns: dict[str, Number] = {**values, **sums, **sublayers}
        return {name: np.broadcast_to(each, points.shape) for name, each in columns.items()}

    def _on_grid(self, chosen: Callable[[Tallies], Number]) -> Array:
        return on_grid(lambda config: chosen(tally(tensors(config))), self.config, self.axes)


def sweep(
    config: Model | None = None,
    *,
    at_least: int | str | None = None,
    at_most: int | str | None = None,
    **axes: Iterable[int],
) -> Sweep:
    """Count every config of a grid.

    Args:
        config: what all configs share, or its name; GPT-2 small if left out. An ``n_head`` of its
            own is dropped where ``n_embd`` is an axis: it never changes a count.
        at_least: rows have this many parameters or more: 10**9, or text such as "1B".
        at_most: rows have this many parameters or fewer.
        axes: the values of a field, for each field that varies: a range, a list or an array of
            positive integers, without repetition.

    Raises:
        UserError: an axis is empty, repeats a value, or has what is no positive integer; a count
            could exceed an int64 (the message names the axis and its largest safe value).

    """
    config = as_config(config)
    if not axes:
        raise UserError(
            f"a sweep needs an axis: several values, such as 12,24,48, for one of "
            f"{', '.join(NUMBERS)}"
        )
    arrays = {name: as_axis(name, values) for name, values in axes.items()}
    if "n_embd" in arrays:
        config = config.evaluate_at(n_head=None)
    refuse_overflow(config, arrays)
    refuse_undivided_widths(config, arrays)
    if prod(len(axis) for axis in arrays.values()) > LARGEST:
        raise UserError("the grid has more configs than can be numbered: give fewer values")
    bounds = {
        name: _parameters(bound)
        for name, bound in {"at_least": at_least, "at_most": at_most}.items()
        if bound is not None
    }
    if bounds.get("at_least", 0) > bounds.get("at_most", LARGEST):
        raise UserError(f"at_least is {at_least}, more than at_most allows: exchange them")
    return Sweep(config, arrays, **bounds)


def _parameters(bound: int | str) -> int:
    return Figure.parse(bound).value if isinstance(bound, str) else bound


def _total(parts: Tallies) -> Number:
    return sum(part.total for part in parts.values())


def _weights(parts: Tallies) -> Number:
    return sum(part.weights for part in parts.values())


def _biases(parts: Tallies) -> Number:
    return sum(part.biases for part in parts.values())
