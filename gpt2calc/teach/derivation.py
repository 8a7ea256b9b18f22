"""Derivations of a quantity: each sum as a chain of equal expressions, from shapes to a number."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import prod
from typing import Any

from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.declared import order_of_letters
from gpt2calc.model.kinds import kind_said
from gpt2calc.model.terms import Term
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity, model_of
from gpt2calc.quantity.run import Run
from gpt2calc.quantity.symbols import letters_of, with_symbols
from gpt2calc.tape.numeric import symbols_in
from gpt2calc.teach.notation import LATEX, TEXT, Beside, Node, Times, monomial, plus, written

ORDER = order_of_letters(ModelConfig, Run)

Chain = tuple[Node, ...]
"""Expressions that are equal, from the sum as it is first written down to what it comes to."""


@dataclass(frozen=True)
class TermStep:
    """One term: its shape, and what that comes to in one copy."""

    term: Term
    chain: Chain
    layers: str = ""
    """How many layers have the term, in words; empty where all layers have it."""


@dataclass(frozen=True)
class SublayerSteps:
    """One sublayer: its terms, and its columns and total over all layers."""

    sublayer: str
    terms: tuple[TermStep, ...]
    sums: tuple[tuple[str, Chain], ...]
    """The columns of the quantity, if it has several, and the total, each under its name."""

    @property
    def total(self) -> Chain:
        """All columns together."""
        return self.sums[-1][1]

    def sum_of(self, name: str) -> Chain:
        """Return one column, or the total."""
        return dict(self.sums)[name]


def in_one_line(chain: Chain) -> str:
    """Write a chain of equal expressions in LaTeX."""
    return " = ".join(written(step, LATEX) for step in chain)


def in_letters(expression: Any) -> str:
    """Write a polynomial in letters as text, its terms in their order: ``12 L d² + 13 L d``."""
    return written(plus([monomial(*each, {}) for each in _monomials(expression)]), TEXT)


class Derivation:
    """Derives the sums of a quantity for one model, with some of its fields left as letters."""

    def __init__(self, config: Config, free: Iterable[str], quantity: Quantity) -> None:
        letters = letters_of(config, quantity)
        self.config = config
        self.quantity = quantity
        self.values = {
            letter: getattr(config, name) for name, letter in letters.items() if name not in free
        }
        """The numbers that are put in, by the letters they stand for."""
        symbolic = with_symbols(config, letters)
        self.terms = [term for term in quantity.terms(symbolic) if self._is_there(term.copies)]
        self.kinds = [each for each in quantity.by_kind(symbolic) if self._is_there(each.layers)]
        """The terms of each kind of layer; empty where the quantity does not tell kinds apart."""

    def sublayers(self) -> list[SublayerSteps]:
        """Derive the sublayers that have something, in the order of the quantity."""
        present = {term.sublayer for term in self.terms}
        return [self.sublayer(name) for name in self.quantity.parts if name in present]

    def sublayer(self, name: str) -> SublayerSteps:
        """Derive one sublayer, which may have nothing."""
        own = [term for term in self.terms if term.sublayer == name]
        columns = self.quantity.columns_apart(self.config)
        by_column = [
            (column, self._chain([term for term in own if term.column == column]))
            for column in columns
        ]
        return SublayerSteps(
            sublayer=name,
            terms=tuple(
                TermStep(term, self._shape_chain(term), self.layers_said(term)) for term in own
            ),
            sums=(*by_column, ("total", self._chain(own))),
        )

    def blocks(self) -> list[tuple[str, Chain]]:
        """Derive a block of each kind, each with a name."""
        if len(self.kinds) < 2:
            return [("one block", self.block())] if self._terms_of_block() else []
        model = model_of(self.config)
        named = []
        for kind, layers, own in self.kinds:
            number = self._number(layers)
            one = "one block" if number == "1" else f"one of {number} blocks"
            named.append((f"{one}: {kind_said(model, kind)}", self._block_of(own)))
        return named

    def block(self) -> Chain:
        """Derive one block: what its sublayers add up to."""
        return self._block_of(self._terms_of_block())

    def _terms_of_block(self) -> list[Term]:
        """Return the terms of one block, as far as all blocks are alike; none where they differ."""
        if len(self.kinds) == 1:
            return list(self.kinds[0].terms)
        return [
            term._replace(copies=1)
            for term in self.terms
            if term.in_block and symbols_in(term.copies)
        ]

    def layers_said(self, term: Term) -> str:
        """Say how many layers have a term, ``"In 58 layers, L - 3"``; empty where all have it."""
        have = [layers for _, layers, own in self.kinds if _has(own, term)]
        if not term.in_block or len(have) == len(self.kinds):
            return ""
        layers = sum(have)
        written_down, number = written(_size(layers, {}), TEXT), self._number(layers)
        said = f"In {number} {'layer' if number == '1' else 'layers'}"
        return said if number == written_down else f"{said}, {written_down}"

    def _is_there(self, copies: Any) -> bool:
        return self._number(copies) != "0"

    def _number(self, layers: Any) -> str:
        return written(_size(layers, self.values), TEXT)

    def _block_of(self, terms: Iterable[Term]) -> Chain:
        own = list(terms)
        by_sublayer = [[t for t in own if t.sublayer == name] for name in self.quantity.parts]
        sums = [plus(_collected(part, {})) for part in by_sublayer if part]
        return _distinct([plus(sums), *self._chain(own)[1:]])

    def in_one_block(self, sublayer: str, column: str) -> tuple[Node, Node]:
        """Write one column of a sublayer in one block: its shapes, and what they come to."""
        own = [
            term._replace(copies=1)
            for term in self.terms
            if term.in_block and term.sublayer == sublayer and term.column == column
        ]
        return plus(_as_listed(own)), plus(_collected(own, {}))

    def total(self) -> Chain:
        """Derive the whole model in its closed form."""
        return self._chain(self.terms)[1:]

    def _shape_chain(self, term: Term) -> Chain:
        """One copy of a term: its shape in letters, in numbers, and what that comes to."""
        steps = [_shape(term, {})]
        if self.values:
            once = [term._replace(copies=1)]
            steps += [_shape(term, self.values), plus(_worked_out(once, self.values))]
        return _distinct(steps)

    def _chain(self, added: list[Term]) -> Chain:
        """Return the sum as the shapes give it, collected, with numbers put in, and worked out."""
        steps = [plus(_as_listed(added)), plus(_collected(added, {}))]
        if self.values:
            steps += [plus(_collected(added, self.values)), plus(_worked_out(added, self.values))]
        return _distinct(steps)


def _has(terms: Iterable[Term], wanted: Term) -> bool:
    """Tell whether a term of the same operation and shape is among some."""
    key = wanted.role, wanted.column, wanted.shape
    return any((term.role, term.column, term.shape) == key for term in terms)


def _as_listed(added: list[Term]) -> list[Node]:
    """Write every term's shape, neighbours of equal copies together: ``L (d × 3d + 3d)``."""
    terms: list[Node] = []
    for copies, run in groupby(added, key=lambda term: term.copies):
        shapes = [_shape(term, {}) for term in run]
        terms += shapes if copies == 1 else [Beside((_size(copies, {}), plus(shapes)))]
    return terms


