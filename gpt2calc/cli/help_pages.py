"""How help pages are laid out: no flag is broken, a long one stands above its text."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cyclopts.help import DefaultFormatter, HelpEntry
from cyclopts.help.specs import ColumnSpec, TableSpec

if TYPE_CHECKING:
    from rich.table import Table


class WholeNames(TableSpec):
    """The table of a panel, whose names are broken between words alone."""

    def build(
        self, columns: tuple[ColumnSpec, ...], entries: Iterable[HelpEntry], **overrides: Any
    ) -> "Table":
        """Return a row for each entry; where a name has no room beside its text, two rows."""
        from rich.table import Table
        from rich.text import Text

        *marks, names, texts = columns
        room = names.max_width or 0
        labels = [(entry, _lines(entry.display_labels_with_metavar, room)) for entry in entries]
        beside = [line for _, lines in labels if _fit(lines, room) for line in lines]
        width = max(map(len, beside), default=room)
        panel = Table.grid()
        for entry, lines in labels:
            has_room = _fit(lines, room)
            if not has_room:
                panel.add_row(Text(" ".join(map(str.strip, lines)), names.style or ""))
            shown = "\n".join(lines) if has_room else ""
            name = names.copy(renderer=lambda _, shown=shown: shown, width=width)
            panel.add_row(super().build((*marks, name, texts), [entry], **overrides))
        return panel


def _lines(words: Iterable[str], room: int) -> list[str]:
    """Put words on lines of so many characters; those after the first are indented."""
    lines: list[str] = []
    for word in " ".join(words).split():
        if lines and len(lines[-1]) + 1 + len(word) <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(f"  {word}" if lines else word)
    return lines


def _fit(lines: Iterable[str], room: int) -> bool:
    return all(len(line) <= room for line in lines)


FORMATTER = DefaultFormatter(table_spec=WholeNames())
"""Prints help pages."""
