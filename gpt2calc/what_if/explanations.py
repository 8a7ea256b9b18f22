"""The search for explanations of a number: all combinations of departures at once.

What a way of counting does to a total is linear in the sizes of the tensors. So the totals of all
models (rows of sizes) under all ways of counting (columns of factors) are one matrix product.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from heapq import nsmallest
from itertools import combinations, groupby
from math import log2
from typing import Any, NamedTuple

import numpy as np

from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.model.config import ModelConfig
from gpt2calc.polynomial import NoPolynomialError, along, solvable_fields
from gpt2calc.units import RoundedNumber
from gpt2calc.what_if.departures import DEPARTURES, STAGES, Departure, other_models
from gpt2calc.what_if.reckoning import ALL_CELLS, Reckoning, reckoning_of

MOST_DEPARTURES = 4
"""Departures that are combined at most."""
A_FREE_FIELD = 6
"""Bits that it takes to say that a field has another value, beside the value itself."""
MUCH_MORE = 2.5
"""Bits that an explanation may cost more than the best, to be worth saying."""
SLACK = 1
"""Bits that an explanation may cost more than the number says, before it is luck."""
NEAREST = 3
"""How many explanations are given, where none is whole."""
MOST_IN_NEAREST = 2
"""Departures of such an explanation at most: with more, something always comes near."""
LARGEST_VOCAB = 1_000_000
"""Tokens of a vocabulary at most: a larger one is luck."""
CANDIDATES = 60
"""Of all that gives the number, as many of the cheapest are looked at."""
ANYTHING = 10**1000
"""More than anyone counts."""
LARGEST = 2**60
"""Sizes up to this are multiplied as NumPy's integers, larger ones as Python's."""


class Found(NamedTuple):
    """Departures, and what they make of the model step by step."""

    departures: tuple[Departure, ...]
    reckonings: tuple[Reckoning, ...]
    cost: float
    free: str | None = None


class _Counting(NamedTuple):
    """Combinations of ways of counting, of one size: their factors and what they add."""

    chosen: Sequence[tuple[Departure, ...]]
    factors: Any
    added: Any
    costs: Any


class _Hit(NamedTuple):
    cost: float
    total: int
    base: Found
    counting: tuple[Departure, ...]
    unit: tuple[Departure, ...]


def explanations_of(number: RoundedNumber, config: ModelConfig) -> list[Found]:
    """Return the likeliest explanations that give a number, the cheapest first."""
    hits = _hits(config, MOST_DEPARTURES, (number.smallest, number.largest))
    cheapest = nsmallest(CANDIDATES, hits, key=lambda hit: hit.cost)
    found = [_built(hit) for hit in cheapest] + list(_with_a_free_field(number, config))
    information = log2(number.value) - log2(number.unit)
    credible = [one for one in found if one.cost <= information + SLACK]
    ordered = sorted(credible, key=lambda one: (one.cost, len(one.departures)))
    return _without_repetition(one for one in ordered if one.cost <= ordered[0].cost + MUCH_MORE)


def nearest_to(number: RoundedNumber, config: ModelConfig) -> list[Found]:
    """Return the few combinations that leave least of a number unexplained."""
    hits = _hits(config, MOST_IN_NEAREST, (1, ANYTHING))
    by_total: dict[int, _Hit] = {}
    for hit in sorted(hits, key=lambda hit: hit.cost):
        by_total.setdefault(hit.total, hit)

    def distance(hit: _Hit) -> tuple[int, float]:
        return 0 if number.stands_for(hit.total) else abs(hit.total - number.value), hit.cost

    return [_built(hit) for hit in nsmallest(NEAREST, by_total.values(), key=distance)]


def _hits(config: ModelConfig, most: int, within: tuple[int, int]) -> Iterator[_Hit]:
    """Yield all combinations of so many departures at most whose totals lie within bounds."""
    units: list[tuple[Departure, ...]] = [(), *((unit,) for unit in _of_stages("unit"))]
    by_size = groupby(_models(config, most), key=lambda found: len(found.departures))
    for size, group in by_size:
        bases = list(group)
        sizes, counted = _sizes(bases)
        for more, counting in enumerate(_countings()[: most - size + 1]):
            totals = counted @ counting.factors.T + sizes @ counting.added.T
            for unit in units[: 1 if size + more == most else None]:
                times = unit[0].change(bases[0].reckonings[-1]).unit if unit else 1
                low, high = -(-within[0] // times), within[1] // times
                extra = sum(departure.cost for departure in unit)
                for row, column in np.argwhere((totals >= low) & (totals <= high)).tolist():
                    base, chosen = bases[row], counting.chosen[column]
                    cost = base.cost + float(counting.costs[column]) + extra
                    yield _Hit(cost, int(totals[row, column]) * times, base, chosen, unit)


def _models(config: ModelConfig, most: int) -> Iterator[Found]:
    """Yield the model that was meant and every preset, under changes to the config, by size.

    A preset of another family is taken as it is.
    """
    meant = reckoning_of(config)
    kin, strangers = other_models(config.of_family.model_type)
    every = (*_of_stages("config"), *_of_stages("padding"))
    reckonings = [meant, *(other.change(meant) for other in kin)]
    changes = [each for each in every if any(each.change(one) != one for one in reckonings)]
    for size in range(most + 1):
        alone = combinations(changes, size)
        instead = combinations(changes, size - 1) if size else ()
        chosen = [*alone, *((other, *more) for more in instead for other in kin)]
        chosen += [(other,) for other in strangers] if size == 1 else []
        for each in chosen:
            found = _applied(meant, each)
            if found is not None:
                yield found


def _applied(meant: Reckoning, departures: Sequence[Departure]) -> Found | None:
    """Apply departures in the order of their stages; None if one of them changes nothing."""
    reckonings = [meant]
    for departure in departures:
        after = departure.change(reckonings[-1])
        if after == reckonings[-1]:
            return None
        reckonings.append(after)
    cost = sum(departure.cost for departure in departures)
    return Found(tuple(departures), tuple(reckonings), cost)


def _sizes(bases: Sequence[Found]) -> tuple[Any, Any]:
    """Return the size of every cell of each model, and the same as often as it is counted."""
    rows, counted = [], []
    for base in bases:
        last = base.reckonings[-1]
        amounts = {cell: tensor.amount for cell, tensor in last.cells.items()}
        rows.append([amounts.get(cell, 0) for cell in ALL_CELLS])
        counted.append([amounts.get(cell, 0) * last.times[cell] for cell in ALL_CELLS])
    largest = max(map(max, rows))
    kind = object if largest > LARGEST // len(ALL_CELLS) // 16 else np.int64
    return np.array(rows, kind), np.array(counted, kind)


@cache
def _countings() -> tuple[_Counting, ...]:
    """Return all combinations of ways of counting by their size, from none upwards."""
    return tuple(_counting_of(size) for size in range(MOST_DEPARTURES + 1))


def _counting_of(size: int) -> _Counting:
    chosen = list(combinations(_of_stages("counting"), size))
    ends = [_times_after(departures) for departures in chosen]
    added = np.array([end[0] for end in ends], np.int64)
    factors = np.array([end[1] for end in ends], np.int64) - added
    costs = np.array([sum(departure.cost for departure in each) for each in chosen], float)
    return _Counting(chosen, factors, added, costs)


def _times_after(departures: Iterable[Departure]) -> tuple[list[int], list[int]]:
    """Return what is counted in the end of what was counted never, and of what was once."""
    ends = []
    for before in (0, 1):
        reckoning = Reckoning(ModelConfig(), dict.fromkeys(ALL_CELLS, before))
        for departure in departures:
            reckoning = departure.change(reckoning)
        ends.append([reckoning.times[cell] for cell in ALL_CELLS])
    return ends[0], ends[1]


def _built(hit: _Hit) -> Found:
    departures, reckonings = list(hit.base.departures), list(hit.base.reckonings)
    for departure in (*hit.counting, *hit.unit):
        after = departure.change(reckonings[-1])
        departures.append(departure)
        reckonings.append(after)
    return Found(tuple(departures), tuple(reckonings), hit.cost)


def _with_a_free_field(number: RoundedNumber, config: ModelConfig) -> Iterator[Found]:
    """Yield at most one departure with a field whose other value gives the number exactly."""
    meant = reckoning_of(config)
    for departures in [(), *((departure,) for departure in DEPARTURES)]:
        found = _applied(meant, departures)
        for field in solvable_fields(PARAMETERS, config) if found else ():
            closed = _closed(number, config, departures, field)
            if closed is not None:
                yield closed


def _closed(
    number: RoundedNumber, config: ModelConfig, departures: tuple[Departure, ...], field: str
) -> Found | None:
    """Change a field so that the number comes out, if just one value does that."""

    def last(config: ModelConfig) -> Reckoning:
        reckoning = reckoning_of(config)
        for departure in departures:
            reckoning = departure.change(reckoning)
        return reckoning

    if last(config).config.value(field) != config.value(field):
        return None
    try:
        curve = along(lambda config: last(config).total, config, field)
    except NoPolynomialError:
        return None
    if not curve.degree:
        return None
    value = curve.largest_within(number.largest)
    if value < 1 or (field == "vocab" and value > LARGEST_VOCAB):
        return None
    if curve.largest_within(number.smallest - 1) + 1 != value:
        return None
    found = _applied(reckoning_of(config), departures)
    if found is None or value == config.value(field):
        return None
    closed = last(config.evaluate_at(**{field: value}))
    cost = found.cost + A_FREE_FIELD + _bits_to_say(value)
    return Found(departures, (*found.reckonings, closed), cost, field)


def _bits_to_say(value: int) -> float:
    """Return how much a value says beyond being round, in twos or in tens."""
    return min(_bits_in_base(value, 2), _bits_in_base(value, 10))


def _bits_in_base(value: int, base: int) -> float:
    zeros = 0
    while value % base == 0:
        value, zeros = value // base, zeros + 1
    return log2(value) + log2(zeros + 1)


def _without_repetition(ordered: Iterable[Found]) -> list[Found]:
    """Leave out what counts the same tensors as a cheaper explanation, or says more than one."""
    kept: list[Found] = []
    for one in ordered:
        keys = {departure.key for departure in one.departures}
        repeats = (
            _signature(other.reckonings[-1]) == _signature(one.reckonings[-1])
            or {departure.key for departure in other.departures} < keys
            for other in kept
        )
        if not any(repeats):
            kept.append(one)
    return kept


def _signature(reckoning: Reckoning) -> tuple[Any, ...]:
    counted = sorted((each.column, each.shape, each.copies) for each in reckoning.counted)
    return tuple(counted), reckoning.unit


@cache
def _of_stages(stage: str) -> tuple[Departure, ...]:
    assert stage in STAGES
    return tuple(departure for departure in DEPARTURES if departure.stage == stage)
