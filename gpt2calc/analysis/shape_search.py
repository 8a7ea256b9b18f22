"""The search for shapes: depths and widths whose total is near a budget, within bounds."""

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from gpt2calc.analysis.budgets import said
from gpt2calc.errors import UserError
from gpt2calc.model.families.gpt2 import GPT2
from gpt2calc.quantity.along import Curve, along, curve_along
from gpt2calc.quantity.polynomial import X
from gpt2calc.quantity.quantity import Config, NoFormulaError, Quantity
from gpt2calc.units import RoundedNumber

MOST_DEPTHS = 10**4
"""The largest depth that is looked at."""
LARGEST_ASPECT = 10**9
"""Width divided by depth of any model that anyone may look for, and more."""
MOST_WIDTHS = 64
"""Widths of one depth that are weighed; where there are more, those of the least error."""
DEPTHS_NEARBY = 1_000
"""Depths that are looked at for the shape nearest to bounds that allow none."""

STEP_OF_MLPS = 64
"""Widths of MLPs are multiples of it."""
OF_MLPS = ("n_inner", "n_inner_expert", "n_inner_shared", "expert_latent_dim")
"""The widths of MLPs, and of what experts work in."""

Found = tuple[int, int, int]
"""A shape: depth, width, and the total less the budget, in the quantity's unit."""


class Bounds(NamedTuple):
    """Bounds on the shapes of a search, and how other fields grow with the width."""

    multiple_of: int
    min_aspect: float
    max_aspect: float
    tolerance: float
    n_layer: int | None
    n_embd: int | None
    ratios: Mapping[str, Fraction] = {}
    """The fields that grow with the width, and their ratios to it."""
    steps: Mapping[str, int] = {}
    """Steps of those fields, where not ``STEP_OF_MLPS``: ``n_kv_head`` for ``n_head``."""
    shallowest: int = 1
    """The least depth that has all layers which lists in the config name."""

    @property
    def reach(self) -> int:
        """By how much rounding may move the width of a given total, at most.

        Each field that grows with the width is rounded by no more than one step.
        """
        return max((ceil(self._step_of(n) / ratio) for n, ratio in self.ratios.items()), default=0)

    def _step_of(self, name: str) -> int:
        return self.steps.get(name, STEP_OF_MLPS)

    def grown(self, width: int) -> dict[str, int]:
        """Return the fields that grow with a width, each rounded to a multiple of its step."""
        steps = {name: self._step_of(name) for name in self.ratios}
        return {
            name: max(round(ratio * width / steps[name]), 1) * steps[name]
            for name, ratio in self.ratios.items()
        }

    def allow(self, depth: int, width: int) -> bool:
        """Tell whether a shape lies within the aspects."""
        return self.min_aspect * depth <= width <= self.max_aspect * depth


def within(
    config: Config, quantity: Quantity, budget: RoundedNumber, bounds: Bounds
) -> Iterator[tuple[int, list[Found]]]:
    """Yield for each depth how many shapes lie within the bounds, and those of the least error."""
    room, reach = room_about(budget, bounds), bounds.reach
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
        if bounds.ratios:
            counted = _counted(deep, quantity, budget.value, bounds, widths)
            near = [found for found in counted if abs(found[2]) <= room]
            yield len(near), near
        else:
            yield len(widths), _nearest(curve, budget.value, depth, widths)


def _counted(
    config: Config, quantity: Quantity, budget: int, bounds: Bounds, widths: range
) -> list[Found]:
    """Return the shapes of a depth, counted with the rounded fields that grow with the width."""
    import numpy as np

    if not widths:
        return []
    grown = [bounds.grown(width) for width in widths]
    columns = {name: np.array([each[name] for each in grown], object) for name in bounds.ratios}
    totals = quantity.total(config.evaluate_at(n_embd=np.array(widths, object), **columns))
    return [
        (config.n_layer, width, int(total) - budget)
        for width, total in zip(widths, np.broadcast_to(totals, len(widths)), strict=True)
    ]


def room_about(budget: RoundedNumber, bounds: Bounds) -> int:
    """Return how far from the budget a total may be, in the quantity's unit."""
    return int(bounds.tolerance * budget.value)


def growing_with_the_width(config: Config, fixed: Collection[str]) -> dict[str, Fraction]:
    """Return the fields that grow with the width, and their ratios to it.

    A GPT-2 has none: its rules give such fields. With ``head_dim``, ``n_kv_head`` or latent
    attention, ``n_head`` grows and the width of a head stays.
    """
    if config.family == GPT2.name:
        return {}
    names = [name for name in OF_MLPS if getattr(config, name) is not None]
    if config.n_kv_head is not None or config.head_dim is not None or config.is_latent:
        names.append("n_head")
    names += steps_of_mixers(config)
    growing = [name for name in names if name not in fixed]
    return {name: Fraction(config.value(name), config.n_embd) for name in growing}


def steps_of_mixers(config: Config) -> dict[str, int]:
    """Return the fields of a mixer that grow with the width, and what each is a multiple of."""
    heads, keys = config.mixer_heads, config.mixer_key_heads
    if heads is None:
        return {}
    ranks = {} if config.mixer_rank is None else {"mixer_rank": 1}
    if keys == heads:
        return {"mixer_heads": 1, "mixer_key_heads": 1, **ranks}
    return {"mixer_heads": 1 if keys is None else keys, **ranks}


def along_the_width(config: Config, quantity: Quantity, bounds: Bounds) -> Curve:
    """Return the total along the width, with the fields that grow with it unrounded."""
    grown = {name: X * ratio for name, ratio in bounds.ratios.items()}
    try:
        return along(quantity.total, config.evaluate_at(**grown), "n_embd")
    except NoFormulaError:
        return curve_along(config, "n_embd", quantity)


def _nearest(curve: Curve, budget: int, depth: int, widths: range) -> list[Found]:
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
        config.evaluate_at(n_layer=shallowest, n_embd=narrowest, **bounds.grown(narrowest))
    )
    if budget.largest * (1 + bounds.tolerance) < smallest:
        raise UserError(
            f"{said(budget, quantity)} are too few: the smallest such model, "
            f"{shallowest} layer{'s' * (shallowest > 1)} of width {narrowest:,}, has "
            f"{smallest:,}"
        )
    width = bounds.n_embd or max(bounds.multiple_of, ceil(bounds.min_aspect * MOST_DEPTHS))
    deepest = config.evaluate_at(n_layer=MOST_DEPTHS, n_embd=width, **bounds.grown(width))
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
    found: Collection[Found], quantity: Quantity, budget: RoundedNumber, bounds: Bounds
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
) -> Found:
    """Return a depth, the width nearest the budget at it, and the error."""
    curve = along_the_width(config.evaluate_at(n_layer=depth), quantity, bounds)
    step = bounds.multiple_of
    below = curve.largest_within(budget) // step * step
    widths = [bounds.n_embd] if bounds.n_embd else [max(below, step), max(below, 0) + step]
    width = min(widths, key=lambda width: abs(curve.at(width) - budget))
    return depth, width, round(curve.at(width)) - budget
