"""Polynomials in one field of a config, which stand for numbers in a count.

A field is replaced by the polynomial ``x``, the operations add and multiply as they would with any
number, and the sum is a polynomial in that field. An operation whose result is no polynomial, such
as a rounding, raises :class:`NoPolynomialError`.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from gpt2calc.quantity.bisection import largest_that
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.quantity import NoFormulaError
from gpt2calc.tape.numeric import is_array


class NoPolynomialError(NoFormulaError):
    """A sum is no polynomial in the field that was asked for."""


class Polynomial:
    """A polynomial in one field; its coefficients are numbers that are exact, or arrays of them."""

    __array_ufunc__ = None  # so that NumPy leaves an array times a polynomial to __rmul__

    def __init__(self, coefficients: Sequence[Number]) -> None:
        self.coefficients = tuple(coefficients)
        """From the constant upwards."""

    @property
    def degree(self) -> int:
        """The highest power whose coefficient is not zero."""
        nonzero = [power for power, c in enumerate(self.coefficients) if _is_nonzero(c)]
        return max(nonzero, default=0)

    @property
    def is_whole(self) -> bool:
        """Whether all its coefficients are whole numbers."""
        return not any(isinstance(each, Fraction) for each in self.coefficients)

    def __add__(self, other: Number) -> "Polynomial":
        pairs = zip_longest(self.coefficients, as_polynomial(other).coefficients, fillvalue=0)
        return Polynomial([mine + theirs for mine, theirs in pairs])

    def __mul__(self, other: Number) -> "Polynomial":
        if not isinstance(other, Polynomial):
            return Polynomial([each * other for each in self.coefficients])
        product: list[Number] = [0] * (len(self.coefficients) + len(other.coefficients) - 1)
        for power, mine in enumerate(self.coefficients):
            for more, theirs in enumerate(other.coefficients):
                product[power + more] = product[power + more] + mine * theirs
        return Polynomial(product)

    def __sub__(self, other: Number) -> "Polynomial":
        return self + as_polynomial(other) * -1

    def __rsub__(self, other: Number) -> "Polynomial":
        return as_polynomial(other) + self * -1

    def __neg__(self) -> "Polynomial":
        return self * -1

    def __pow__(self, exponent: int) -> "Polynomial":
        power = Polynomial([1])
        for _ in range(exponent):
            power = power * self
        return power

    __radd__ = __add__
    __rmul__ = __mul__

    def __truediv__(self, divisor: Number) -> "Polynomial":
        if not isinstance(divisor, int) or any(map(is_array, self.coefficients)):
            self._refuse()
        return Polynomial([Fraction(each, divisor) for each in self.coefficients])

    def _refuse(self, *_: Any) -> Any:
        raise NoPolynomialError("this step has no polynomial as its result")

    __floordiv__ = __mod__ = __rmod__ = __rfloordiv__ = __rtruediv__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __int__ = __index__ = __float__ = __bool__ = _refuse
    __eq__ = __ne__ = _refuse
    __hash__ = None  # type: ignore[assignment]

    def at(self, x: Number) -> Number:
        """Return the value where the field is ``x``, by Horner's rule."""
        value: Number = 0
        for coefficient in reversed(self.coefficients):
            value = value * x + coefficient
        is_whole = isinstance(value, Fraction) and value.denominator == 1
        return value.numerator if is_whole else value

    def largest_within(self, budget: int) -> int:
        """Return the largest integer at which the value is at most ``budget``; -1 if none is.

        The polynomial must grow: the search for a constant one would not end.
        """
        return largest_that(lambda x: bool(self.at(x) <= budget), below=-1)


def as_polynomial(number: Number) -> Polynomial:
    """Return a polynomial as it is, and any other number as a constant one."""
    return number if isinstance(number, Polynomial) else Polynomial([number])


def _is_nonzero(coefficient: Number) -> bool:
    nonzero = coefficient != 0
    return bool(nonzero if isinstance(nonzero, bool) else nonzero.any())


X = Polynomial([0, 1])
"""The field itself."""
