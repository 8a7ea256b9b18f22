"""Totals of the model that was meant and of those it is taken for, under every way of counting.

What a way of counting does to a total is linear in the sizes of the tensors. So the totals of all
models (rows of sizes) under all ways of counting (columns of factors) are one matrix product.
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import combinations, groupby
from typing import Any, NamedTuple

import numpy as np

from gpt2calc.analysis.causes import CAUSES, STAGES, Cause, changed_by, other_models
from gpt2calc.analysis.countings import ALL_CELLS, Cell, Counting, counting_of
from gpt2calc.model.config import ModelConfig

MOST_CAUSES = 4
"""Causes that are combined at most."""
LARGEST_EXACT = 2**60
"""Sizes up to this are multiplied as NumPy's integers, larger ones as Python's."""


class Found(NamedTuple):
    """Causes that are applied in turn, and the countings that result."""

    causes: tuple[Cause, ...]
    countings: tuple[Counting, ...]
    cost: float
    """Bits: the sum over the causes, and that of another value."""
    free: str | None = None
    """The field that has another value in the last counting; None if there is none."""


class Totals(NamedTuple):
    """The totals of some models under some ways of counting, all in one unit."""

    models: Sequence[Found]
    methods: Sequence[tuple[Cause, ...]]
    unit: tuple[Cause, ...]
    counts: Any
    """Parameters, or bytes if that is the unit: ``[model, method]``."""
    costs: Any
    """Bits of each combination: ``[model, method]``."""

    def found(self, row: int, column: int) -> Found:
        """Return a combination with the counting after each cause."""
        model = self.models[row]
        causes, countings = list(model.causes), list(model.countings)
        for cause in (*self.methods[column], *self.unit):
            causes.append(cause)
            countings.append(cause.change(countings[-1]))
        return Found(tuple(causes), tuple(countings), float(self.costs[row, column]))


class _Methods(NamedTuple):
    """Combinations of as many ways of counting: for each cell a factor, and copies added."""

    chosen: Sequence[tuple[Cause, ...]]
    factors: Any
    added: Any
    costs: Any


def begin(causes: Sequence[Cause]) -> int:
    """Return the place of the counting to begin with: after another preset, if that is a cause."""
    return int(bool(causes) and causes[0].stage == "model")


def all_totals(config: ModelConfig, most: int, of_family: bool = False) -> Iterator[Totals]:
    """Yield the totals of all combinations of at most ``most`` causes.

    With ``of_family`` no preset of another family is among the models.
    """
    units: list[tuple[Cause, ...]] = [(), *((unit,) for unit in of_stage("unit"))]
    by_size = groupby(_models(config, most, of_family), key=lambda found: len(found.causes))
    for size, group in by_size:
        models = list(group)
        sizes, counted = _sizes(models)
        costs = np.array([[model.cost] for model in models])
        for more, of_size in enumerate(_methods_by_size()[: most - size + 1]):
            counts = counted @ of_size.factors.T + sizes @ of_size.added.T
            for unit in units[: 1 if size + more == most else None]:
                times = unit[0].change(models[0].countings[-1]).unit if unit else 1
                extra = sum(cause.cost for cause in unit)
                yield Totals(
                    models=models,
                    methods=of_size.chosen,
                    unit=unit,
                    counts=counts * times,
                    costs=costs + of_size.costs + extra,
                )


def applied(meant: Counting, causes: Sequence[Cause]) -> Found | None:
    """Apply causes in the order of their stages; None if one of them changes nothing."""
    countings = [meant]
    for cause in causes:
        after = cause.change(countings[-1])
        if not _differ(countings[-1], after):
            return None
        countings.append(after)
    cost = sum(cause.cost for cause in causes)
    return Found(tuple(causes), tuple(countings), cost)


def _differ(before: Counting, after: Counting) -> bool:
    """Tell whether two countings count different tensors, or in different units.

    Configs may differ in what no tensor shows, such as a gate where there is no MLP.
    """
    return before.unit != after.unit or _counted(before) != _counted(after)


def _counted(counting: Counting) -> dict[Cell, int]:
    """Return the parameters of every cell that is counted, as often as it is."""
    amounts = _amounts(counting.config, counting.is_of_a_token)
    counted = {cell: amount * counting.times[cell] for cell, amount in amounts.items()}
    return {cell: amount for cell, amount in counted.items() if amount}


@cache
def of_stage(stage: str) -> tuple[Cause, ...]:
    """Return the causes of a stage, in the order in which they are applied."""
    assert stage in STAGES
    return tuple(cause for cause in CAUSES if cause.stage == stage)


def _models(config: ModelConfig, most: int, of_family: bool) -> Iterator[Found]:
    """Yield the model that was meant and every preset, under changes to the config, by size.

    A preset of another family is taken as it is.
    """
    meant = counting_of(config)
    kin, strangers = other_models(config.of_family.model_type)
    every = (*of_stage("config"), *of_stage("padding"))
    countings = [meant, *(other.change(meant) for other in kin)]
    changes = [each for each in every if any(_differ(one, each.change(one)) for one in countings)]
    for size in range(most + 1):
        alone = combinations(changes, size)
        instead = combinations(changes, size - 1) if size else ()
        chosen = [*alone, *((other, *more) for more in instead for other in kin)]
        chosen += [(other,) for other in strangers] if size == 1 and not of_family else []
        for each in chosen:
            found = applied(meant, each)
            if found is not None:
                yield found


def _sizes(models: Sequence[Found]) -> tuple[Any, Any]:
    """Return the parameters of each model's cells, and those times how often a cell is counted."""
    rows, counted = [], []
    for model in models:
        last = model.countings[-1]
        amounts, as_counted = _amounts(last.config, last.is_of_a_token), _counted(last)
        rows.append([amounts.get(cell, 0) for cell in ALL_CELLS])
        counted.append([as_counted.get(cell, 0) for cell in ALL_CELLS])
    largest = max(map(max, rows))
    kind = object if largest > LARGEST_EXACT // len(ALL_CELLS) // 16 else np.int64
    return np.array(rows, kind), np.array(counted, kind)


@lru_cache(maxsize=10_000)
def _amounts(config: ModelConfig, is_of_a_token: bool) -> dict[Cell, int]:
    """Return the size of every cell of a model: the same presets are asked for again and again."""
    cells = Counting(config, {}, is_of_a_token=is_of_a_token).cells
    return {cell: sum(tensor.amount for tensor in alike) for cell, alike in cells.items()}


@cache
def _methods_by_size() -> tuple[_Methods, ...]:
    """Return all combinations of ways of counting by their size, from none upwards."""
    return tuple(_methods_of(size) for size in range(MOST_CAUSES + 1))


def _methods_of(size: int) -> _Methods:
    chosen = list(combinations(of_stage("counting"), size))
    ends = [_times_after(causes) for causes in chosen]
    added = np.array([end[0] for end in ends], np.int64)
    factors = np.array([end[1] for end in ends], np.int64) - added
    costs = np.array([sum(cause.cost for cause in each) for each in chosen], float)
    return _Methods(chosen, factors, added, costs)


def _times_after(causes: Sequence[Cause]) -> tuple[list[int], list[int]]:
    """Return how often each cell is counted after the causes: if never before, and if once."""
    ends = []
    for before in (0, 1):
        counting = Counting(ModelConfig(), dict.fromkeys(ALL_CELLS, before))
        after = changed_by(counting, causes)
        ends.append([after.times[cell] for cell in ALL_CELLS])
    return ends[0], ends[1]
