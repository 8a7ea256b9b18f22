"""A result as rows of plain values, with what is needed to show them to people."""

from typing import Any, Literal, NamedTuple, TypeAlias

from gpt2calc.errors import printable

Kind = Literal["text", "count", "share", "signed share", "ratio", "mixed", "bar"]
"""How a column's values are written.

- text: as it is
- count: 1,234
- share: 12.34%
- signed share: +12.34%
- ratio: 12.3
- mixed: by the value's type, int as count, float as share, else text
- bar: a fraction drawn as a bar
"""

Row: TypeAlias = tuple[Any, ...]


class Column(NamedTuple):
    """A column's heading, and what kind of value stands beneath it."""

    heading: str
    kind: Kind = "text"


class Table(NamedTuple):
    """Rows with one value for each column; None leaves a cell empty."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footer: Row | None = None
    notes: tuple[str, ...] = ()
    """Sentences beneath the table, in the formats meant for people."""

    @property
    def all_rows(self) -> tuple[Row, ...]:
        """The rows with the footer, if there is one, as the last of them."""
        return self.rows if self.footer is None else (*self.rows, self.footer)

    @property
    def headings(self) -> list[str]:
        """The columns' headings."""
        return [column.heading for column in self.columns]

    @property
    def alignment(self) -> list[str]:
        """Where each column's values stand: words on the left, numbers on the right."""
        return ["left" if each.kind in ("text", "bar") else "right" for each in self.columns]

    def cells(self, row: Row) -> list[str]:
        """Return a row's values as people read them."""
        pairs = zip(self.columns, row, strict=True)
        return [printable(_cell(column.kind, value)) for column, value in pairs]

    def printable(self) -> "Table":
        """Return the table with title, headings and notes escaped; :meth:`cells` escapes values."""
        return self._replace(
            title=printable(self.title),
            columns=tuple(
                column._replace(heading=printable(column.heading)) for column in self.columns
            ),
            notes=tuple(printable(note) for note in self.notes),
        )

    def only_columns(self, indices: set[int]) -> "Table":
        """Return the table with only the columns at ``indices``."""

        def kept(row: Row) -> Row:
            return tuple(value for index, value in enumerate(row) if index in indices)

        return self._replace(
            columns=kept(self.columns),
            rows=tuple(map(kept, self.rows)),
            footer=None if self.footer is None else kept(self.footer),
        )

    def without_bars(self) -> "Table":
        """Return the table without the columns drawn as bars."""
        kinds = enumerate(column.kind for column in self.columns)
        return self.only_columns({index for index, kind in kinds if kind != "bar"})


TOO_SMALL = 0.00005
"""A fraction that two decimals of a percentage do not show."""


def percent(share: float) -> str:
    """Return a fraction as a percentage with two decimals; what is too small for them says so."""
    return "<0.01%" if 0 < share < TOO_SMALL else f"{share:.2%}"


def _cell(kind: Kind, value: Any) -> str:
    if value is None:
        return ""
    if kind == "count" or (kind == "mixed" and isinstance(value, int)):
        return f"{value:,}"
    if kind == "share" or (kind == "mixed" and isinstance(value, float)):
        return percent(value)
    if kind == "signed share":
        return percent(abs(value)) if 0 < abs(value) < TOO_SMALL else f"{value:+.2%}"
    return f"{value:,.1f}" if kind == "ratio" else str(value)
