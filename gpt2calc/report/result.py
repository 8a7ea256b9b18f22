"""How a result looks: as text, Markdown, CSV, HTML or JSON.

A result describes itself as tables, flat rows and a dict of plain values; this module turns them
into any format.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from gpt2calc.errors import printable

if TYPE_CHECKING:
    from gpt2calc.report.table import Table

Format = Literal["text", "json", "csv", "markdown"]
"""What the command line prints of a result; a derivation has "latex" too."""


class Result:
    """The result of a command: prints as text, and shows itself as HTML in a notebook."""

    def table(self) -> Table:
        """Return the result as a table of plain values."""
        raise NotImplementedError

    def tables(self) -> tuple[Table, ...]:
        """Return all tables that people are shown: :meth:`table`, and those beneath it."""
        return (self.table(),)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain numbers, strings, lists and dicts, ready for JSON."""
        raise NotImplementedError

    def to_rows(self) -> list[dict[str, Any]]:
        """Return the result as flat rows of plain values, ready for ``pandas.DataFrame``."""
        raise NotImplementedError

    def summary(self) -> str:
        """Say in a few words what the result is, for its repr."""
        return self.table().title

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary()}>"

    def text(self) -> str:
        """Write the result as wide as the terminal; 80 columns for a pipe."""
        from gpt2calc.report.text import text

        return "\n\n".join(map(text, self.tables()))

    def markdown(self) -> str:
        """Write the result as GitHub's Markdown."""
        return "\n\n".join(map(markdown, self.tables()))

    def csv(self) -> str:
        """Write the result's :meth:`to_rows` as comma-separated values, numbers bare."""
        rows = self.to_rows()
        return csv_lines([rows[0], *(row.values() for row in rows)]).rstrip("\n")

    def json(self) -> str:
        """Write the result's :meth:`to_dict` as indented JSON."""
        import json

        written = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        return "".join(
            each if each.isprintable() or each == "\n" else json.dumps(each)[1:-1]
            for each in written
        )

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return "\n".join(map(html, self.tables()))


def rendered(result: Result, form: str) -> str:
    """Write a result in one of its formats, each a method of that name; no line feed at the end."""
    written: str = getattr(result, form)()
    return written


def markdown(table: Table) -> str:
    """Write a table for GitHub's Markdown, between its title and its notes."""
    shown = table.without_bars().printable()
    rows = [[_in_a_cell(cell) for cell in shown.cells(row)] for row in shown.all_rows]
    headings = tuple(each._replace(heading=_in_a_cell(each.heading)) for each in shown.columns)
    shown = shown._replace(columns=headings)
    title = f"**{_in_markdown(shown.title)}**" if table.title else ""
    notes = (_in_markdown(note) for note in shown.notes)
    blocks = (title, _tabulated(shown, rows, "pipe"), *notes)
    return "\n\n".join(block for block in blocks if block)


_TAG = re.compile(r"<(?=[A-Za-z/!?])")
"""The beginning of an HTML tag, which Markdown would pass through."""


def _in_a_cell(text: str) -> str:
    return _TAG.sub("&lt;", text.replace("|", "\\|"))


def _in_markdown(text: str) -> str:
    return _TAG.sub("&lt;", text.replace("*", "\\*"))


def html(table: Table) -> str:
    """Write a table as HTML, for notebooks."""
    from html import escape

    shown = table.without_bars().printable()
    body = _tabulated(shown, [shown.cells(row) for row in shown.all_rows], "html")
    title = [f"<p>{escape(shown.title)}</p>"] if table.title else []
    return "\n".join((*title, body, *(f"<p>{escape(note)}</p>" for note in shown.notes)))


def csv(table: Table) -> str:
    """Write comma-separated values with a heading: bare integers, shares as fractions."""
    shown = table.without_bars()
    return csv_lines([shown.headings, *shown.all_rows]).rstrip("\n")


def csv_lines(rows: Iterable[Iterable[Any]]) -> str:
    """Write rows as comma-separated values, a line for each."""
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(map(_bare, row) for row in rows)
    return out.getvalue()


def _bare(value: Any) -> Any:
    """Return a value for a CSV cell; text that a spreadsheet would run as a formula is quoted."""
    if not isinstance(value, str):
        return value
    words = printable(value)
    return f"'{words}" if words.startswith(("=", "+", "-", "@")) else words


def _tabulated(table: Table, rows: list[list[str]], style: str) -> str:
    from tabulate import tabulate

    return tabulate(
        rows,
        headers=table.headings,
        colalign=table.alignment,
        disable_numparse=True,
        tablefmt=style,
    )