def _collected(added: list[Term], values: dict[str, int]) -> list[Node]:
    """Add up terms of equal copies: ``L (4 d² + 4 d)``, ``2 d``; known letters as numbers."""
    terms: list[Node] = []
    for copies, run in _by_copies(added):
        collected = _monomials(sum(term.each for term in run))
        if copies == 1:
            terms += [monomial(*each, values) for each in collected]
        elif len(collected) == 1:
            terms.append(_in_copies(copies, *collected[0], values))
        else:
            inside = plus([monomial(*each, values) for each in collected])
            terms.append(Beside((_size(copies, values), inside)))
    return terms


def _in_copies(
    copies: Any, coefficient: int | Fraction, powers: dict[str, int], values: dict[str, int]
) -> Node:
    """Write copies of a single monomial: ``24 d``, ``L d``, ``(L - 7) (2 d)``."""
    if isinstance(copies, int):
        return monomial(copies * coefficient, powers, values)
    if copies.is_Symbol:
        return monomial(coefficient, {str(copies): 1, **powers}, values)
    return _several(_size(copies, values), monomial(coefficient, powers, values))


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


def _worked_out(added: list[Term], values: dict[str, int]) -> list[Node]:
    """Put numbers in: a number, or a polynomial in the letters that are left."""
    from sympy import sympify

    expression = sympify(sum(term.amount for term in added))
    known = {each: values[each.name] for each in expression.free_symbols if each.name in values}
    return [monomial(*each, {}) for each in _monomials(expression.subs(known))]


def _monomials(expression: Any) -> list[tuple[int | Fraction, dict[str, int]]]:
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


def _shape(term: Term, values: dict[str, int]) -> Node:
    """Return the sizes of one term: ``d × 3d``, or with numbers ``768 × 2,304``."""
    sizes = [_size(size, values) for size in term.shape]
    if not sizes:
        return 1
    return sizes[0] if len(sizes) == 1 else Times(tuple(sizes))


def _size(size: Any, values: dict[str, int]) -> Node:
    """One size: ``3d`` in letters, a single number where all its letters are known."""
    nodes = [_tight(coefficient, powers, values) for coefficient, powers in _monomials(size)]
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


def _letters_and_signs(step: Node) -> str:
    return written(step, TEXT).replace(" ", "")


def _distinct(steps: list[Node]) -> Chain:
    """Return the steps less those that look like the one before."""
    kept = [next(group) for _, group in groupby(steps, key=_letters_and_signs)]
    return tuple(kept)
