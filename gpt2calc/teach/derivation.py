"""Derivations of a quantity: each sum as a chain of equal expressions, from shapes to a number."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from gpt2calc.model.kinds import kind_said
from gpt2calc.model.terms import Term
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity, model_of
from gpt2calc.quantity.symbols import letters_of, with_symbols
from gpt2calc.tape.numeric import symbols_in
from gpt2calc.teach.notation import LATEX, TEXT, Node, monomial, plus, written
from gpt2calc.teach.sums import as_listed, collected, monomials, shape_of, size_of, worked_out

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
    return written(plus([monomial(*each, {}) for each in monomials(expression)]), TEXT)


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
        written_down, number = written(size_of(layers, {}), TEXT), self._number(layers)
        said = f"In {number} {'layer' if number == '1' else 'layers'}"
        return said if number == written_down else f"{said}, {written_down}"

    def _is_there(self, copies: Any) -> bool:
        return self._number(copies) != "0"

    def _number(self, layers: Any) -> str:
        return written(size_of(layers, self.values), TEXT)

    def _block_of(self, terms: Iterable[Term]) -> Chain:
        own = list(terms)
        by_sublayer = [[t for t in own if t.sublayer == name] for name in self.quantity.parts]
        sums = [plus(collected(part, {})) for part in by_sublayer if part]
        return _distinct([plus(sums), *self._chain(own)[1:]])

    def in_one_block(self, sublayer: str, column: str) -> tuple[Node, Node]:
        """Write one column of a sublayer in one block: its shapes, and what they come to."""
        own = [
            term._replace(copies=1)
            for term in self.terms
            if term.in_block and term.sublayer == sublayer and term.column == column
        ]
        return plus(as_listed(own)), plus(collected(own, {}))

    def total(self) -> Chain:
        """Derive the whole model in its closed form."""
        return self._chain(self.terms)[1:]

    def _shape_chain(self, term: Term) -> Chain:
        """One copy of a term: its shape in letters, in numbers, and what that comes to."""
        steps = [shape_of(term, {})]
        if self.values:
            once = [term._replace(copies=1)]
            steps += [shape_of(term, self.values), plus(worked_out(once, self.values))]
        return _distinct(steps)

    def _chain(self, added: list[Term]) -> Chain:
        """Return the sum as the shapes give it, collected, with numbers put in, and worked out."""
        steps = [plus(as_listed(added)), plus(collected(added, {}))]
        if self.values:
            steps += [plus(collected(added, self.values)), plus(worked_out(added, self.values))]
        return _distinct(steps)


def _has(terms: Iterable[Term], wanted: Term) -> bool:
    """Tell whether a term of the same operation and shape is among some."""
    key = wanted.role, wanted.column, wanted.shape
    return any((term.role, term.column, term.shape) == key for term in terms)


def _letters_and_signs(step: Node) -> str:
    return written(step, TEXT).replace(" ", "")


def _distinct(steps: list[Node]) -> Chain:
    """Return the steps less those that look like the one before."""
    kept = [next(group) for _, group in groupby(steps, key=_letters_and_signs)]
    return tuple(kept)
