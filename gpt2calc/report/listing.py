"""A result of rows that are alike: its columns are declared once, for every format."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gpt2calc.report.result import Result, rows_as_csv
from gpt2calc.report.table import Column, Kind, Row, Table


class RowField(NamedTuple):
    """One column: its value in a row, what CSV and JSON call it, and what people read."""

    key: str | None
    """Its name in CSV and JSON; None for a column that only people are shown."""
    value: Callable[[Any], Any]
    """The value in a row, of the item that the row is about."""
    heading: str | None = None
    """What people read above it; None for a column that only CSV and JSON have."""
    kind: Kind = "text"
    shown: Callable[[Any], Any] | None = None
    """What people read of the item, where that is not the value."""

    @property
    def read(self) -> Callable[[Any], Any]:
        """What people read of an item."""
        return self.shown or self.value


class Listing(Result):
    """A result with a row for each of some items."""

    def items(self) -> Sequence[Any]:
        """Return what the rows are about."""
        raise NotImplementedError

    def fields(self) -> tuple[RowField, ...]:
        """Return the columns."""
        raise NotImplementedError

    def title(self) -> str:
        """Return the line above the rows."""
        return ""

    def footer(self) -> Row | None:
        """Return the row beneath the others, of the columns that people read."""
        return None

    def notes(self) -> tuple[str, ...]:
        """Return the sentences beneath the rows."""
        return ()

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a flat row for each item, ready for ``pandas.DataFrame``."""
        fields = [(field.key, field.value) for field in self.fields() if field.key is not None]
        return [{key: value(item) for key, value in fields} for item in self.items()]

    def csv(self) -> str:
        """Write a row for each item, numbers bare."""
        return rows_as_csv(self.to_rows())

    def table(self) -> Table:
        """Return a row for each item, as people read it."""
        return self.table_of(self.items(), self.title())._replace(
            footer=self.footer(), notes=self.notes()
        )

    def table_of(self, items: Sequence[Any], title: str) -> Table:
        """Return the rows of some of the items."""
        shown = [field for field in self.fields() if field.heading is not None]
        columns = tuple(Column(field.heading or "", field.kind) for field in shown)
        rows = tuple(tuple(field.read(item) for field in shown) for item in items)
        return Table(title, columns, rows)
