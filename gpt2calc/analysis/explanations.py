"""The explanations of a number that are given: the likeliest, without coincidences."""

from collections.abc import Iterable, Iterator
from heapq import nsmallest
from typing import Any, NamedTuple

import numpy as np

from gpt2calc.analysis.combinations import MOST_CAUSES, Found, Totals, all_totals, begin
from gpt2calc.analysis.countings import Counting
from gpt2calc.analysis.luck import Luck
from gpt2calc.analysis.other_values import OtherValue, other_values
from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
from gpt2calc.units import RoundedNumber

MUCH_MORE = 2.5
"""Bits that an explanation may cost more than the best one, to be given as well."""
NEAREST = 3
"""How many combinations are given, where none gives the number."""
MOST_IN_NEAREST = 2
"""Causes of one of them at most: with more, some combination always comes near."""
CANDIDATES = 60
"""Of all combinations that give the number, so many of the cheapest are looked at."""


class _Hit(NamedTuple):
    cost: float
    total: int
    totals: Totals
    row: int
    column: int

    @property
    def found(self) -> Found:
        return self.totals.found(self.row, self.column)


def explanations_of(number: RoundedNumber, config: ModelConfig) -> list[Found]:
    """Return the likeliest explanations that give a number, the cheapest first."""
    totals = list(all_totals(config, MOST_CAUSES))
    others = list(other_values(config))
    hits = _hits(totals, number.smallest, number.largest)
    found = [hit.found for hit in nsmallest(CANDIDATES, hits, key=lambda hit: hit.cost)]
    found += _with_another_value(number, config, others)
    ordered = sorted(found, key=lambda one: (one.cost, len(one.causes)))
    if not ordered:
        return []
    cheap = [one for one in ordered if one.cost <= ordered[0].cost + MUCH_MORE]
    luck = Luck(number, totals, others)
    return _without_repetition(
        one for one in cheap if not luck.is_coincidence(one.cost, _model(one))
    )


def nearest_to(number: RoundedNumber, config: ModelConfig) -> list[Found]:
    """Return the few combinations whose totals are nearest to a number.

    Other presets are those of the family of ``config``.
    """
    by_total: dict[int, _Hit] = {}
    for totals in all_totals(config, MOST_IN_NEAREST, of_family=True):
        for hit in _hits([totals], 1, totals.counts.max()):
            if hit.total not in by_total or hit.cost < by_total[hit.total].cost:
                by_total[hit.total] = hit

    def distance(hit: _Hit) -> tuple[int, float]:
        return 0 if number.stands_for(hit.total) else abs(hit.total - number.value), hit.cost

    return [hit.found for hit in nsmallest(NEAREST, by_total.values(), key=distance)]


def _hits(every: Iterable[Totals], low: int, high: int) -> Iterator[_Hit]:
    """Yield all combinations whose totals lie within bounds."""
    for totals in every:
        counts = totals.counts
        for row, column in np.argwhere((counts >= low) & (counts <= high)).tolist():
            cost = float(totals.costs[row, column])
            yield _Hit(cost, int(counts[row, column]), totals, row, column)


def _with_another_value(
    number: RoundedNumber, config: ModelConfig, others: Iterable[OtherValue]
) -> Iterator[Found]:
    """Yield explanations by another value of a field, where a single value of it fits."""
    fitting: dict[Any, list[OtherValue]] = {}
    for other in others:
        if number.stands_for(other.total):
            fitting.setdefault((other.causes, other.field), []).append(other)
    for values in fitting.values():
        if len(values) == 1 and _can_be(config, values[0]):
            yield values[0].found(config)


def _can_be(config: ModelConfig, other: OtherValue) -> bool:
    try:
        config.replace(**{other.field: other.value})
    except UserError:
        return False
    return True


def _model(found: Found) -> ModelConfig:
    """Return the model that was counted: a preset where that is a reason, else the one meant."""
    return found.countings[begin(found.causes)].config


def _without_repetition(ordered: Iterable[Found]) -> list[Found]:
    """Leave out what counts the same tensors as a cheaper explanation, or adds causes to one."""
    kept: list[Found] = []
    for one in ordered:
        keys = {cause.key for cause in one.causes}
        repeats = (
            _signature(other.countings[-1]) == _signature(one.countings[-1])
            or {cause.key for cause in other.causes} < keys
            for other in kept
        )
        if not any(repeats):
            kept.append(one)
    return kept


def _signature(counting: Counting) -> tuple[Any, ...]:
    counted = sorted((each.column, each.shape, each.copies) for each in counting.counted)
    return tuple(counted), counting.unit
