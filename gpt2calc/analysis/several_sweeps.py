"""Sweeps of several models over one grid."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from operator import methodcaller
from typing import Any

from gpt2calc.analysis.sweeping import Sweep
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.result import csv_lines
from gpt2calc.report.table import Table


@dataclass(frozen=True, repr=False)
class Sweeps(Listing):
    """A sweep of each model, under its name."""

    named: tuple[tuple[str, Sweep], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return ``Sweep.to_dict`` of each model, with its name."""
        return {"sweeps": [{"name": name, **swept.to_dict()} for name, swept in self.named]}

    def items(self) -> list[dict[str, Any]]:
        """Return the rows of all models, each with the model's name."""
        return [{"model": name, **row} for name, swept in self.named for row in swept.to_rows()]

    def fields(self) -> tuple[RowField, ...]:
        """Return the model, and the columns of all sweeps: one may have a column of its own."""
        return tuple(RowField(name, methodcaller("get", name)) for name in self.headings)

    @property
    def headings(self) -> tuple[str, ...]:
        """Names of the columns, those of the sweep that has most of them first."""
        every = [swept.headings for _, swept in self.named]
        return ("model", *dict.fromkeys(chain(*sorted(every, key=len, reverse=True))))

    @property
    def batch_count(self) -> int:
        """The number of batches of all sweeps."""
        return sum(swept.batch_count for _, swept in self.named)

    def csv_batches(self) -> Iterator[str]:
        """Yield the rows as comma-separated values, a heading first, one sweep after another."""
        yield ",".join(self.headings) + "\n"
        for name, swept in self.named:
            for columns in swept.batches():
                rows = len(columns["total"])
                known = {"model": repeat(name, rows)} | {
                    heading: column.tolist() for heading, column in columns.items()
                }
                blank = repeat(None, rows)
                yield csv_lines(
                    zip(*(known.get(each, blank) for each in self.headings), strict=True)
                )

    def csv(self) -> str:
        """Write the rows of all models, a column of its own for each sum that one of them has."""
        return "".join(self.csv_batches()).rstrip("\n")

    def summary(self) -> str:
        return f"{', '.join(name for name, _ in self.named)}: {self.named[0][1].summary()}"

    def table(self) -> Table:
        """Return the table of the first model."""
        return self.tables()[0]

    def tables(self) -> tuple[Table, ...]:
        """Return a table for each model, its name above it."""
        shown = [(name, swept.table()) for name, swept in self.named]
        return tuple(table._replace(title=f"{name}: {table.title}") for name, table in shown)
