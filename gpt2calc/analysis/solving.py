"""Solving for one field: the values that give a wanted size, all other fields as in a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from math import lcm
from typing import Any

from gpt2calc.analysis.solution import Interval, Solution, Value, ends_of, solved, with_value
from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.constraints import OF_FEW_VALUES
from gpt2calc.model.fields.declared import field_called
from gpt2calc.quantity.along import is_solvable, solvable_fields
from gpt2calc.quantity.models import Models, labelled
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.report.listing import Listing, RowField, counts
from gpt2calc.units import RoundedNumber


@dataclass(frozen=True, repr=False)
class Solutions(Listing):
    """Values of one field for the budget of each model, and those common to all of them."""

    field: str
    solutions: tuple[Solution, ...]
    quantity: Quantity

    @property
    def common(self) -> Interval | None:
        """The first and the last value that suit every model, or None if there are none."""
        return ends_of(self._in_all)

    @cached_property
    def _in_all(self) -> Sequence[int]:
        return reduce(_shared, (each.values for each in self.solutions))

    def to_dict(self) -> dict[str, Any]:
        """Return values of the field, with exact totals in the quantity's unit."""

        def shown(value: Value | None) -> dict[str, int] | None:
            return None if value is None else {self.field: value.value, "total": value.total}

        return {
            "field": self.field,
            "solutions": [
                {
                    "name": each.name,
                    "config": each.config.effective(),
                    "budget": each.budget.text,
                    "below": shown(each.below),
                    "above": shown(each.above),
                    "interval": each.interval and list(each.interval),
                }
                for each in self.solutions
            ],
            "common": self.common and list(self.common),
        }

    def items(self) -> tuple[Solution, ...]:
        """Return the models, each with its budget."""
        return self.solutions

    def fields(self) -> tuple[RowField, ...]:
        """Return the nearest values with their totals, and the interval."""
        return (
            RowField(
                "model", lambda s: s.name, "model", shown=lambda s: f"{s.name}, {s.budget.text}"
            ),
            RowField("budget", lambda s: s.budget.text),
            counts("below", lambda s: s.below and s.below.value),
            RowField("total_below", lambda s: s.below and s.below.total, "its count", "count"),
            counts("above", lambda s: s.above.value),
            RowField("total_above", lambda s: s.above.total, "count above", "count"),
            RowField("first", lambda s: s.interval and s.interval[0], "from", "count"),
            RowField("last", lambda s: s.interval and s.interval[1], "to", "count"),
        )

    def title(self) -> str:
        return f"{self.field} for a number of {self.quantity.unit}, all else as in the model"

    def notes(self) -> tuple[str, ...]:
        return (self._in_words(), *self._out_of_bounds())

    def summary(self) -> str:
        return self._in_words()

    def _out_of_bounds(self) -> tuple[str, ...]:
        """Say what else a value needs, where the model with its run refuses it."""
        for solution in self.solutions:
            value = (solution.below or solution.above).value
            try:
                self.quantity.total(with_value(solution.config, self.field, value))
            except UserError as error:
                return (f"{error}.",)
        return ()

    def _nearest(self) -> str:
        """Say which value comes nearest from below: the largest, where totals grow with it."""
        (solution,) = self.solutions
        if solution.below is None:
            return ""
        value = f"{solution.below.value:,}"
        if isinstance(solution.values, range):
            return f"; the largest within it is {value}"
        return f"; the nearest total below it comes with {self.field} {value}"

    def _in_words(self) -> str:
        """Return what the intervals say, for one model or for all."""
        figures = ", ".join(each.budget.text for each in self.solutions)
        if self.common is None:
            if len(self.solutions) > 1:
                return f"No {self.field} gives {figures} all together."
            return f"No {self.field} gives {figures}{self._nearest()}."
        if len(self._in_all) == 1:
            return f"Only {self.field} {self._in_all[0]:,} gives {figures}."
        is_near = any(each.budget.near[0] > each.budget.smallest for each in self.solutions)
        how = "is within 5 % of" if is_near else "rounds to"
        return f"{self.field} {_values_said(self._in_all)}: every count {how} {figures}."


def _shared(some: Sequence[int], others: Sequence[int]) -> Sequence[int]:
    """Return the values that are in both, of listed values or of multiples of a step."""
    if isinstance(some, range) and isinstance(others, range):
        if not some or not others:
            return range(0)
        step = lcm(some.step, others.step)
        first = -(-max(some[0], others[0]) // step) * step
        return range(first, min(some[-1], others[-1]) + 1, step)
    listed, rest = (others, some) if isinstance(some, range) else (some, others)
    return tuple(value for value in listed if value in rest)


def _values_said(values: Sequence[int]) -> str:
    if not isinstance(values, range):
        *most, last = [f"{value:,}" for value in values]
        return f"{', '.join(most)} or {last}"
    steps = f" in multiples of {values.step:,}" if values.step > 1 else ""
    return f"from {values[0]:,} to {values[-1]:,}{steps}"


def solve_for(
    field: str,
    models: Models,
    budget: float | str | RoundedNumber | Sequence[float | str | RoundedNumber],
    *,
    of: str | Quantity = "parameters",
    **fields: Any,
) -> Solutions:
    """Solve for one field of each model, exactly.

    The total is a polynomial in the field, or else is evaluated at each value that is tried.

    Args:
        field: a number that changes the quantity.
        models: what all other fields are, configs or names. An ``n_head`` of their own does not
            bind ``n_embd`` where no total depends on it; one among ``fields`` does.
        budget: one for each model: an integer, or text such as "117M", which stands for all
            numbers that round to it and are within 5 % of it.
        of: the quantity that the budget is of, or its name.
        fields: of the config, replaced in every model.

    Raises:
        UserError: the field is not solvable, no value of it gives so little, or there is not one
            budget for each model.

    """
    quantity = as_quantity(of)
    field = field.replace("-", "_")
    listed = budget if isinstance(budget, list | tuple) else (budget,)
    budgets = [RoundedNumber.of(each, quantity.unit) for each in listed]
    named = labelled(models, quantity.case, **fields)
    if not named or len(named) != len(budgets):
        raise UserError(
            f"models: {len(named)}, numbers of {quantity.unit}: {len(budgets)}; give one for each "
            "model"
        )
    _refuse_unsolvable(field, named[0].config, quantity)
    solutions = [
        solved(
            field,
            quantity,
            model.name,
            model.config,
            amount,
            heads_are_given="n_head" in model.given,
        )
        for model, amount in zip(named, budgets, strict=True)
    ]
    return Solutions(field, tuple(solutions), quantity)


def _refuse_unsolvable(field: str, config: Config, quantity: Quantity) -> None:
    if field not in OF_FEW_VALUES and is_solvable(field, quantity, config):
        return
    solvable = [each for each in solvable_fields(quantity, config) if each not in OF_FEW_VALUES]
    called = field_called(field, ModelConfig)
    word = called if called in solvable else field
    near = "" if field in config.known else did_you_mean(word, solvable)
    raise UserError(
        f"{quoted(field)} cannot be solved for{near or '; solve for ' + ', '.join(solvable)}"
    )
