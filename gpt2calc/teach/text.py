"""A derivation as text for a terminal and as Markdown."""

from collections.abc import Iterable

from gpt2calc.report.result import markdown
from gpt2calc.report.table import Table
from gpt2calc.report.text import WIDTH, line_width, text, wrapped
from gpt2calc.teach.derivation import Chain, in_one_line
from gpt2calc.teach.document import DerivationLine, DocumentPart, Heading, Lessons, Notes, Sums
from gpt2calc.teach.notation import TEXT, split_sum, written

INDENT = "  "
LABEL = 9
"""Width of the names before sums."""


def as_text(title: str, parts: Iterable[DocumentPart]) -> str:
    """Write the derivation as text; its mathematics is at most 80 columns wide."""
    return "\n\n".join((wrapped(title), *map(_text_of, parts)))


def as_markdown(title: str, parts: Iterable[DocumentPart]) -> str:
    """Write the derivation with its mathematics between dollar signs."""
    return "\n\n".join((f"# {title}", *map(_markdown_of, parts)))


def aligned(label: str, chain: Chain) -> str:
    """Write a chain on one line if there is room, else a line for each step, equals aligned."""
    steps, room = [written(step, TEXT) for step in chain], _room()
    line = f"{label}{' = '.join(steps)}"
    if len(line) <= room:
        return line
    lines = [f"{label}{steps[0]}"]
    for step in steps[1:]:
        joined = f"{lines[-1]} = {step}"
        if len(lines) > 1 and len(joined) <= room:
            lines[-1] = joined
        else:
            lines.append(f"{' ' * len(label)}{INDENT}= {step}")
    first, *others = lines
    inside = max(len(label), len(INDENT)) + len(INDENT)
    return "\n".join((_broken(first, inside if label.strip() else None), *map(_broken, others)))


def _room() -> int:
    """Return the columns of a line of mathematics: wide ones are hard to read."""
    return min(line_width(), WIDTH)


def _broken(line: str, margin: int | None = None) -> str:
    """Break a line that is too long for the screen, with its margin or another before each part."""
    margin = len(line) - len(line.lstrip(" =+")) if margin is None else margin
    first, *rest = split_sum(line, _room(), _room() - margin, inside=True)
    return "\n".join((first, *(" " * margin + part for part in rest)))


def _text_of(part: DocumentPart) -> str:
    match part:
        case Table():
            return text(part)
        case Heading(words):
            return f"{words}\n{'─' * len(words)}"
        case DerivationLine(name, meaning, chain):
            told = f"{wrapped(meaning, INDENT)}\n" if meaning else ""
            return f"{name}\n{told}{aligned(INDENT, chain)}"
        case Sums(chains):
            return "\n".join(
                aligned(f"{name:<{LABEL}}" if name else "", chain) for name, chain in chains
            )
        case Lessons(lines):
            return "\n\n".join(map(wrapped, lines))
        case Notes(lines):
            return "\n".join(map(wrapped, lines))


def _markdown_of(part: DocumentPart) -> str:
    match part:
        case Table():
            return markdown(part)
        case Heading(words, is_name):
            return f"## {words if is_name else words[0].upper() + words[1:]}"
        case DerivationLine(name, meaning, chain):
            return f"`{name}`: {meaning}\n{_dollars(chain)}"
        case Sums(chains):
            return "\n\n".join(
                f"{name.capitalize()}: {_dollars(chain)}" if name else _dollars(chain)
                for name, chain in chains
            )
        case Lessons(lines):
            return "\n".join(f"- {line}" for line in lines)
        case Notes(lines):
            return "\n\n".join(line.replace("*", "\\*") for line in lines)


def _dollars(chain: Chain) -> str:
    return f"${in_one_line(chain)}$"
