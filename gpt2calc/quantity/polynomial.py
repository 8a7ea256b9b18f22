"""Polynomials as numbers: sent through the forward pass, one field comes out as a formula.

A field is replaced by the polynomial ``x``, the operations add and multiply as they would with any
number, and the sum is a polynomial in that field. Its degree is what the operations make it; a
step that leaves the polynomials, such as an inexact division, raises :class:`NoPolynomialError`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import zip_longest
from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.model.derived import HEAD_WIDTH
from gpt2calc.quantity.largest import largest
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.quantity import Config, NoFormulaError, Quantity

Measure = Callable[[Config], Number]
"""A sum over the operations of a config: the total, a column, one sublayer."""


class NoPolynomialError(NoFormulaError):
    """A sum is no polynomial in the field that was asked for."""


class Curve(ABC):
    """A sum along one field, which grows with it from 0 on."""

    @property
    @abstractmethod
    def degree(self) -> int:
        """The highest power of the field; 0 where it changes nothing."""

    @property
    def is_whole(self) -> bool:
        """Whether all its coefficients are whole numbers."""
        return True

    @abstractmethod
    def at(self, x: Number) -> Number:
        """Return the value where the field is ``x``."""

    def largest_within(self, budget: int) -> int:
        """Return the largest integer at which the value is at most ``budget``; -1 if none is."""
        low, high = -1, 1
        while self.at(high) <= budget:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.at(middle) <= budget else (low, middle)
        return low


class Polynomial(Curve):
    """A polynomial in one field; its coefficients are numbers that are exact, or arrays of them."""

    __array_ufunc__ = None  # an array times a polynomial is the polynomial's business

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

    def __truediv__(self, divisor: Number) -> "Polynomial":
        if not isinstance(divisor, int):
            self._refuse()
        return Polynomial([_divided(each, divisor) for each in self.coefficients])

    def _refuse(self, *_: Any) -> Any:
        raise NoPolynomialError("this step has no polynomial as its result")

    __mod__ = __rmod__ = __rfloordiv__ = __rtruediv__ = _refuse
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

    def envelope(self, numbers: Sequence[Number]) -> "Envelope":
        """Return the curve that is the largest of some polynomials at each point."""
        return Envelope([_polynomial(number) for number in numbers])


class Envelope(Curve):
    """The largest of several polynomials in one field, at each of its values."""

    def __init__(self, polynomials: Sequence[Polynomial]) -> None:
        self.polynomials: list[Polynomial] = []
        """Those that no other one is above everywhere."""
        for each in polynomials:
            if not any(_is_below(each, other) for other in self.polynomials):
                self.polynomials = [p for p in self.polynomials if not _is_below(p, each)]
                self.polynomials.append(each)

    @property
    def degree(self) -> int:
        """The highest power that any of them has."""
        return max(each.degree for each in self.polynomials)

    @property
    def is_whole(self) -> bool:
        """Whether all coefficients of all of them are whole numbers."""
        return all(each.is_whole for each in self.polynomials)

    def at(self, x: Number) -> Number:
        """Return the largest value where the field is ``x``."""
        return largest([each.at(x) for each in self.polynomials])


class Pointwise(Curve):
    """A total that is no polynomial in a field, evaluated at each value that is asked for."""

    def __init__(self, config: Config, field: str, quantity: Quantity) -> None:
        self._config, self._field, self._quantity = config, field, quantity
        self.step = step_of_width(config) if field == "n_embd" else 1
        """The values in between are taken for the one below."""
        self._totals: dict[int, Number] = {}

    @property
    def degree(self) -> int:
        """Return 1 where the total grows, with no claim about its shape; else 0."""
        for far in (FAR, NEARER):
            with suppress(UserError):
                return int(self.at(far) > self.at(1))
        return 0

    def largest_within(self, budget: int) -> int:
        """Return the largest value at which the total is at most ``budget``, and can be asked."""
        low, high = 0, 1
        while self._is_within(high, budget):
            if high >= FAR and self.at(high) == self.at(high // 2):
                raise UserError(
                    f"{self._field} may be of any size: even at {high:,} it is "
                    f"{self.at(high):,} {self._quantity.unit}, which is within"
                )
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._is_within(middle, budget) else (low, middle)
        return low or (0 if self.at(1) > budget else 1)

    def _is_within(self, x: int, budget: int) -> bool:
        try:
            return bool(self.at(x) <= budget)
        except UserError:
            if x == 1:
                raise
            return False

    def at(self, x: Number) -> Number:
        """Return the total where the field is ``x``."""
        value = max(x // self.step, 1) * self.step
        if value not in self._totals:
            config = self._config.evaluate_at(**{self._field: value})
            self._totals[value] = self._quantity.total(config)
        return self._totals[value]


def step_of_width(config: Config) -> int:
    """Return what a width is a multiple of: heads divide it, rotary ones in pairs of features."""
    if config.head_dim is not None:
        return 1
    in_pairs = 2 if config.positions == "rotary" and config.n_head else 1
    return (config.n_head or HEAD_WIDTH) * in_pairs


def _is_below(one: Polynomial, other: Polynomial) -> bool:
    """Tell whether no coefficient is larger than the other's, so that no value from 0 on is."""
    pairs = zip_longest(one.coefficients, other.coefficients, fillvalue=0)
    return all(_is_everywhere(mine <= theirs) for mine, theirs in pairs)


