"""Sizes that carry their formula: integers at one point, and polynomials in letters beside them.

A run on such sizes takes every decision at the point, and the numbers that come out of it are
formulas: sums, differences, products and exact ``//`` keep the formula, any other arithmetic gives
a plain integer. Exponents may be negative, since a head is ``d / h`` wide.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from math import lcm
from typing import TypeAlias

from gpt2calc.tape.numeric import exact_quotient

Monomial: TypeAlias = tuple[tuple[str, int], ...]
"""Letters with their exponents, in alphabetical order."""
Coefficient: TypeAlias = int | Fraction
"""An integer where it is whole, since that is many times as fast."""
Terms: TypeAlias = dict[Monomial, Coefficient]
"""The terms of a formula: monomials with their coefficients."""


class SymInt(int):
    """An integer that knows the formula it comes from."""

    terms: Terms

    def __new__(cls, value: int, terms: Terms) -> "SymInt":
        """Return a size with a value at the point, and its formula."""
        size = int.__new__(cls, value)
        size.terms = terms
        return size

    @classmethod
    def letter(cls, letter: str, value: int) -> "SymInt":
        """Return a size that is a letter by itself."""
        return cls(value, {((letter, 1),): 1})

    def __add__(self, other: int) -> "SymInt":
        return _sum(self, other, 1)

    def __sub__(self, other: int) -> "SymInt":
        return _sum(self, other, -1)

    def __rsub__(self, other: int) -> "SymInt":
        return _sum(SymInt(other, terms_of(other)), self, -1)

    def __neg__(self) -> "SymInt":
        return _sum(SymInt(0, {}), self, -1)

    def __mul__(self, other: int) -> "SymInt":
        if not isinstance(other, int):
            return NotImplemented
        if not isinstance(other, SymInt):  # most factors are, and no monomial changes by them
            scaled = {one: factor * other for one, factor in self.terms.items()} if other else {}
            return SymInt(int(self) * other, scaled)
        terms: Terms = {}
        for one, factor in self.terms.items():
            for two, times in other.terms.items():
                monomial = _joined(one, two, 1)
                terms[monomial] = terms.get(monomial, 0) + factor * times
        return SymInt(int(self) * int(other), terms)

    def __floordiv__(self, other: int) -> "SymInt":
        return _quotient(self, other)

    def __rfloordiv__(self, other: int) -> "SymInt":
        return _quotient(SymInt(other, terms_of(other)), self)

    def __mod__(self, other: int) -> int:
        rest = int(self) % int(other)
        if not isinstance(other, SymInt):
            shares = {
                monomial: _ratio(factor, int(other)) for monomial, factor in self.terms.items()
            }
            _note(shares, "whole", rest == 0)
        return rest

    __radd__ = __add__
    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return _decided(self, other, "==", int.__eq__(self, other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: int) -> bool:
        return _decided(self, other, "<", int(self) < int(other))

    def __gt__(self, other: int) -> bool:
        return _decided(self, other, ">", int(self) > int(other))

    def __le__(self, other: int) -> bool:
        return not self > other

    def __ge__(self, other: int) -> bool:
        return not self < other

    def __bool__(self) -> bool:
        return self != 0

    __hash__ = int.__hash__


class Decisions:
    """Records the comparisons of sizes in a run: where all come out alike, the run is the same."""

    def __init__(self) -> None:
        self.made: dict[tuple[frozenset[tuple[Monomial, Coefficient]], str], bool] = {}
        """By the difference of two sizes and its relation to 0, or by a quotient and that it is
        whole, whether that holds."""

    def __enter__(self) -> "Decisions":
        global _decisions
        self._outer, _decisions = _decisions, self
        return self

    def __exit__(self, *_: object) -> None:
        global _decisions
        _decisions = self._outer

    def differences(self) -> Iterator[tuple[SymInt, str, bool]]:
        """Yield each difference, or quotient, as a size, its relation, and whether it holds."""
        for (terms, relation), outcome in self.made.items():
            yield SymInt(0, dict(terms)), relation, outcome


_decisions: Decisions | None = None


def _decided(one: SymInt, other: object, relation: str, outcome: bool) -> bool:
    if _decisions is not None and isinstance(other, int) and one is not other:
        _note(_sum(one, other, -1).terms, relation, outcome)
    return outcome


def _note(terms: Terms, relation: str, outcome: bool) -> None:
    if _decisions is not None and any(terms):
        _decisions.made[frozenset(terms.items()), relation] = outcome


def terms_of(number: int) -> Terms:
    """Return the formula of a number: its own, or the number as a constant."""
    if isinstance(number, SymInt):
        return number.terms
    return {(): int(number)} if number else {}


def _sum(one: SymInt, other: int, sign: int) -> SymInt:
    if not isinstance(other, int):
        return NotImplemented
    terms = dict(one.terms)
    for monomial, factor in terms_of(other).items():
        terms[monomial] = terms.get(monomial, 0) + sign * factor
        if not terms[monomial]:
            del terms[monomial]
    return SymInt(int(one) + sign * int(other), terms)


def has_quotient(size: int, divisor: int) -> bool:
    """Tell whether ``size // divisor`` is possible, which a remainder prevents for a ``SymInt``."""
    return not isinstance(size, SymInt) or int(size) % divisor == 0


