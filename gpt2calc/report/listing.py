"""Results with a row for each item, whose columns are declared once for every format."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from gpt2calc.report.result import Result, csv_lines
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
        """The function from an item to what people read."""
        return self.shown or self.value


def counts(name: str, value: Callable[[Any], Any]) -> RowField:
    """Return a column of counts that people and programs call the same."""
    return RowField(name, value, name, "count")


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

    def sums(self) -> dict[str, Any]:
        """Return the row of sums beneath the others, which CSV has, too; empty where none is."""
        return {}

    def added_up(self) -> dict[str, Any]:
        """Return the sums of the columns of counts, called total."""
        (first, _), *others = _keyed(self.fields()).items()
        items = self.items()
        sums = {key: sum(map(of.value, items)) for key, of in others if of.kind == "count"}
        return {first: "total", **sums}

    def footer(self) -> Row | None:
        """Return the row beneath the others, of the columns that people read: the sums."""
        sums = self.sums()
        return tuple(sums.get(field.key or "") for field in _shown(self.fields())) if sums else None

    def notes(self) -> tuple[str, ...]:
        """Return the sentences beneath the rows."""
        return ()

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a flat row for each item, ready for ``pandas.DataFrame``."""
        fields = _keyed(self.fields()).items()
        return [{key: field.value(item) for key, field in fields} for item in self.items()]

    def csv(self) -> str:
        """Write a row for each item, and that of the sums; numbers bare."""
        keys = [*_keyed(self.fields())]
        rows = [*self.to_rows(), *filter(None, [self.sums()])]
        return csv_lines([keys, *(map(row.get, keys) for row in rows)]).rstrip("\n")

    def table(self) -> Table:
        """Return a row for each item, as people read it."""
        return self.table_of(self.items(), self.title())._replace(
            footer=self.footer(), notes=self.notes()
        )

    def table_of(self, items: Iterable[Any], title: str) -> Table:
        """Return the rows of some items."""
        return listed(self.fields(), items, title)

    def on_its_side(self, headings: tuple[Column, ...]) -> Table:
        """Return a row for each column that people read, with a value of each item."""
        items = self.items()
        rows = ((field.heading, *map(field.read, items)) for field in _shown(self.fields()))
        return Table(self.title(), headings, tuple(rows), notes=self.notes())


def listed(fields: Iterable[RowField], items: Iterable[Any], title: str) -> Table:
    """Return a row for each item, of the columns that people read."""
    shown = _shown(fields)
    columns = tuple(Column(field.heading or "", field.kind) for field in shown)
    return Table(title, columns, tuple(tuple(f.read(item) for f in shown) for item in items))


def _shown(fields: Iterable[RowField]) -> list[RowField]:
    return [field for field in fields if field.heading is not None]


def _keyed(fields: Iterable[RowField]) -> dict[str, RowField]:
    return {field.key: field for field in fields if field.key is not None}
