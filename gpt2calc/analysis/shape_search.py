"""The search for shapes: depths and widths whose total is near a budget, within bounds."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from math import ceil

from gpt2calc.analysis.budgets import said
from gpt2calc.analysis.shape_bounds import LARGEST_ASPECT, MOST_DEPTHS, Bounds, Candidate
from gpt2calc.analysis.shape_points import within_by_points
from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import breakdown
from gpt2calc.quantity.along import Curve, along, curve_along
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.polynomial import X
from gpt2calc.quantity.quantity import NoFormulaError, Quantity
from gpt2calc.units import RoundedNumber

MOST_WIDTHS = 64
"""Widths of one depth that are weighed; where there are more, those of the least error."""
DEPTHS_NEARBY = 1_000
"""Depths that are looked at for the shape nearest to bounds that allow none."""


def within(
    config: Config, quantity: Quantity, budget: RoundedNumber, bounds: Bounds
) -> Iterator[tuple[int, list[Candidate]]]:
    """Yield for each depth how many shapes lie within the bounds, and those of the least error."""
    room, reach = bounds.room_about(budget), bounds.growth.reach
    step = bounds.multiple_of
    for depth in _depths(bounds):
        deep = config.evaluate_at(n_layer=depth)
        curve = along_the_width(deep, quantity, bounds)
        widest = curve.largest_within(budget.value + room) + reach
        if bounds.n_layer is None and widest < max(step, bounds.min_aspect * depth):
            return
        narrowest = max(curve.largest_within(budget.value - room - 1) + 1 - reach, 1)
        least = max(narrowest, ceil(bounds.min_aspect * depth))
        most = min(widest, int(bounds.max_aspect * depth))
        widths = range(-(-least // step) * step, most + 1, step)
        if bounds.n_embd is not None:
            widths = range(bounds.n_embd, bounds.n_embd + (bounds.n_embd in widths))
        if bounds.growth.ratios:
            counted = _counted(deep, quantity, budget.value, bounds, widths)
            near = [found for found in counted if abs(found[2]) <= room]
            yield len(near), near
        else:
            yield len(widths), _nearest(curve, budget.value, depth, widths)


def _counted(
    config: Config, quantity: Quantity, budget: int, bounds: Bounds, widths: range
) -> list[Candidate]:
    """Return the shapes of a depth, counted with the rounded fields that grow with the width."""
    import numpy as np

    if not widths:
        return []
    grown = [bounds.growth.at(width) for width in widths]
    names = bounds.growth.ratios
    columns = {name: np.array([each[name] for each in grown], object) for name in names}
    totals = quantity.total(config.evaluate_at(n_embd=np.array(widths, object), **columns))
    return [
        (config.n_layer, width, int(total) - budget)
        for width, total in zip(widths, np.broadcast_to(totals, len(widths)), strict=True)
    ]


def along_the_width(config: Config, quantity: Quantity, bounds: Bounds) -> Curve:
    """Return the total along the width, with the fields that grow with it unrounded."""
    grown = {name: X * ratio for name, ratio in bounds.growth.ratios.items()}
    try:
        return along(quantity.total, config.evaluate_at(**grown), "n_embd")
    except NoFormulaError:
        return curve_along(config, "n_embd", quantity)


def _nearest(curve: Curve, budget: int, depth: int, widths: range) -> list[Candidate]:
    """Return the shapes of one depth, those of the least error if there are very many."""
    if len(widths) > MOST_WIDTHS:
        exact = (curve.largest_within(budget) - widths.start) // widths.step
        first = min(max(exact - MOST_WIDTHS // 2, 0), len(widths) - MOST_WIDTHS)
        widths = widths[first : first + MOST_WIDTHS]
    return [(depth, width, round(curve.at(width)) - budget) for width in widths]


def _depths(bounds: Bounds) -> range:
    if bounds.n_layer is not None:
        return range(bounds.n_layer, bounds.n_layer + 1)
    return range(bounds.shallowest, MOST_DEPTHS + 1)


def refuse_out_of_reach(
    config: Config, quantity: Quantity, budget: RoundedNumber, bounds: Bounds
) -> None:
    """Raise ``UserError`` for a budget below all models, or above too many depths."""
    shallowest = bounds.n_layer or bounds.shallowest
    if not along_the_width(config.evaluate_at(n_layer=shallowest), quantity, bounds).degree:
        raise UserError(
            f"n_embd changes no {quantity.unit} of this model: solve for one field with --for"
        )
    narrowest = bounds.n_embd or bounds.multiple_of
    smallest = quantity.total(
        config.evaluate_at(n_layer=shallowest, n_embd=narrowest, **bounds.growth.at(narrowest))
    )
    if budget.largest * (1 + bounds.tolerance) < smallest:
        raise UserError(
            f"{said(budget, quantity)} are too few: the smallest such model, "
            f"{shallowest} layer{'s' * (shallowest > 1)} of width {narrowest:,}, has "
            f"{smallest:,}"
        )
    width = bounds.n_embd or max(bounds.multiple_of, ceil(bounds.min_aspect * MOST_DEPTHS))
    deepest = config.evaluate_at(n_layer=MOST_DEPTHS, n_embd=width, **bounds.growth.at(width))
    if bounds.n_layer is None and quantity.total(deepest) <= budget.value:
        raise UserError(
            f"{said(budget, quantity)} allow more than {MOST_DEPTHS:,} depths: "
            + (
                "for a training run give --tokens, or solve for one field with --for"
                if quantity.unit == "FLOPs"
                else "solve for one field with --for, or raise --min-aspect"
            )
        )


def nothing_found(config: Config, quantity: Quantity, budget: RoundedNumber, bounds: Bounds) -> str:
    """Return the message that no shape was found, with the nearest one and the bounds."""
    open_bounds = bounds._replace(min_aspect=0, max_aspect=LARGEST_ASPECT)
    nearest = [
        _nearest_width(config, quantity, budget.value, open_bounds, depth)
        for depth in _depths(open_bounds)[:DEPTHS_NEARBY]
    ]
    allowed = [found for found in nearest if bounds.allow(*found[:2])] or nearest
    return nothing_near(allowed, quantity, budget, bounds)


def nothing_near(
    found: Collection[Candidate], quantity: Quantity, budget: RoundedNumber, bounds: Bounds
) -> str:
    """Return the message that no shape is near enough, with the nearest of some."""
    if not found:
        return (
            f"no shape has an aspect of {bounds.min_aspect:g} to {bounds.max_aspect:g} and heads "
            "that divide its width: widen --min-aspect or --max-aspect, or give --multiple-of"
        )
    depth, width, error = min(found, key=lambda found: abs(found[2]))
    return (
        f"no shape within {100 * bounds.tolerance:g}% of {said(budget, quantity)} has an "
        f"aspect of {bounds.min_aspect:g} to {bounds.max_aspect:g}; the nearest is {depth:,} x "
        f"{width:,}, aspect {width / depth:.1f}, {error / budget.value:+.1%}: widen --tolerance, "
        "--min-aspect or --max-aspect"
    )


def _nearest_width(
    config: Config, quantity: Quantity, budget: int, bounds: Bounds, depth: int
) -> Candidate:
    """Return a depth, the width nearest the budget at it, and the error."""
    curve = along_the_width(config.evaluate_at(n_layer=depth), quantity, bounds)
    step = bounds.multiple_of
    below = curve.largest_within(budget) // step * step
    widths = [bounds.n_embd] if bounds.n_embd else [max(below, step), max(below, 0) + step]
    width = min(widths, key=lambda width: abs(curve.at(width) - budget))
    return depth, width, round(curve.at(width)) - budget


def candidates(
    base: Config, quantity: Quantity, amount: RoundedNumber, bounds: Bounds
) -> list[tuple[int, list[Candidate]]]:
    """Return shapes about as large as the budget, and how many. Raises ``UserError`` if none is."""
    if quantity.at_points is None:
        refuse_out_of_reach(base, quantity, amount, bounds)
        by_depth = list(within(base, quantity, amount, bounds))
        if not any(shapes for _, shapes in by_depth):
            raise UserError(nothing_found(base, quantity, amount, bounds))
        return by_depth
    evaluated = list(within_by_points(base, quantity, amount, bounds))
    everything = [shape for _, shapes in evaluated for shape in shapes]
    room = bounds.room_about(amount)
    near = [shape for shape in everything if abs(shape[2]) <= room]
    if not near:
        raise UserError(nothing_near(everything, quantity, amount, bounds))
    return [(len(near), near)]


def refusal_of(base: Config, shape: Candidate, bounds: Bounds) -> str:
    """Return the message that not even the best of some shapes is a valid config."""
    depth, width, _ = shape
    nothing = f"no shape within {100 * bounds.tolerance:g}% of the budget makes sense"
    try:
        _shaped(base, shape, bounds)
    except UserError as error:
        return f"{nothing}: at {depth:,} x {width:,} {error}; widen --tolerance"
    return nothing


def within_tolerance(
    base: Config,
    found: Iterable[Candidate],
    quantity: Quantity,
    amount: RoundedNumber,
    bounds: Bounds,
) -> Iterator[Breakdown]:
    """Yield the breakdowns of valid configs whose total, with whole heads, is near the budget."""
    room = bounds.room_about(amount)
    for config in _sensible(base, found, bounds):
        counted = breakdown(config, quantity)
        if abs(counted.total - amount.value) <= room:
            yield counted


def _sensible(base: Config, found: Iterable[Candidate], bounds: Bounds) -> Iterator[Config]:
    """Yield the configs of some shapes, without those that are refused."""
    for shape in found:
        with suppress(UserError):
            yield _shaped(base, shape, bounds)


def _shaped(base: Config, shape: Candidate, bounds: Bounds) -> Config:
    depth, width, _ = shape
    heads = {} if base.n_head is None else {"n_head": base.n_head}
    return base.replace(**heads | {"n_layer": depth, "n_embd": width} | bounds.growth.at(width))
