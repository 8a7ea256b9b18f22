"""A derivation as a complete LaTeX document, for any engine, with amsmath and geometry alone."""

from collections.abc import Iterable, Sequence

from gpt2calc.report.table import Table
from gpt2calc.teach.derivation import Chain, in_one_line
from gpt2calc.teach.document import DerivationLine, DocumentPart, Heading, Lessons, Notes, Sums
from gpt2calc.teach.notation import LATEX, split_sum, written

PREAMBLE = r"""\documentclass[fleqn]{article}
\usepackage{amsmath}
\usepackage[margin=1in]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{1ex}
\sloppy
\begin{document}"""

LONG = 100
"""The most characters of two steps that stand on one line."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "×": r"$\times$",
    "²": r"$^{2}$",
    "<": r"$<$",
    "√": r"$\surd$",
}


def document(title: str, parts: Iterable[DocumentPart]) -> str:
    """Write the derivation with all that LaTeX needs around it."""
    heading = rf"\section*{{{escaped(title)}}}"
    return "\n\n".join((PREAMBLE, heading, *map(_latex_of, parts), r"\end{document}"))


def sheet(
    heading: str,
    questions: Sequence[str],
    notation: str,
    answers: Sequence[tuple[str, Sequence[tuple[str, Chain]], str]],
) -> str:
    """Write a sheet of exercises: questions, and answers with their steps on a page apart.

    Args:
        heading: what stands above the questions.
        questions: one for each exercise.
        notation: what the letters stand for.
        answers: for each exercise its answer, its chains by name, and its conclusion; empty for
            a sheet without solutions.

    """
    blocks = [
        PREAMBLE,
        r"\section*{Exercises}",
        escaped(heading),
        _numbered(map(escaped, questions)),
    ]
    if answers:
        blocks += [r"\newpage\section*{Answers}", escaped(notation)]
        blocks.append(_numbered(_answer(*answer) for answer in answers))
    return "\n\n".join((*blocks, r"\end{document}"))


def _numbered(items: Iterable[str]) -> str:
    listed = "\n".join(rf"\item {item}" for item in items)
    return f"\\begin{{enumerate}}\n{listed}\n\\end{{enumerate}}"


def _answer(answer: str, steps: Sequence[tuple[str, Chain]], conclusion: str) -> str:
    shown = [f"{escaped(name)}:{_displayed(chain)}" for name, chain in steps]
    return "\n\n".join((escaped(answer), *shown, escaped(conclusion))).rstrip()


def escaped(words: str) -> str:
    """Return words with the special characters of LaTeX escaped."""
    return "".join(_SPECIAL.get(each, each) for each in words)


def _latex_of(part: DocumentPart) -> str:
    match part:
        case Table():
            return _notation(part)
        case Heading(words, is_name):
            shown = words if is_name else words[0].upper() + words[1:]
            return rf"\subsection*{{{escaped(shown)}}}"
        case Notes(lines):
            return "\n\n".join(map(escaped, lines))
        case DerivationLine(name, meaning, chain):
            told = rf"\texttt{{{escaped(name)}}}: {escaped(meaning)}"
            return rf"{told}\\\hspace*{{2em}}${in_one_line(chain)}$"
        case Sums(chains):
            return "\n\n".join(
                f"{name.capitalize()}:{_displayed(chain)}" if name else _displayed(chain)
                for name, chain in chains
            )
        case Lessons(lines):
            items = "\n".join(rf"\item {escaped(line)}" for line in lines)
            return f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}"


def _notation(table: Table) -> str:
    rows = [
        rf"${letter}$ & \texttt{{{escaped(field)}}} & {escaped(value)} & {escaped(words)} \\"
        for letter, field, value, words in map(table.cells, table.rows)
    ]
    lines = [r"\begin{tabular}{llrl}", r"letter & field & value & meaning \\ \hline", *rows]
    return "\n".join([*lines, r"\end{tabular}"])


def _broken(step: str) -> str:
    """Break a step that is too long for the page."""
    return " \\\\\n&\\quad ".join(split_sum(step, LONG, LONG))


def _displayed(chain: Chain) -> str:
    """Write each step on a line, equals signs aligned; a long first step has its own line."""
    first, *steps = [written(step, LATEX) for step in chain]
    if not steps:
        return f" ${first}$"
    alone = any(len(first) + len(step) > LONG for step in steps)
    lines = [f"&{_broken(first)}", *(f"&= {_broken(step)}" for step in steps)]
    if not alone:
        lines[:2] = [f"{first} &= {steps[0]}"]
    body = " \\\\\n".join(lines)
    return f"\n\\begin{{align*}}\n{body}\n\\end{{align*}}"
