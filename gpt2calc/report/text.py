"""Text for a terminal: aligned, with bars where there is room, folded where there is not."""

import re
import shutil
import sys
import textwrap
from itertools import zip_longest
from typing import Any

from tabulate import SEPARATING_LINE, DataRow, Line, TableFormat, tabulate

from gpt2calc.report.table import Row, Table

WIDTH = 80
"""Columns that text is laid out for in a pipe or a file."""
NARROWEST = 40
"""Columns of the narrowest terminal that text is laid out for."""
LONGEST_LINE = 100
"""Columns of the longest line of a sentence: a longer one is hard to read."""
LONGEST_BAR, SHORTEST_BAR = 14, 4
GAP = 2
"""Spaces between two columns of a table."""
SHORTEST_CELL = 16
"""Characters that a cell of words has at least before it is broken."""

_UNIT = (
    r"(?:(?:[kMGTP]?i?B|[GTPEZY]?FLOPs?|m?s|(?:day|hour|minute|second|year|byte|token)s?)"
    r"(?:/\w+)?\b|%)"
)
_BETWEEN = re.compile(rf"(?<=\d) (?={_UNIT})")
"""The space between a number and its unit, where no line is broken."""
_UNBROKEN = "\N{NO-BREAK SPACE}"
_WORDS = re.compile(rf"(?<= )(?!(?<=\d ){_UNIT})")
_PARTS = re.compile(r"(?<=[._])(?=[a-z*])|(?<=\+)(?=\d)")
"""Where a cell may be broken, and where a word of it that is too long by itself."""
_RULE, _ROW = Line("", "-", " " * GAP, ""), DataRow("", " " * GAP, "")
_STYLE = TableFormat(None, _RULE, None, None, _ROW, _ROW, 0, None)


def text(table: Table) -> str:
    """Write title, table and notes, as wide as the terminal wherever the numbers allow it.

    What is wider is folded: the first column is repeated before the columns that had no room. If
    two columns alone are wider, words are broken.
    """
    table = table.printable()
    bodies = [_aligned(folded) for folded in _folded(_with_bars(table))]
    notes = "\n".join(wrapped(note) for note in table.notes)
    return "\n\n".join(block for block in (wrapped(table.title), *bodies, notes) if block)


def wrapped(line: str, indent: str = "") -> str:
    """Break a sentence into lines that fit the terminal and can be read.

    A number stays with its unit; what is printed between them is a plain space all the same.
    """
    filled = textwrap.fill(
        _BETWEEN.sub(_UNBROKEN, line),
        min(line_width(), LONGEST_LINE),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(_UNBROKEN, " ")


def line_width() -> int:
    """Return the columns of the terminal that is written to; 80 for a pipe."""
    if sys.stdout is None or not sys.stdout.isatty():
        return WIDTH
    return max(NARROWEST, shutil.get_terminal_size((WIDTH, 24)).columns)


def bar(share: float, length: int) -> str:
    """Draw a fraction in block characters, to an eighth of one; empty only at 0."""
    eighths = round(share * length * 8) or (1 if share > 0 else 0)
    whole, part = divmod(eighths, 8)
    return "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[part]


def _with_bars(table: Table) -> Table:
    """Draw the fractions of a table, as long as the line has room for them."""
    plain = table.without_bars()
    widths = _widths(plain)
    room = line_width() - sum(widths) - GAP * len(widths)
    if room < SHORTEST_BAR:
        return plain

    def drawn(row: Row) -> Row:
        return tuple(
            bar(value, min(room, LONGEST_BAR)) if column.kind == "bar" else value
            for column, value in zip(table.columns, row, strict=True)
        )

    return table._replace(rows=tuple(map(drawn, table.rows)))


def _folded(table: Table) -> list[Table]:
    """Split a table into several that fit the line, each with the first column."""
    first, *others = _widths(table)
    groups: list[set[int]] = [set()]
    whole = line_width() - first
    room = whole
    for index, width in enumerate(others, start=1):
        if groups[-1] and width + GAP > room:
            groups.append(set())
            room = whole
        groups[-1].add(index)
        room -= width + GAP
    return [table.only_columns({0, *group}) for group in groups]


def _widths(table: Table) -> list[int]:
    """Return the characters that each column takes."""
    lines = [table.headings, *map(table.cells, table.all_rows)]
    return [max(map(len, cells)) for cells in zip(*lines, strict=True)]


def _aligned(table: Table) -> str:
    """Align one table; its headings are rows to tabulate, which would pad them."""
    rooms = _rooms(table)
    lines: list[Any] = [*_broken(table.headings, rooms), SEPARATING_LINE]
    for row in table.rows:
        lines += _broken(table.cells(row), rooms)
    if table.footer is not None:
        lines += [SEPARATING_LINE, *_broken(table.cells(table.footer), rooms)]
    return tabulate(lines, colalign=table.alignment, disable_numparse=True, tablefmt=_STYLE)


def _rooms(table: Table) -> list[int]:
    """Return the room of each column: its width, or less where words must be broken to fit."""
    rooms = _widths(table)
    worded = [at for at, column in enumerate(table.columns) if column.kind in ("text", "mixed")]
    for at in sorted(worded, key=lambda each: -rooms[each]):
        over = sum(rooms) + GAP * (len(rooms) - 1) - line_width()
        rooms[at] = max(rooms[at] - max(over, 0), min(rooms[at], SHORTEST_CELL))
    return rooms


def _broken(cells: list[str], rooms: list[int]) -> list[tuple[str, ...]]:
    """Return a row as it is, or as several where a cell has too little room."""
    columns = [_lines(cell, room) for cell, room in zip(cells, rooms, strict=True)]
    return [*zip_longest(*columns, fillvalue="")]


def _lines(cell: str, room: int) -> list[str]:
    """Break a cell that is too long between words, and a word between the parts of its name."""
    if len(cell) <= room:
        return [cell]
    lines = [""]
    for word in _WORDS.split(cell):
        for piece in _PARTS.split(word) if len(word.rstrip()) > room else (word,):
            if lines[-1] and len(f"{lines[-1]}{piece}".rstrip()) > room:
                lines.append("")
            lines[-1] += piece
    return lines
