"""The search for shapes by a quantity that has no formula: many are evaluated at once."""

from collections.abc import Iterator
from itertools import count, islice
from math import ceil

import numpy as np

from gpt2calc.analysis.shape_bounds import MOST_DEPTHS, Bounds, Candidate
from gpt2calc.metrics.memory.points import Array
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.report.terminal import progress_of
from gpt2calc.units import RoundedNumber

FIRST_DEPTHS, MOST_AT_ONCE = 6, 48
"""Depths whose shapes are evaluated together: few at first, then twice as many each time."""
WIDEST = 2**17
"""The largest width that is looked at."""


def within_by_points(
    config: Config, quantity: Quantity, budget: RoundedNumber, bounds: Bounds
) -> Iterator[tuple[int, list[Candidate]]]:
    """Yield for some depths at a time the shapes within the aspects: how many, and which.

    Errors may be of any size; the depths end where every model is above the budget.
    """
    depths = count(bounds.shallowest) if bounds.n_layer is None else iter([bounds.n_layer])
    at_once = FIRST_DEPTHS
    while some := list(islice(depths, at_once)):
        at_once = min(2 * at_once, MOST_AT_ONCE)
        shapes = [(depth, width) for depth in some for width in _widths(config, bounds, depth)]
        is_last = some[-1] >= MOST_DEPTHS or bounds.n_layer is not None
        if not shapes:
            if is_last or some[-1] * bounds.min_aspect > (bounds.n_embd or WIDEST):
                return
            continue
        found = _evaluated(config, quantity, budget.value, bounds, shapes)
        yield len(found), found
        is_beyond = min(error for _, _, error in found) > bounds.tolerance * budget.value
        if is_beyond or is_last:
            return


def _widths(config: Config, bounds: Bounds, depth: int) -> list[int]:
    """Return the widths of a depth that a model can have."""
    step = bounds.multiple_of
    least = max(ceil(bounds.min_aspect * depth), step)
    most = min(int(bounds.max_aspect * depth), WIDEST)
    if bounds.n_embd is not None:
        widths = [bounds.n_embd] if least <= bounds.n_embd <= most else []
    else:
        widths = [*range(-(-least // step) * step, most + 1, step)]
    return [width for width in widths if _has_heads(config, bounds, width)]


def _has_heads(config: Config, bounds: Bounds, width: int) -> bool:
    """Tell whether heads divide a width, and keys and values the heads."""
    heads = bounds.growth.at(width).get("n_head", config.n_head)
    follows_the_width = config.head_dim is None and not config.is_latent
    if follows_the_width and width % (heads or HEAD_WIDTH):
        return False
    return (heads or width // HEAD_WIDTH) % (config.n_kv_head or 1) == 0


def _evaluated(
    config: Config, quantity: Quantity, budget: int, bounds: Bounds, shapes: list[tuple[int, int]]
) -> list[Candidate]:
    depths, widths = (np.array(column, np.int64) for column in zip(*shapes, strict=True))
    columns: dict[str, Array] = {"n_layer": depths, "n_embd": widths}
    grown, names = [bounds.growth.at(width) for _, width in shapes], bounds.growth.ratios
    columns |= {name: np.array([each[name] for each in grown], np.int64) for name in names}
    assert quantity.at_points is not None
    with progress_of(len(shapes)) as report:
        parts = quantity.at_points(config, columns, quantity.parts, report)
    totals = sum(parts.values())
    return [
        (depth, width, int(total) - budget)
        for (depth, width), total in zip(shapes, np.asarray(totals).tolist(), strict=True)
    ]
