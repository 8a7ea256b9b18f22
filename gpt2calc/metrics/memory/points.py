"""Memory at many points of a grid at once.

A run on letters takes every decision at one point. At all points where its comparisons of sizes
come out alike it would be the same run, so that its formulas are exact there; the others are run
anew, until none is left.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt2calc.case import Case
from gpt2calc.metrics.memory.following import (
    counts_heads,
    fixed_in,
    followed,
    has_layers_that_differ,
    plan_of,
)
from gpt2calc.metrics.memory.moments import Moments, highest, terms_at
from gpt2calc.metrics.memory.naming import of_serving, of_training
from gpt2calc.metrics.memory.refusals import refuse_what_cannot_run
from gpt2calc.metrics.memory.state import standing
from gpt2calc.metrics.memory.timeline import SHORT, Moment, Timeline
from gpt2calc.model.terms import Term
from gpt2calc.tape.symbolic import Decisions, Formula, Size

Array: TypeAlias = NDArray[np.int64]
Parts: TypeAlias = dict[str, Array]
"""Bytes of each part at every point."""


class Region(NamedTuple):
    """A run on letters, and the comparisons that it took."""

    timeline: Timeline
    decisions: Decisions
    letters: frozenset[str]
    """The fields that are letters; all others are as they are at the point of the run."""


def at_points(
    case: Case,
    values: Mapping[str, Array],
    parts: tuple[str, ...],
    report: Callable[[int], None] = lambda _: None,
) -> Parts:
    """Return the bytes at the peak of each point, part by part.

    Args:
        case: what all points share.
        values: fields with a value for each point.
        parts: the names of all parts.
        report: told of points as they are done, how many each time.

    """
    _ = case.evaluate_at(**values).known_heads  # which refuses widths that give none
    size = len(next(iter(values.values())))
    found = {part: np.zeros(size, np.int64) for part in parts}
    left = np.ones(size, bool)
    while left.any():
        first = int(left.argmax())
        point = {name: int(column[first]) for name, column in values.items()}
        region = None if _is_by_rule(case, values) else _region(case, point)
        if region is None:
            done = np.array([first])
            _write(found, done, Moments(case.evaluate_at(**point)).terms())
        else:
            done = np.flatnonzero(left & _holds(region, point, values))
            there = {name: column[done] for name, column in values.items()}
            _evaluate(case, region, there, done, found)
        left[done] = False
        report(len(done))
    return found


def _is_by_rule(case: Case, values: Mapping[str, Array]) -> bool:
    """Tell whether a rule rounds what is held, which no formula does."""
    has_other_tensors = any(name in case.model.known for name in values)
    return bool(case.zero_stage or (case.optimizer == "adamw-8bit" and has_other_tensors))


def _region(case: Case, point: dict[str, int]) -> Region | None:
    """Run a case on letters; None where a number of it has no formula."""
    here = case.evaluate_at(**point)
    refuse_what_cannot_run(here.settled())
    model, _ = here.model, here.known_heads
    is_deep = model.n_layer > SHORT and not has_layers_that_differ(model)
    fixed = {"n_head", "n_kv_head", "n_embd", "head_dim"} if counts_heads(model) else set()
    fixed |= set(fixed_in(model, plan_of(here.settled()).sharding))
    letters = {
        name: Size.letter(name, number)
        for name, number in point.items()
        if number > 1 and name not in fixed and name != "n_layer"
    }
    depth = None
    if is_deep and "n_layer" in point:
        depth = Size.letter("n_layer", model.n_layer)
    names = frozenset(letters) | (frozenset({"n_layer"}) if depth is not None else frozenset())
    lettered = here.evaluate_at(**letters)
    try:
        with Decisions() as decisions:
            heads = lettered.model.heads
            model = lettered.model.evaluate_at(n_head=heads)
            timeline = followed(model, plan_of(lettered), depth)
    except ArithmeticError:
        return None
    return Region(timeline, decisions, names)


def _holds(region: Region, point: dict[str, int], values: Mapping[str, Array]) -> NDArray[np.bool_]:
    """Tell at which points the run would take the same decisions."""
    size = len(next(iter(values.values())))
    holds = np.ones(size, bool)
    for name, number in point.items():
        if name not in region.letters:
            holds &= values[name] == number
        elif name == "n_layer":
            holds &= values[name] > SHORT
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
    moments = highest(region.timeline.moments)
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
