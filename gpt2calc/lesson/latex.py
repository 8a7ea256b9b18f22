"""A derivation as a complete LaTeX document, for any engine, with amsmath and geometry alone."""

from collections.abc import Iterator

from gpt2calc.lesson.derivation import Chain, SublayerSteps, in_one_line
from gpt2calc.lesson.explained import Explained
from gpt2calc.lesson.meanings import MEANINGS
from gpt2calc.lesson.notation import LATEX, written

PREAMBLE = r"""\documentclass[fleqn]{article}
\usepackage{amsmath}
\usepackage[margin=1in]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{1ex}
\sloppy
\begin{document}"""

LONG = 100
"""Characters of two steps that do not fit beside each other."""

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
}


def document(explained: Explained) -> str:
    """The derivation with all that LaTeX needs around it."""
    return "\n\n".join((PREAMBLE, *_body(explained), r"\end{document}"))


def escaped(words: str) -> str:
    """Words as LaTeX sets them in running text."""
    return "".join(_SPECIAL.get(each, each) for each in words)


def _body(explained: Explained) -> Iterator[str]:
    yield rf"\section*{{{escaped(explained.title)}}}"
    yield _notation(explained)
    yield from map(escaped, explained.notes)
    for steps in explained.sublayers:
        yield rf"\subsection*{{{escaped(steps.sublayer)}}}"
        yield from _sublayer(steps)
    if explained.block is not None and explained.total is not None:
        yield rf"\subsection*{{One block}}{_displayed(explained.block)}"
        yield rf"\subsection*{{The whole model}}{_displayed(explained.total)}"
    if explained.lessons:
        items = "\n".join(rf"\item {escaped(line)}" for line in explained.lessons)
        yield r"\subsection*{Why the answer is what it is}"
        yield f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}"


def _notation(explained: Explained) -> str:
    table = explained.notation
    rows = [
        rf"${letter}$ & \texttt{{{escaped(field)}}} & {escaped(value)} & {escaped(words)} \\"
        for letter, field, value, words in map(table.cells, table.rows)
    ]
    lines = [r"\begin{tabular}{llrl}", r"letter & field & value & meaning \\ \hline", *rows]
    return "\n".join([*lines, r"\end{tabular}"])


def _sublayer(steps: SublayerSteps) -> Iterator[str]:
    for each in steps.tensors:
        name = each.tensor.name
        meaning = rf"\texttt{{{escaped(name)}}}: {escaped(MEANINGS[name])}"
        yield rf"{meaning}\\\hspace*{{2em}}${in_one_line(each.chain)}$"
    yield "Weights:" + _displayed(steps.weights)
    yield "Biases:" + _displayed(steps.biases)
    yield "Total:" + _displayed(steps.total)


def _broken(step: str) -> str:
    """A step that is too long for the page, broken before a plus outside all brackets."""
    pluses = [at for at in range(1, len(step)) if step.startswith(" + ", at)]
    outside = [at for at in pluses if step.count("(", 0, at) == step.count(")", 0, at)]
    fitting = [at for at in outside if at <= LONG] or outside[:1]
    if len(step) <= LONG or not fitting:
        return step
    return f"{step[: fitting[-1]]} \\\\\n&\\quad{_broken(step[fitting[-1] :])}"


def _displayed(chain: Chain) -> str:
    """A step a line, equals below equals; a long first step has a line of its own."""
    first, *steps = [written(step, LATEX) for step in chain]
    if not steps:
        return f" ${first}$"
    alone = any(len(first) + len(step) > LONG for step in steps)
    lines = [f"&{_broken(first)}", *(f"&= {_broken(step)}" for step in steps)]
    if not alone:
        lines[:2] = [f"{first} &= {steps[0]}"]
    body = " \\\\\n".join(lines)
    return f"\n\\begin{{align*}}\n{body}\n\\end{{align*}}"
