"""Solving for one field of one model: the values nearest to a budget that a config takes."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from gpt2calc.analysis.budgets import said
from gpt2calc.errors import UserError
from gpt2calc.quantity.along import Curve, Pointwise, curve_along, step_of_width
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity, model_of
from gpt2calc.units import RoundedNumber

STRUCTURAL = ("n_head", "head_dim", "n_embd", "n_expert", "n_layer")
"""Fields of which a config takes only some values: heads divide widths, lists name layers."""
MOST_TRIED = 2_000
"""Values that are tried, at most, to find one that a config takes."""
Interval = tuple[int, int]
"""First and last value, both included."""


@dataclass(frozen=True)
class Value:
    """A value of the field, and the exact total of the model with it, in the quantity's unit."""

    value: int
    total: int


@dataclass(frozen=True)
class Solution:
    """The values of one field that come nearest to a budget, for one model."""

    name: str
    config: Config
    budget: RoundedNumber
    below: Value | None
    """The value with the largest total of at most the budget; None if every total is above it."""
    above: Value
    """The value with the smallest total of at least the budget."""
    values: Sequence[int]
    """The values whose totals are ``near`` the budget as it is written: multiples of a step, as a
    range that begins at one of them, or a few listed ones."""

    @property
    def interval(self) -> Interval | None:
        """The first and the last of these values; None if there are none."""
        return ends_of(self.values)


def ends_of(values: Sequence[int]) -> Interval | None:
    """Return the first and the last of some values; None if there are none."""
    return (values[0], values[-1]) if values else None


def with_value(config: Config, field: str, value: int) -> Config:
    """Return a config with another value of a field, and the heads that a count depends on."""
    keeps_heads = field == "n_embd" and config.has_own_heads and config.n_head is not None
    heads = {"n_head": config.n_head} if keeps_heads else {}
    return config.replace(**heads | {field: value})


def solved(
    field: str,
    quantity: Quantity,
    name: str,
    config: Config,
    budget: RoundedNumber,
    *,
    heads_are_given: bool,
) -> Solution:
    """Return the values of a field nearest to a budget, and all that round to it.

    Args:
        field: what is solved for.
        quantity: what the budget is of.
        name: what the model is called.
        config: what all other fields are.
        budget: how much of the quantity.
        heads_are_given: whether ``n_head`` was asked for, and must divide a width.

    Raises:
        UserError: no value of it gives so little, or none near it makes a model.

    """
    few = _divisors_of_the_width(config, quantity) if field == "n_head" else ()
    if few:
        return _solved_among(few, field, quantity, name, config, budget)
    curve = curve_along(config, field, quantity)
    step = _step_of(curve, config, heads_are_given) if field == "n_embd" else 1
    shallowest = max(config.repetition[0], 1)
    _refuse_out_of_reach(curve, budget, field, name, quantity, shallowest=shallowest)
    below = curve.largest_within(budget.value) // step * step
    above = below if curve.at(below) == budget.value else below + step
    lower = _accepted(config, field, range(below, 0, -step))
    upper = _accepted(config, field, range(max(above, step), sys.maxsize, step))
    if upper is None:
        raise UserError(
            f"no {field} of {name} near {below:,} makes a model, its heads or experts among them: "
            "solve for another field"
        )

    def at(value: int) -> Value:
        return Value(value, quantity.total(config.evaluate_at(**{field: value})))

    return Solution(
        name=name,
        config=config,
        budget=budget,
        below=None if lower is None else at(lower),
        above=at(upper),
        values=_values_near(curve, budget, step, config, field),
    )


def _step_of(curve: Curve, config: Config, heads_are_given: bool) -> int:
    """Return the step of widths; more than 1 where heads must divide them, in pairs of features.

    Heads bind a width where a total depends on them, or where they were asked for; those of latent
    attention have widths of their own.
    """
    if isinstance(curve, Pointwise):
        return curve.step
    binds = heads_are_given or not curve.is_whole
    return step_of_width(config) if binds and not config.is_latent else 1


def _refuse_out_of_reach(
    curve: Curve,
    budget: RoundedNumber,
    field: str,
    name: str,
    quantity: Quantity,
    *,
    shallowest: int,
) -> None:
    """Raise ``UserError`` if even the least value has more, or if all have the same."""
    if isinstance(curve, Pointwise):
        least, begin = curve.step, 1
    else:
        least = begin = shallowest if field == "n_layer" else 1
    if budget.near[1] < curve.at(begin):
        raise UserError(
            f"{said(budget, quantity)} are too few for any {field} of {name}: "
            f"with {field} {least:,} there are {curve.at(begin):,} {quantity.unit} already"
        )
    if not curve.degree:
        raise UserError(
            f"{field} of {name} adds no {quantity.unit}, however large it is: solve for another "
            "field"
        )


def _values_near(
    curve: Curve, budget: RoundedNumber, step: int, config: Config, field: str
) -> range:
    """Return the values near the budget as written, the first and the last that a config takes."""
    smallest, largest = budget.near
    first = -(-max(curve.largest_within(smallest - 1) + 1, 1) // step) * step
    last = curve.largest_within(largest) // step * step
    start = _accepted(config, field, range(first, last + 1, step))
    end = _accepted(config, field, range(last, first - 1, -step))
    return range(0) if start is None or end is None else range(start, end + 1, step)


def _divisors_of_the_width(config: Config, quantity: Quantity) -> tuple[int, ...]:
    """Return the numbers of heads that divide the width, where a total needs whole heads; or none.

    With ``n_kv_head``, keys and values narrow as ``n_head`` grows, and so does the total: it is no
    polynomial. Memory is only known for heads that divide the width.
    """
    asks_for_whole_heads = config.n_kv_head or quantity.alternatives is not None
    if config.head_dim is not None or not asks_for_whole_heads:
        return ()
    width, groups = config.n_embd, config.n_kv_head or 1
    return tuple(
        heads
        for heads in range(groups, width + 1, groups)
        if width % step_of_width(config.evaluate_at(n_head=heads)) == 0
    )


def _solved_among(
    values: Sequence[int],
    field: str,
    quantity: Quantity,
    name: str,
    config: Config,
    budget: RoundedNumber,
) -> Solution:
    """Solve by counting each of a few values: the nearest totals below the budget and above it."""
    found = []
    for value in values:
        with suppress(UserError):
            found.append(Value(value, quantity.total(config.replace(**{field: value}))))
    below = [each for each in found if each.total <= budget.value]
    above = [each for each in found if each.total >= budget.value]
    if not above:
        most = max(found, key=lambda each: each.total)
        raise UserError(
            f"no {field} of {name} gives {said(budget, quantity)}: the most, "
            f"{most.total:,}, comes with {field} {most.value:,}"
        )
    smallest, largest = budget.near
    return Solution(
        name=name,
        config=config,
        budget=budget,
        below=max(below, key=lambda each: each.total, default=None),
        above=min(above, key=lambda each: each.total),
        values=tuple(each.value for each in found if smallest <= each.total <= largest),
    )


def _accepted(config: Config, field: str, values: range) -> int | None:
    """Return the first of some values that a config takes; None if none of many does.

    The run is not checked: a note of :class:`.solving.Solutions` says if its positions are too few.
    """
    if field not in STRUCTURAL:
        return values[0] if values else None
    model = model_of(config)
    for value in values[:MOST_TRIED]:
        try:
            with_value(model, field, value)
        except UserError:
            continue
        return value
    return None
