"""A quantity along one field of a config: as a polynomial, or evaluated at each value."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from gpt2calc.errors import UserError
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.quantity.bisection import largest_that
from gpt2calc.quantity.number import Config, Number
from gpt2calc.quantity.polynomial import Polynomial, X, as_polynomial
from gpt2calc.quantity.quantity import NoFormulaError, Quantity

Measure = Callable[[Config], Number]
"""A sum over the operations of a config: the total, a column, one sublayer."""
FAR = 2**30
"""A value of a field that is larger than any in use."""
NEARER = 2**10
"""The value to ask for where no config can have ``FAR``."""


class Pointwise:
    """A total that is no polynomial in a field, evaluated at each value that is asked for."""

    def __init__(self, config: Config, field: str, quantity: Quantity) -> None:
        self._config, self._field, self._quantity = config, field, quantity
        self.step = step_of_width(config) if field == "n_embd" else 1
        """Values of the field are rounded down to a multiple of the step."""
        self._totals: dict[int, Number] = {}

    @property
    def degree(self) -> int:
        """1 if the total grows with the field, whatever its true degree; else 0."""
        for far in (FAR, NEARER):
            with suppress(UserError):
                return int(self.at(far) > self.at(1))
        return 0

    def largest_within(self, budget: int) -> int:
        """Return the largest valid value at which the total is at most ``budget``; 0 if none is.

        Raises:
            UserError: the smallest value is not valid, or any value is within ``budget``.

        """
        return largest_that(lambda x: self._is_within(x, budget)) // self.step * self.step

    def _is_within(self, x: int, budget: int) -> bool:
        try:
            is_within = bool(self.at(x) <= budget)
        except UserError:
            if x == 1:
                raise
            return False
        if is_within and x >= FAR and self.at(x) == self.at(x // 2):
            raise UserError(
                f"any {self._field} fits the budget: even {x:,} takes only {self.at(x):,} "
                f"{self._quantity.unit}"
            )
        return is_within

    def at(self, x: Number) -> Number:
        """Return the total where the field is ``x``, rounded down to a multiple of the step."""
        value = max(x // self.step, 1) * self.step
        if value not in self._totals:
            config = self._config.evaluate_at(**{self._field: value})
            self._totals[value] = self._quantity.total(config)
        return self._totals[value]


Curve: TypeAlias = Polynomial | Pointwise


def along(measure: Measure, config: Config, field: str) -> Polynomial:
    """Return a measure as a polynomial in one field, all others as in ``config``.

    Raises:
        NoFormulaError: the measure is no polynomial in the field.

    """
    return as_polynomial(measure(config.evaluate_at(**{field: X})))


def curve_along(config: Config, field: str, quantity: Quantity) -> Curve:
    """Return the total of a quantity along one field, as a polynomial if it is one."""
    if quantity.alternatives is not None:
        return Pointwise(config, field, quantity)
    try:
        return along(quantity.total, config, field)
    except NoFormulaError:
        return Pointwise(config, field, quantity)


def step_of_width(config: Config) -> int:
    """Return what a width must be a multiple of: the heads, or with rotary positions twice that."""
    if config.head_dim is not None:
        return 1
    in_pairs = 2 if config.positions == "rotary" and config.n_head else 1
    return (config.n_head or HEAD_WIDTH) * in_pairs


def is_solvable(field: str, quantity: Quantity, config: Config) -> bool:
    """Tell whether a field is among the numbers that a budget can be solved for."""
    known = config.known.get(field)
    if known is None or not known.letter or (known.echoes and getattr(config, field) is None):
        return False
    filled = _with_numbers_by_rule(config)
    return getattr(filled, field) is not None and _matters(quantity, filled, field)


def fields_of(quantity: Quantity, config: Config) -> tuple[str, ...]:
    """Return the numbers of a config that change a quantity, in the order of its fields.

    A field that is left at None and follows its rule is not among them.
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
    at_x = config.evaluate_at(**{field: X})
    sums = quantity.alternatives or (lambda config: [quantity.total(config)])
    try:
        return any(as_polynomial(each).degree > 0 for each in sums(at_x))
    except NoFormulaError:
        return True
