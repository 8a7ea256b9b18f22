"""Sweeps of several models over one grid."""

from dataclasses import dataclass
from typing import Any

from gpt2calc.analysis.sweeping import Sweep
from gpt2calc.report.result import Result, rows_as_csv
from gpt2calc.report.table import Table


@dataclass(frozen=True, repr=False)
class Sweeps(Result):
    """A sweep of each model, under its name."""

    named: tuple[tuple[str, Sweep], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return what ``Sweep.to_dict`` does, of each model."""
        return {"sweeps": [{"name": name, **swept.to_dict()} for name, swept in self.named]}

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a row for each config of each model."""
        return [{"model": name, **row} for name, swept in self.named for row in swept.to_rows()]

    def csv(self) -> str:
        """Write a row for each config of each model."""
        return rows_as_csv(self.to_rows())

    def summary(self) -> str:
        return f"{', '.join(name for name, _ in self.named)}: {self.named[0][1].summary()}"

    def table(self) -> Table:
        """Return the rows of the first model."""
        return self.tables()[0]

    def tables(self) -> tuple[Table, ...]:
        """Return a table for each model, its name above it."""
        shown = [(name, swept.table()) for name, swept in self.named]
        return tuple(table._replace(title=f"{name}: {table.title}") for name, table in shown)
