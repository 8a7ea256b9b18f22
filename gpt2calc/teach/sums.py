"""Sums of terms as expressions: listed one by one, collected, or with numbers put in."""

from fractions import Fraction
from itertools import groupby
from math import prod
from typing import Any

from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.declared import order_of_letters
from gpt2calc.model.terms import Term
from gpt2calc.quantity.run import Run
from gpt2calc.teach.notation import Beside, Node, Times, monomial, plus

ORDER = order_of_letters(ModelConfig, Run)


def as_listed(added: list[Term]) -> list[Node]:
    """Write every term's shape, neighbours of equal copies together: ``L (d × 3d + 3d)``."""
    terms: list[Node] = []
    for copies, run in groupby(added, key=lambda term: term.copies):
        shapes = [shape_of(term, {}) for term in run]
        terms += shapes if copies == 1 else [Beside((size_of(copies, {}), plus(shapes)))]
    return terms


def collected(added: list[Term], values: dict[str, int]) -> list[Node]:
    """Add up terms of equal copies: ``L (4 d² + 4 d)``, ``2 d``; known letters as numbers."""
    terms: list[Node] = []
    for copies, run in _by_copies(added):
        parts = monomials(sum(term.each for term in run))
        if copies == 1:
            terms += [monomial(*each, values) for each in parts]
        elif len(parts) == 1:
            terms.append(_in_copies(copies, *parts[0], values))
        else:
            inside = plus([monomial(*each, values) for each in parts])
            terms.append(Beside((size_of(copies, values), inside)))
    return terms


def _in_copies(
    copies: Any, coefficient: int | Fraction, powers: dict[str, int], values: dict[str, int]
) -> Node:
    """Write copies of a single monomial: ``24 d``, ``L d``, ``(L - 7) (2 d)``."""
    if isinstance(copies, int):
        return monomial(copies * coefficient, powers, values)
    if copies.is_Symbol:
        return monomial(coefficient, {str(copies): 1, **powers}, values)
    return _several(size_of(copies, values), monomial(coefficient, powers, values))


def _several(copies: Node, each: Node) -> Node:
    """Write a product: ``(L - 7) (2 d)``, or ``28 × 256`` where both are numbers."""
    both = (copies, each)
    return Times(both) if all(isinstance(factor, int) for factor in both) else Beside(both)


def _by_copies(added: list[Term]) -> list[tuple[Any, list[Term]]]:
    """Group terms by their copies, in order; terms of one copy with their neighbours alone."""
    groups: list[tuple[Any, list[Term]]] = []
    for copies, run in groupby(added, key=lambda term: term.copies):
        alike = [terms for others, terms in groups if others == copies and copies != 1]
        if alike:
            alike[0].extend(run)
        else:
            groups.append((copies, list(run)))
    return groups


def worked_out(added: list[Term], values: dict[str, int]) -> list[Node]:
    """Put numbers in: a number, or a polynomial in the letters that are left."""
    from sympy import sympify

    expression = sympify(sum(term.amount for term in added))
    known = {each: values[each.name] for each in expression.free_symbols if each.name in values}
    return [monomial(*each, {}) for each in monomials(expression.subs(known))]


def monomials(expression: Any) -> list[tuple[int | Fraction, dict[str, int]]]:
    """Coefficients and powers of an expression's terms, in the order of the letters."""
    from sympy import Poly, PolynomialError, sympify

    expression = sympify(expression)
    letters = sorted(expression.free_symbols, key=lambda each: ORDER.index(each.name))
    if not letters:
        return [(_exact(expression), {})] if expression else []
    try:
        terms = Poly(expression, *letters).terms()
    except PolynomialError:  # a quotient, such as the d / w heads of a model
        return [_quotient(each) for each in expression.expand().as_ordered_terms()]
    names = [each.name for each in letters]
    return [(_exact(c), {n: p for n, p in zip(names, ps, strict=True) if p}) for ps, c in terms]


def _quotient(term: Any) -> tuple[int | Fraction, dict[str, int]]:
    """Return a term's coefficient and powers, some of which are negative."""
    coefficient, rest = term.as_coeff_Mul()
    powers = {str(letter): int(power) for letter, power in rest.as_powers_dict().items()}
    return _exact(coefficient), {name: power for name, power in powers.items() if name != "1"}


def _exact(number: Any) -> int | Fraction:
    """Return a number of SymPy's as one of Python's."""
    fraction = Fraction(int(number.p), int(number.q))
    return int(fraction) if fraction.denominator == 1 else fraction


def shape_of(term: Term, values: dict[str, int]) -> Node:
    """Return the sizes of one term: ``d × 3d``, or with numbers ``768 × 2,304``."""
    sizes = [size_of(size, values) for size in term.shape]
    if not sizes:
        return 1
    return sizes[0] if len(sizes) == 1 else Times(tuple(sizes))


def size_of(size: Any, values: dict[str, int]) -> Node:
    """One size: ``3d`` in letters, a single number where all its letters are known."""
    nodes = [_tight(coefficient, powers, values) for coefficient, powers in monomials(size)]
    if nodes and all(isinstance(node, int) for node in nodes):
        return sum(node for node in nodes if isinstance(node, int))
    return plus(nodes)


def _tight(coefficient: int | Fraction, powers: dict[str, int], values: dict[str, int]) -> Node:
    if all(letter in values for letter in powers):
        known: int = prod(values[letter] ** power for letter, power in powers.items())
        number = coefficient * known
        return int(number) if number == int(number) else number
    is_one_letter = len(powers) == 1 and not values.keys() & powers.keys()
    if is_one_letter and coefficient != 1 and set(powers.values()) == {1}:
        return Beside((coefficient, *powers), tight=True)
    return monomial(coefficient, powers, values)
