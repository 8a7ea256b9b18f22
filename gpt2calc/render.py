"""How a result looks: as text, Markdown, CSV, HTML or JSON.

A result describes itself as a :class:`Table` of plain values; this module turns any table into any
format and never learns what the numbers mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Literal, TypeAlias

Format = Literal["text", "json", "csv", "markdown"]

Kind = Literal["text", "count", "share", "ratio", "mixed", "bar"]
"""What a column holds: words, integers, fractions shown as percentages, plain ratios, any of these
by the value's own type, fractions to be drawn."""

Row: TypeAlias = tuple[Any, ...]

TEXT_WIDTH = 80
"""Columns of the narrowest terminal that text is laid out for."""
LONGEST_BAR, SHORTEST_BAR = 14, 4


@dataclass(frozen=True)
class Column:
    """A column's heading, and what kind of value stands beneath it."""

    heading: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """A result as rows of plain values, one for each column; None leaves a cell empty."""

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


class Result:
    """What every command answers with: a value that prints, and shows itself in a notebook."""

    def table(self) -> Table:
        """The result as a table of plain values."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers, strings, lists and dicts, ready for JSON."""
        raise NotImplementedError

    def text(self) -> str:
        """The result for a terminal of 80 columns."""
        return text(self.table())

    def markdown(self) -> str:
        """The result as GitHub's Markdown."""
        return markdown(self.table())

    def csv(self) -> str:
        """The result's table as comma-separated values, numbers bare."""
        return csv(self.table())

    def json(self) -> str:
        """The result's :meth:`to_dict` as indented JSON."""
        import json

        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return html(self.table())


def rendered(result: Result, form: Format) -> str:
    """A result in one of the formats of the command line, without a last line feed."""
    writers = {
        "text": result.text,
        "json": result.json,
        "csv": result.csv,
        "markdown": result.markdown,
    }
    return writers[form]()


def text(table: Table) -> str:
    """Aligned columns for a terminal, 80 characters wide wherever the numbers allow it."""
    from tabulate import SEPARATING_LINE, DataRow, Line, TableFormat, tabulate

    rule, row = Line("", "-", "  ", ""), DataRow("", "  ", "")
    style = TableFormat(None, rule, None, None, row, row, 0, None)
    shown = _with_bars(table)
    lines: list[Any] = [_headings(shown), SEPARATING_LINE]  # as rows: tabulate pads its headers
    lines += [_cells(shown, row) for row in shown.rows]
    if shown.footer is not None:
        lines += [SEPARATING_LINE, _cells(shown, shown.footer)]
    body = tabulate(lines, colalign=_alignment(shown), disable_numparse=True, tablefmt=style)
    notes = "\n".join(_wrapped(note) for note in table.notes)
    return "\n\n".join(block for block in (_wrapped(table.title), body, notes) if block)


def markdown(table: Table) -> str:
    """A table for GitHub's Markdown, between its title and its notes."""
    shown = _without_bars(table)
    rows = [[cell.replace("|", "\\|") for cell in _cells(shown, row)] for row in shown.all_rows]
    title = f"**{table.title}**" if table.title else ""
    blocks = (title, _tabulated(shown, rows, "pipe"), *table.notes)
    return "\n\n".join(block for block in blocks if block)


def html(table: Table) -> str:
    """A table as HTML, for notebooks."""
    from html import escape

    shown = _without_bars(table)
    body = _tabulated(shown, [_cells(shown, row) for row in shown.all_rows], "html")
    title = [f"<p>{escape(table.title)}</p>"] if table.title else []
    return "\n".join((*title, body, *(f"<p>{escape(note)}</p>" for note in table.notes)))


def csv(table: Table) -> str:
    """Comma-separated values with a heading: bare integers, and shares as fractions."""
    import csv
    import io

    shown = _without_bars(table)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(column.heading for column in shown.columns)
    writer.writerows(shown.all_rows)
    return out.getvalue().rstrip("\n")


def percent(share: float) -> str:
    """A fraction as a percentage with two decimals; what is too small for them says so."""
    return "<0.01%" if 0 < share < 0.00005 else f"{share:.2%}"


def bar(share: float, length: int) -> str:
    """A fraction drawn in block characters, to an eighth of one; empty only at 0."""
    eighths = round(share * length * 8) or (1 if share > 0 else 0)
    whole, part = divmod(eighths, 8)
    return "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[part]


def _cells(table: Table, row: Row) -> list[str]:
    """A row's values as people read them."""
    return [_cell(column.kind, value) for column, value in zip(table.columns, row, strict=True)]


def _cell(kind: Kind, value: Any) -> str:
    if value is None:
        return ""
    if kind == "count" or (kind == "mixed" and isinstance(value, int)):
        return f"{value:,}"
    if kind == "share" or (kind == "mixed" and isinstance(value, float)):
        return percent(value)
    return f"{value:,.1f}" if kind == "ratio" else str(value)


def _without_bars(table: Table) -> Table:
    """The table less the columns that only draw what another one says."""
    keep = [column.kind != "bar" for column in table.columns]

    def kept(row: Row) -> Row:
        return tuple(compress(row, keep))

    return replace(
        table,
        columns=tuple(compress(table.columns, keep)),
        rows=tuple(map(kept, table.rows)),
        footer=None if table.footer is None else kept(table.footer),
    )


def _with_bars(table: Table) -> Table:
    """The table with its fractions drawn, as long as the line has room for them."""
    plain = _without_bars(table)
    lines = [_headings(plain), *(_cells(plain, row) for row in plain.all_rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    room = TEXT_WIDTH - sum(widths) - 2 * len(widths)
    if room < SHORTEST_BAR:
        return plain

    def drawn(row: Row) -> Row:
        return tuple(
            bar(value, min(room, LONGEST_BAR)) if column.kind == "bar" else value
            for column, value in zip(table.columns, row, strict=True)
        )

    return replace(table, rows=tuple(map(drawn, table.rows)))


def _tabulated(table: Table, rows: list[list[str]], style: str) -> str:
    from tabulate import tabulate

    return tabulate(
        rows,
        headers=_headings(table),
        colalign=_alignment(table),
        disable_numparse=True,
        tablefmt=style,
    )


def _headings(table: Table) -> list[str]:
    return [column.heading for column in table.columns]


def _alignment(table: Table) -> list[str]:
    return ["left" if each.kind in ("text", "bar") else "right" for each in table.columns]


def _wrapped(line: str) -> str:
    import textwrap

    return textwrap.fill(line, TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
