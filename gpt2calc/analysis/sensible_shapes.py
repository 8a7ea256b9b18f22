"""The shapes that a search finds, and those of them that are valid configs."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

from gpt2calc.analysis.shape_search import (
    LARGEST_ASPECT,
    Bounds,
    Found,
    nothing_found,
    nothing_near,
    refuse_out_of_reach,
    room_about,
    within,
)
from gpt2calc.errors import UserError, quoted
from gpt2calc.metrics.parameters import breakdown
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.quantity.quantity import Config, Quantity
from gpt2calc.units import RoundedNumber


def refuse_senseless(bounds: Bounds) -> None:
    """Raise ``UserError`` for a bound that nothing can meet."""
    if bounds.n_layer is not None and bounds.n_layer < bounds.shallowest:
        raise UserError(
            f"n_layer is {quoted(bounds.n_layer)}, and the model has layers of several kinds, the "
            f"last of which is layer {bounds.shallowest - 1}, numbered from 0: give "
            f"{bounds.shallowest} or more"
        )
    if bounds.multiple_of < 1:
        raise UserError(
            f"widths are to be multiples of {bounds.multiple_of}: give 1 or more, such as 64"
        )
    for name in ("min_aspect", "max_aspect"):
        aspect = getattr(bounds, name)
        if not 0 <= aspect <= LARGEST_ASPECT:
            raise UserError(
                f"{name} is {aspect:g}: it must be from 0 to {LARGEST_ASPECT:,}, such as 64"
            )
    if bounds.min_aspect > bounds.max_aspect:
        raise UserError(
            f"min_aspect is {bounds.min_aspect:g}, more than max_aspect, {bounds.max_aspect:g}: "
            "exchange them"
        )
    if not 0 <= bounds.tolerance <= 1:
        raise UserError(
            f"tolerance is {bounds.tolerance:g}: it must be from 0 to 1, such as 0.05 or 5%"
        )


def candidates(
    base: Config, quantity: Quantity, amount: RoundedNumber, bounds: Bounds
) -> list[tuple[int, list[Found]]]:
    """Return shapes about as large as the budget, and how many. Raises ``UserError`` if none is."""
    if quantity.at_points is None:
        refuse_out_of_reach(base, quantity, amount, bounds)
        by_depth = list(within(base, quantity, amount, bounds))
        if not any(shapes for _, shapes in by_depth):
            raise UserError(nothing_found(base, quantity, amount, bounds))
        return by_depth
    from gpt2calc.analysis.shape_points import within_by_points

    evaluated = list(within_by_points(base, quantity, amount, bounds))
    everything = [shape for _, shapes in evaluated for shape in shapes]
    room = room_about(amount, bounds)
    near = [shape for shape in everything if abs(shape[2]) <= room]
    if not near:
        raise UserError(nothing_near(everything, quantity, amount, bounds))
    return [(len(near), near)]


def why_senseless(base: Config, shape: Found, bounds: Bounds) -> str:
    """Return the message that not even the best of some shapes is a valid config."""
    depth, width, _ = shape
    nothing = f"no shape within {100 * bounds.tolerance:g}% of the budget makes sense"
    try:
        _shaped(base, shape, bounds)
    except UserError as error:
        return f"{nothing}: at {depth:,} x {width:,} {error}; widen --tolerance"
    return nothing


def near_budget(
    base: Config, found: Iterable[Found], quantity: Quantity, amount: RoundedNumber, bounds: Bounds
) -> Iterator[Breakdown]:
    """Yield the breakdowns of valid configs whose total, with whole heads, is near the budget."""
    room = room_about(amount, bounds)
    for config in _sensible(base, found, bounds):
        counted = breakdown(config, quantity)
        if abs(counted.total - amount.value) <= room:
            yield counted


def _sensible(base: Config, found: Iterable[Found], bounds: Bounds) -> Iterator[Config]:
    """Yield the configs of some shapes, without those that are refused."""
    for shape in found:
        with suppress(UserError):
            yield _shaped(base, shape, bounds)


def _shaped(base: Config, shape: Found, bounds: Bounds) -> Config:
    depth, width, _ = shape
    heads = {} if base.n_head is None else {"n_head": base.n_head}
    return base.replace(**heads | {"n_layer": depth, "n_embd": width} | bounds.grown(width))
