"""Expressions that are written but never simplified, as Unicode text and as LaTeX.

SymPy does the algebra elsewhere; but it would add ``d*3*d + 3*d`` up at once, and a derivation
shows the sum before it is added up. So these kinds of node keep how an expression is written.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from gpt2calc.units import raised


@dataclass(frozen=True)
class Power:
    """A letter or a number to a power: ``d²``."""

    base: "Atom"
    exponent: int


@dataclass(frozen=True)
class Times:
    """Factors with a sign between them: ``d × 3d``, ``4 × 768²``."""

    factors: tuple["Node", ...]


@dataclass(frozen=True)
class Beside:
    """Factors side by side: ``4 d²``, ``L (d + d)``; tight as in ``3d``."""

    factors: tuple["Node", ...]
    tight: bool = False


@dataclass(frozen=True)
class Plus:
    """Terms added up; none of them is 0."""

    terms: tuple["Node", ...]


Atom: TypeAlias = int | Fraction | str
"""A number, whole or not, or a letter."""
Node: TypeAlias = Atom | Power | Times | Beside | Plus


@dataclass(frozen=True)
class Style:
    """How one format writes numbers, fractions, powers and products."""

    number: Callable[[int], str]
    fraction: Callable[[str, str], str]
    power: Callable[[str, int], str]
    times: str


TEXT = Style(
    number=lambda number: f"{number:,}",
    fraction=lambda above, beneath: f"{above}/{beneath}",
    power=lambda base, exponent: base + raised(exponent),
    times=" × ",
)
LATEX = Style(
    number=lambda number: f"{number:,}".replace(",", "{,}"),
    fraction=lambda above, beneath: rf"\frac{{{above}}}{{{beneath}}}",
    power=lambda base, exponent: f"{base}^{{{exponent}}}",
    times=r" \times ",
)


def written(node: Node, style: Style) -> str:
    """Write the expression in a format; a sum of no terms is 0."""
    match node:
        case int():
            return style.number(node)
        case Fraction():
            return style.fraction(style.number(node.numerator), style.number(node.denominator))
        case str():
            return node
        case Power(base, exponent):
            return style.power(written(base, style), exponent)
        case Times(factors):
            return style.times.join(_as_factor(each, style, Plus) for each in factors)
        case Beside(factors, tight):
            between = "" if tight else " "
            return between.join(_as_factor(each, style, Plus, Times, Beside) for each in factors)
        case Plus(()):
            return style.number(0)
        case Plus(terms):
            return _with_minus(" + ".join(_as_factor(each, style, Plus) for each in terms), style)


def _with_minus(added: str, style: Style) -> str:
    """Write ``a - b`` for ``a + -1 b``, and ``a - 2 b`` for ``a + -2 b``."""
    once = re.sub(rf"\+ -1(?:{re.escape(style.times)}| )(?![+-])", "- ", added)
    return once.replace("+ -", "- ")


def _as_factor(node: Node, style: Style, *in_brackets: type) -> str:
    """Part of a larger expression, in brackets if it is of one of these kinds."""
    inside = written(node, style)
    is_several = isinstance(node, in_brackets) and inside != written(0, style)
    return f"({inside})" if is_several else inside


def split_sum(line: str, first: int, further: int, *, inside: bool = False) -> list[str]:
    """Break a line before its signs into parts that fit, the first of them and all further ones.

    Signs outside brackets are preferred; those inside are used only where ``inside`` says so, and
    of them pluses alone. A part with no sign to break at may be longer than the limit.
    """
    margin = len(line) - len(line.lstrip(" =+-"))
    signs = [at for at in range(max(margin, 1), len(line)) if line[at : at + 3] in (" + ", " - ")]
    outside = [at for at in signs if line.count("(", 0, at) == line.count(")", 0, at)]
    pluses = [at for at in signs if line[at + 1] == "+" or at in outside]
    fitting = [at for at in outside if at <= first]
    if inside:
        fitting = fitting or [at for at in pluses if at <= first] or pluses[:1]
    else:
        fitting = fitting or outside[:1]
    if len(line) <= first or not fitting:
        return [line]
    rest = line[fitting[-1] + 1 :]
    return [line[: fitting[-1]], *split_sum(rest, further, further, inside=inside)]


def plus(terms: list[Node]) -> Node:
    """Make a sum, or return its only term."""
    return terms[0] if len(terms) == 1 else Plus(tuple(terms))


def monomial(coefficient: int | Fraction, powers: dict[str, int], values: dict[str, int]) -> Node:
    """Write a product of powers, numbers for letters that have a value: ``(4 × 768²) L``."""
    numbers: list[Node] = [coefficient] if coefficient != 1 else []
    letters: list[Node] = []
    for letter, exponent in powers.items():
        side, atom = (numbers, values[letter]) if letter in values else (letters, letter)
        side.append(atom if exponent == 1 else Power(atom, exponent))
    head = [numbers[0] if len(numbers) == 1 else Times(tuple(numbers))] if numbers else []
    factors = (*head, *letters) or (1,)
    return factors[0] if len(factors) == 1 else Beside(factors)
