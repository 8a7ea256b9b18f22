"""Polynomials as numbers: sent through the forward pass, one field comes out as a formula.

A field is replaced by the polynomial ``x``, the operations add and multiply as they would with any
number, and the sum is a polynomial in that field. Its degree is what the operations make it; a
step that leaves the polynomials, such as an inexact division, raises :class:`NoPolynomialError`.
"""

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from gpt2calc.quantity import Config, Quantity
from gpt2calc.terms import Number

Measure = Callable[[Config], Number]
"""A sum over the operations of a config: the total, a column, one sublayer."""


class NoPolynomialError(TypeError):
    """A sum is no polynomial in the field that was asked for."""


class Polynomial:
    """A polynomial in one field; its coefficients are integers, or arrays of them."""

    __array_ufunc__ = None  # an array times a polynomial is the polynomial's business

    def __init__(self, coefficients: Sequence[Number]) -> None:
        self.coefficients = tuple(coefficients)
        """From the constant upwards."""

    @property
    def degree(self) -> int:
        """The highest power whose coefficient is not zero."""
        nonzero = [power for power, c in enumerate(self.coefficients) if _is_nonzero(c)]
        return max(nonzero, default=0)

    def __add__(self, other: Number) -> "Polynomial":
        pairs = zip_longest(self.coefficients, _polynomial(other).coefficients, fillvalue=0)
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
        return self + _polynomial(other) * -1

    def __rsub__(self, other: Number) -> "Polynomial":
        return _polynomial(other) + self * -1

    def __neg__(self) -> "Polynomial":
        return self * -1

    def __pow__(self, exponent: int) -> "Polynomial":
        power = Polynomial([1])
        for _ in range(exponent):
            power = power * self
        return power

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, divisor: Number) -> "Polynomial":
        if isinstance(divisor, int) and all(
            isinstance(each, int) and each % divisor == 0 for each in self.coefficients
        ):
            return Polynomial([each // divisor for each in self.coefficients])
        raise NoPolynomialError("a division of a polynomial leaves a rest")

    def _refuse(self, *_: Any) -> Any:
        raise NoPolynomialError("this step has no polynomial as its result")

    __mod__ = __rmod__ = __rfloordiv__ = __truediv__ = __rtruediv__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __int__ = __index__ = __float__ = __bool__ = _refuse

    def at(self, x: Number) -> Number:
        """Return the value where the field is ``x``, by Horner's rule."""
        value: Number = 0
        for coefficient in reversed(self.coefficients):
            value = value * x + coefficient
        return value

    def largest_within(self, budget: int) -> int:
        """Return the largest integer at which the value is at most ``budget``; -1 if none is.

        The polynomial must grow with the field, from 0 on.
        """
        low, high = -1, 1
        while self.at(high) <= budget:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.at(middle) <= budget else (low, middle)
        return low


X = Polynomial([0, 1])
"""The field itself."""


def along(measure: Measure, config: Config, field: str) -> Polynomial:
    """Return a measure as a polynomial in one field, all others as in ``config``.

    Raises:
        NoPolynomialError: the measure is none.

    """
    return _polynomial(measure(config.evaluate_at(**{field: X})))


def total_along(config: Config, field: str, quantity: Quantity) -> Polynomial:
    """Return the total of a quantity as a polynomial in one field."""
    return along(quantity.total, config, field)


def fields_of(quantity: Quantity, config: Config) -> tuple[str, ...]:
    """Return the numbers of a config that change a quantity, in the order of its fields.

    A number that follows its rule does not count: it is no quantity of its own.
    """
    return tuple(
        name
        for name, known in config.known.items()
        if known.letter and getattr(config, name) is not None and _matters(quantity, config, name)
    )


def solvable_fields(quantity: Quantity, config: Config) -> tuple[str, ...]:
    """Return the numbers that a budget can be solved for, those that follow a rule as well."""
    ruled = {name: config.value(name) for name, known in config.known.items() if known.letter}
    filled = config.evaluate_at(**{name: value for name, value in ruled.items() if value})
    return fields_of(quantity, filled)


def _matters(quantity: Quantity, config: Config, field: str) -> bool:
    try:
        return total_along(config, field, quantity).degree > 0
    except NoPolynomialError:
        return True


def _polynomial(number: Number) -> Polynomial:
    return number if isinstance(number, Polynomial) else Polynomial([number])


def _is_nonzero(coefficient: Number) -> bool:
    nonzero = coefficient != 0
    return bool(nonzero if isinstance(nonzero, bool) else nonzero.any())
