"""Memory at many points of a grid at once.

A run on letters takes every decision at one point. At all points where its comparisons of sizes
come out alike it would be the same run, so that its formulas are exact there; the others are run
anew, until none is left.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt2calc.metrics.memory.following import (
    depends_on_heads,
    fixed_in,
    followed,
    layers_of_short_run,
    plan_of,
)
from gpt2calc.metrics.memory.moments import Moments, terms_at
from gpt2calc.metrics.memory.naming import of_serving, of_training
from gpt2calc.metrics.memory.refusals import refuse_what_cannot_run
from gpt2calc.metrics.memory.state import standing
from gpt2calc.metrics.memory.timeline import Moment, Timeline
from gpt2calc.model.terms import Term
from gpt2calc.quantity.case import Case
from gpt2calc.tape.symbolic import Decisions, Formula, Monomial, SymInt, terms_of

Array: TypeAlias = NDArray[np.int64]
Parts: TypeAlias = dict[str, Array]
"""Bytes of each part at every point."""
ROUNDING = 1e-9
"""More than what sums of some thousand products of floating-point numbers are off by."""


class Region(NamedTuple):
    """A run on letters, and the comparisons of sizes that decided it."""

    timeline: Timeline
    decisions: Decisions
    letters: frozenset[str]
    """The fields that are letters; all others are as they are at the point of the run."""
    point: dict[str, int]


class Regions:
    """The runs on letters of a case that are known so far, each with the points it holds for.

    Args:
        case: what all points share.
        parts: the names of all parts.

    """

    def __init__(self, case: Case, parts: tuple[str, ...]) -> None:
        self.case = case
        self.parts = parts
        self.known: list[Region] = []

    def at(
        self, values: Mapping[str, Array], report: Callable[[int], None] = lambda _: None
    ) -> Parts:
        """Return the bytes at the peak of each point, part by part.

        Args:
            values: fields with a value for each point.
            report: told of points as they are done, how many each time.

        """
        _ = self.case.evaluate_at(**values).known_heads  # which refuses widths that give none
        size = len(next(iter(values.values())))
        found = {part: np.zeros(size, np.int64) for part in self.parts}
        left = np.ones(size, bool)
        for region in self.known:
            self._evaluate(region, values, left, found, report)
        while left.any():
            first = int(left.argmax())
            point = {name: int(column[first]) for name, column in values.items()}
            new = None if _is_by_rule(self.case, values) else _region(self.case, point)
            if new is None:
                _write(found, np.array([first]), Moments(self.case.evaluate_at(**point)).terms())
                left[first] = False
                report(1)
                continue
            self.known.append(new)
            self._evaluate(new, values, left, found, report)
        return found

    def _evaluate(
        self,
        region: Region,
        values: Mapping[str, Array],
        left: NDArray[np.bool_],
        found: Parts,
        report: Callable[[int], None],
    ) -> None:
        """Write the bytes of those points that a region holds for."""
        done = np.flatnonzero(left & _holds(region, values))
        if len(done):
            there = {name: column[done] for name, column in values.items()}
            _evaluate(self.case, region, there, done, found)
            left[done] = False
            report(len(done))


def _is_by_rule(case: Case, values: Mapping[str, Array]) -> bool:
    """Tell whether a rule rounds what is held, which no formula does."""
    has_other_tensors = any(name in case.model.known for name in values)
    return bool(case.zero_stage or (case.optimizer == "adamw-8bit" and has_other_tensors))


def _region(case: Case, point: dict[str, int]) -> Region | None:
    """Run a case on letters; None where a number of it has no formula."""
    here = case.evaluate_at(**point)
    refuse_what_cannot_run(here.settled())
    model, _ = here.model, here.known_heads
    is_deep = model.n_layer > layers_of_short_run(model)
    fixed = {"n_head", "n_kv_head", "n_embd", "head_dim"} if depends_on_heads(model) else set()
    fixed |= set(fixed_in(model, plan_of(here.settled()).sharding))
    letters = {
        name: SymInt.letter(name, number)
        for name, number in point.items()
        if number > 1 and name not in fixed and name != "n_layer"
    }
    depth = None
    if is_deep and "n_layer" in point:
        depth = SymInt.letter("n_layer", model.n_layer)
    names = frozenset(letters) | (frozenset({"n_layer"}) if depth is not None else frozenset())
    lettered = here.evaluate_at(**letters)
    try:
        with Decisions() as decisions:
            heads = lettered.model.heads
            model = lettered.model.evaluate_at(n_head=heads)
            timeline = followed(model, plan_of(lettered), depth)
    except ArithmeticError:
        return None
    return Region(timeline, decisions, names, point)


def _holds(region: Region, values: Mapping[str, Array]) -> NDArray[np.bool_]:
    """Tell at which points the run would take the same decisions."""
    size = len(next(iter(values.values())))
    holds = np.ones(size, bool)
    for name, number in region.point.items():
        if name not in region.letters:
            holds &= values[name] == number
        elif name == "n_layer":
            further = values[name] - region.timeline.base.depth
            holds &= (further > 0) & (further % region.timeline.period == 0)
        else:
            holds &= values[name] > 1
    for difference, relation, outcome in region.decisions.differences():
        holds &= _is_so(Formula(difference), relation, values) == outcome
    return holds


def _is_so(formula: Formula, relation: str, values: Mapping[str, Array]) -> NDArray[np.bool_]:
    above = np.asarray(formula.numerator_at(values))  # type: ignore[arg-type]
    if relation == "whole":
        rest = above % np.asarray(formula.divisor_at(values))  # type: ignore[arg-type]
        return np.asarray(rest == 0)
    return np.asarray({"==": above == 0, "<": above < 0, ">": above > 0}[relation])


def _evaluate(
    case: Case, region: Region, values: Mapping[str, Array], there: Array, found: Parts
) -> None:
    """Write the bytes of some points of a region."""
    moments = _candidates(region.timeline.moments, values, len(there))
    most = np.full(len(there), -1, np.int64)
    which = np.zeros(len(there), np.int64)
    for number, moment in enumerate(moments):
        live = np.broadcast_to(_at(moment.live, values), most.shape)
        is_more = live > most
        most = np.where(is_more, live, most)
        which = np.where(is_more, number, which)
    for number in np.unique(which):
        chosen = np.flatnonzero(which == number)
        columns = {name: each[chosen] for name, each in values.items()}
        terms = _terms(case.evaluate_at(**columns), region, moments[int(number)], columns)
        _write(found, there[chosen], terms)


def _candidates(moments: list[Moment], values: Mapping[str, Array], points: int) -> list[Moment]:
    """Return the moments that hold most at some point, and those that come too close to tell."""
    places: dict[Monomial, int] = {}
    entries = []
    for row, moment in enumerate(moments):
        for monomial, factor in terms_of(moment.live).items():
            entries.append((row, places.setdefault(monomial, len(places)), float(factor)))
    rows, columns, factors = zip(*entries, strict=True)
    coefficients = np.zeros((len(moments), len(places)))
    coefficients[list(rows), list(columns)] = factors
    products = np.ones((len(places), points))
    for monomial, place in places.items():
        for letter, power in monomial:
            products[place] *= np.asarray(values[letter], float) ** power
    sizes = coefficients @ products
    is_close = sizes >= sizes.max(axis=0) * (1 - ROUNDING)
    return [moments[int(row)] for row in np.flatnonzero(is_close.any(axis=1))]


def _terms(case: Case, region: Region, moment: Moment, values: Mapping[str, Array]) -> list[Term]:
    kind = of_training if case.training else of_serving
    stored = region.timeline.stored_at(moment.place, kind)
    sharded = region.timeline.sharded
    there = standing(case, _at(sharded, values) if case.shard == "fsdp" else None)
    return [*there, *terms_at(stored, lambda size: _at(size, values))]


def _at(size: int, values: Mapping[str, Array]) -> int:
    return Formula(size).at(values)  # type: ignore[arg-type]


def _write(found: Parts, there: Array, terms: list[Term]) -> None:
    for term in terms:
        found[term.sublayer][there] += np.asarray(term.amount, np.int64)
