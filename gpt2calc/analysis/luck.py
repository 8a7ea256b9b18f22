"""Whether an explanation is a coincidence: how often chance numbers are explained as cheaply.

Wrong counts are seldom just any number: most differ from the right one by a multiple of the model's
width, since the sizes of most tensors are multiples of it. So a number is compared with its own
kind, the numbers that differ from the count by multiples of the same step, and not with all.
"""

from collections.abc import Sequence
from math import log2
from typing import Any

import numpy as np

from gpt2calc.analysis.combinations import Totals
from gpt2calc.analysis.countings import counting_of
from gpt2calc.analysis.other_values import OtherValue
from gpt2calc.model.config import ModelConfig
from gpt2calc.units import RoundedNumber

MOST_BY_LUCK = 0.005
"""Share of the numbers of a kind, explained as cheaply, above which an explanation is luck."""
MOST_BITS = 18
"""Bits of an explanation at most: with more, there is one for nearly everything."""
SLACK = 1
"""Bits that an explanation may cost more than a rounded number says, before it is luck."""
NEARBY = 8
"""A number is compared with others at least up to the distance of the number divided by this."""


class Luck:
    """The numbers near the one asked about that some combination explains, and their costs."""

    def __init__(
        self, number: RoundedNumber, totals: Sequence[Totals], others: Sequence[OtherValue]
    ) -> None:
        self._number = number
        half = number.value // 2
        found = [_near(each.counts, each.costs, number.value, half) for each in totals]
        counts = np.array([other.total for other in others], object)
        costs = np.array([other.cost for other in others], float)
        found.append(_near(counts, costs, number.value, half))
        self._totals = np.concatenate([counts for counts, _ in found])
        self._costs = np.concatenate([costs for _, costs in found])

    def is_coincidence(self, cost: float, model: ModelConfig) -> bool:
        """Tell whether an explanation of such a cost, of a count of ``model``, is a coincidence."""
        number = self._number
        if number.unit > 1:
            return cost > log2(number.value) - log2(number.unit) + SLACK
        if cost > MOST_BITS:
            return True
        count = counting_of(model).total
        step = _step(number.value - count, model)
        reach = max(2 * abs(number.value - count), number.value // NEARBY)
        reach = min(reach, number.value // 2)
        kind = (abs(self._totals - number.value) <= reach) & (self._costs <= cost)
        explained = self._totals[kind]
        explained = np.unique(explained[(explained - count) % step == 0])
        others = len(explained) - int(number.value in explained)
        of_kind: int = 2 * reach // step
        return others > MOST_BY_LUCK * of_kind


def _near(counts: Any, costs: Any, number: int, half: int) -> tuple[Any, Any]:
    is_near = abs(counts - number) <= half
    return counts[is_near], np.broadcast_to(costs, counts.shape)[is_near]


def _step(difference: int, model: ModelConfig) -> int:
    """Return the first step that divides a difference: of all layers, two widths, a width, or 1."""
    width = model.n_embd
    steps = (model.n_layer * width, 2 * width, width)
    return next((step for step in steps if difference % step == 0), 1)
