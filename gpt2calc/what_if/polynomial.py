"""The count as a polynomial in one field: what makes sweeps fast and budgets solvable.

In each of its numbers by itself the count has degree two at most: linear in layers, vocabulary,
context and MLP width, quadratic in the width of the model. Three counts therefore give its
coefficients, exactly, and nothing here knows a formula.
"""

from collections.abc import Callable
from math import isqrt
from typing import NamedTuple

from gpt2calc.architecture import Number
from gpt2calc.config import GPT2Config
from gpt2calc.counting import count

Measure = Callable[[GPT2Config], Number]
"""Something that adds up tensors of a config: the total, the weights, one sublayer."""


class Polynomial(NamedTuple):
    """``square * x**2 + slope * x + constant``, in parameters."""

    square: Number
    slope: Number
    constant: Number

    def at(self, x: Number) -> Number:
        """The count where the field is ``x``."""
        return (self.square * x + self.slope) * x + self.constant

    def largest_within(self, budget: int) -> int:
        """The largest integer at which the count is at most ``budget``; -1 if it never is.

        The coefficients must be integers and the count must grow with the field.
        """
        room = budget - int(self.constant)
        if room < 0:
            return -1
        if self.square == 0:
            return room // int(self.slope)
        discriminant = self.slope**2 + 4 * self.square * room
        return (isqrt(discriminant) - int(self.slope)) // (2 * int(self.square))


def along(measure: Measure, config: GPT2Config, field: str, degree: int = 2) -> Polynomial:
    """The coefficients of ``measure`` in one field, all others as in ``config``.

    A degree of 1 may be given where it is known; then no value beyond 1 is ever evaluated.
    """
    at_0, at_1 = (measure(config.evaluate_at(**{field: x})) for x in (0, 1))
    if degree == 1:
        return Polynomial(0, at_1 - at_0, at_0)
    at_2 = measure(config.evaluate_at(**{field: 2}))
    square = (at_2 - 2 * at_1 + at_0) // 2
    return Polynomial(square, at_1 - at_0 - square, at_0)


def total_along(config: GPT2Config, field: str) -> Polynomial:
    """The coefficients of the total."""
    return along(lambda each: count(each).total, config, field)