def _quotient(one: SymInt, other: int) -> SymInt:
    """Divide exactly by a single term. Raises ``ArithmeticError`` if that is not possible."""
    divisor = terms_of(other)
    if len(divisor) != 1 or int(one) % int(other):
        raise ArithmeticError(f"{int(one)} by {int(other)} is no formula")
    ((by, times),) = divisor.items()
    terms = {
        _joined(monomial, by, -1): _ratio(factor, times) for monomial, factor in one.terms.items()
    }
    _note(terms, "whole", True)
    return SymInt(int(one) // int(other), terms)


def _ratio(above: Coefficient, below: Coefficient) -> Coefficient:
    if isinstance(above, int) and isinstance(below, int) and not above % below:
        return above // below
    ratio = Fraction(above) / below
    return ratio.numerator if ratio.denominator == 1 else ratio


@lru_cache(maxsize=1 << 12)  # a model has few monomials, and multiplies them all the time
def _joined(one: Monomial, other: Monomial, sign: int) -> Monomial:
    powers = dict(one)
    for letter, power in other:
        powers[letter] = powers.get(letter, 0) + sign * power
    return tuple(sorted((letter, power) for letter, power in powers.items() if power))


class Formula:
    """The formula of a size, to be evaluated at numbers.

    Its terms have one denominator, by which the numerator of a size of a model is divisible.
    """

    def __init__(self, size: int) -> None:
        terms = terms_of(size)
        below = _below_the_line(terms)
        self.denominator = lcm(*(factor.denominator for factor in terms.values()))
        self.below = _written_out(below)
        self.terms = [
            (int(factor * self.denominator), _written_out(_multiplied(monomial, below)))
            for monomial, factor in terms.items()
        ]

    def at(self, values: Mapping[str, int]) -> int:
        """Return its value at some numbers: integers, or arrays and symbols cast to them."""
        total, divisor = self.numerator_at(values), self.divisor_at(values)
        is_whole = isinstance(divisor, int) and divisor == 1  # polynomials cannot be compared
        return total if is_whole else exact_quotient(total, divisor)

    def divisor_at(self, values: Mapping[str, int]) -> int:
        """Return its denominator at some numbers, which is positive."""
        divisor = self.denominator
        for letter in self.below:
            divisor = divisor * values[letter]
        return divisor

    def numerator_at(self, values: Mapping[str, int]) -> int:
        """Return its numerator at some numbers, which has the sign of the formula."""
        total = 0
        for product, letters in self.terms:
            for letter in letters:
                product = product * values[letter]
            total = total + product
        return total


def _written_out(powers: Mapping[str, int]) -> tuple[str, ...]:
    """Return each letter as often as it is a factor."""
    return tuple(letter for letter, power in powers.items() for _ in range(power))


def _multiplied(monomial: Monomial, by: Mapping[str, int]) -> dict[str, int]:
    powers = dict(by)
    for letter, power in monomial:
        powers[letter] = powers.get(letter, 0) + power
    return powers


def _below_the_line(terms: Terms) -> dict[str, int]:
    """Return the letters that terms are divided by, with the highest power of each."""
    below: dict[str, int] = {}
    for monomial in terms:
        for letter, power in monomial:
            if -power > below.get(letter, 0):
                below[letter] = -power
    return below