def _is_everywhere(condition: Any) -> bool:
    return bool(condition.all() if hasattr(condition, "all") else condition)


EVALUATED = ("batch", "seq", "cached", "n_layer", "vocab", "n_ctx", "n_inner")
"""Fields whose values are evaluated one by one, where a quantity is the largest of several."""
FAR = 2**30
"""A value of a field that is larger than any that is asked for."""
NEARER = 2**10
"""One that is asked for where no config can have that."""
X = Polynomial([0, 1])
"""The field itself."""


def along(measure: Measure, config: Config, field: str) -> Polynomial | Envelope:
    """Return a measure along one field, all others as in ``config``.

    Raises:
        NoPolynomialError: the measure is no polynomial, nor the largest of several.

    """
    value = measure(config.evaluate_at(**{field: X}))
    return value if isinstance(value, Envelope) else _polynomial(value)


def polynomial_along(measure: Measure, config: Config, field: str) -> Polynomial:
    """Return a measure along one field. Raises ``NoPolynomialError`` if it is no polynomial."""
    curve = along(measure, config, field)
    if not isinstance(curve, Polynomial):
        raise NoPolynomialError("the largest of several polynomials is none itself")
    return curve


def total_along(config: Config, field: str, quantity: Quantity) -> Polynomial | Envelope:
    """Return the total of a quantity as a polynomial in one field, or the largest of several."""
    return along(quantity.total, config, field)


def curve_along(config: Config, field: str, quantity: Quantity) -> Curve:
    """Return the total of a quantity along one field; if no polynomial, evaluated at each value.

    So it is with the largest of several totals, but for the model's width, which heads divide.
    """
    if quantity.alternatives is not None and field in EVALUATED:
        return Pointwise(config, field, quantity)
    try:
        return total_along(config, field, quantity)
    except NoFormulaError:
        return Pointwise(config, field, quantity)


def is_solvable(field: str, quantity: Quantity, config: Config) -> bool:
    """Tell whether a field is among the numbers that a budget can be solved for."""
    known = config.known.get(field)
    if known is None or not known.letter or (known.echoes and getattr(config, field) is None):
        return False
    filled = _with_numbers_by_rule(config)
    return getattr(filled, field) is not None and _matters(quantity, filled, field)


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
    return fields_of(quantity, _with_numbers_by_rule(config))


def _with_numbers_by_rule(config: Config) -> Config:
    ruled = {
        name: config.value(name)
        for name, known in config.known.items()
        if known.letter and not known.echoes
    }
    return config.evaluate_at(**{name: value for name, value in ruled.items() if value})


def _matters(quantity: Quantity, config: Config, field: str) -> bool:
    try:
        return total_along(config, field, quantity).degree > 0
    except NoFormulaError:
        return True


def _polynomial(number: Number) -> Polynomial:
    return number if isinstance(number, Polynomial) else Polynomial([number])


def _divided(coefficient: Number, divisor: int) -> Number:
    if not hasattr(coefficient, "dtype"):
        return Fraction(coefficient, divisor)
    if (coefficient % divisor).any():
        raise NoPolynomialError("a division of arrays of coefficients leaves a rest")
    return coefficient // divisor


def _is_nonzero(coefficient: Number) -> bool:
    nonzero = coefficient != 0
    return bool(nonzero if isinstance(nonzero, bool) else nonzero.any())
