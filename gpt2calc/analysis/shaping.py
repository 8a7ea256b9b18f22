"""Which shapes, layers by width, have the size I want and look like models that people train."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import log2
from typing import Any

from gpt2calc.analysis.shape_search import (
    LARGEST_ASPECT,
    Bounds,
    Found,
    growing_with_the_width,
    nothing_found,
    nothing_near,
    refuse_out_of_reach,
    refuse_senseless,
    room_about,
    within,
)
from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import breakdown, more_than_active
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.derived import HEAD_WIDTH
from gpt2calc.model.presets import presets
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.quantity import Breakdown, Config, Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.units import RoundedNumber

USUAL_ASPECTS = (32, 128)
"""Width divided by depth of the published GPT-2 and GPT-3: 1,600 / 48 to 12,288 / 96."""
TOLERANCE = 0.05
"""How far from the budget a shape may be, as a fraction of it."""
ODDITY_OF_TWICE = 4
"""Being twice as wide or deep as usual weighs as much as so many divisors that a size lacks."""
EQUALLY_NEAR = 0.02
"""Errors, as fractions, that differ by less than this make no shape better than another."""
OF_A_SHAPE = ("family", "n_layer", "n_embd")
"""What a model and the preset that it has the shape of have in common."""
BEST = 10
"""Shapes that are listed."""


@dataclass(frozen=True, repr=False)
class Shape:
    """A depth and a width with about the size wanted."""

    counted: Breakdown
    error: int
    """The total less the budget."""
    preset: str | None
    """A preset with this depth and width, best one that has all other fields, too; or None."""

    @property
    def n_layer(self) -> int:
        """Transformer blocks."""
        depth: int = self.counted.config.n_layer
        return depth

    @property
    def n_embd(self) -> int:
        """Width of the model."""
        width: int = self.counted.config.n_embd
        return width

    @property
    def n_head(self) -> int | None:
        """Attention heads by GPT-2's rule; None where it gives no whole number."""
        heads: int | None = self.counted.config.heads
        return heads

    @property
    def aspect(self) -> float:
        """Aspect ratio: width divided by depth."""
        return self.n_embd / self.n_layer

    @property
    def shares(self) -> dict[str, float]:
        """What each group of parts is of the total, as fractions."""
        return {name: self.counted.group_share(name) for name in self.counted.quantity.groups}

    def to_dict(self) -> dict[str, Any]:
        """Return total and error in the quantity's unit, shares as fractions."""
        return {
            "n_layer": self.n_layer,
            "n_embd": self.n_embd,
            "n_head": self.n_head,
            "total": self.counted.total,
            "error": self.error,
            "aspect": self.aspect,
            "preset": self.preset,
            "shares": self.shares,
        }


@dataclass(frozen=True, repr=False)
class Shapes(Listing):
    """The shapes near a budget, the one that an experienced person would pick first."""

    config: Config
    """What all of them share."""
    budget: RoundedNumber
    bounds: Bounds
    shapes: tuple[Shape, ...]
    found: int
    """Shapes within the bounds, listed or not."""
    quantity: Quantity

    @property
    def min_aspect(self) -> float:
        """The least width divided by depth of the shapes that were looked at."""
        return self.bounds.min_aspect

    def to_dict(self) -> dict[str, Any]:
        """Return one object a shape: totals and errors in the quantity's unit."""
        return {
            "config": self.config.effective(),
            "budget": self.budget.text,
            "min_aspect": self.bounds.min_aspect,
            "max_aspect": self.bounds.max_aspect,
            "tolerance": self.bounds.tolerance,
            "found": self.found,
            "shapes": [shape.to_dict() for shape in self.shapes],
        }

    def items(self) -> tuple[Shape, ...]:
        """Return the shapes."""
        return self.shapes

    def fields(self) -> tuple[RowField, ...]:
        """Return sizes, total and error; people read the largest group's share alone."""
        is_like = any(shape.preset for shape in self.shapes)
        grown = [name for name in self.bounds.ratios if name != "n_head"]
        groups = [*self.quantity.groups]
        return (
            RowField("n_layer", lambda shape: shape.n_layer, "n_layer", "count"),
            RowField("n_embd", lambda shape: shape.n_embd, "n_embd", "count"),
            RowField("n_head", lambda shape: shape.n_head, "n_head", "count"),
            *(RowField(name, partial(_value, name), name, "count") for name in grown),
            RowField("total", lambda shape: shape.counted.total, "total", "count"),
            RowField("error", lambda shape: shape.error, "error", "signed share", self._error),
            RowField("aspect", lambda shape: shape.aspect, "aspect", "ratio"),
            *(RowField(name, partial(_share, name), name, "share") for name in groups[:1]),
            RowField("preset", lambda shape: shape.preset, "shape of" if is_like else None),
            *(RowField(name, partial(_share, name)) for name in groups[1:]),
        )

    def _error(self, shape: Shape) -> float:
        return shape.error / self.budget.value

    def summary(self) -> str:
        """Say what was looked for, and the first shape found."""
        best = self.shapes[0]
        return f"{self.found:,} near {self.budget.text}, first {best.n_layer} x {best.n_embd}"

    def title(self) -> str:
        varying = {"n_layer", "n_embd", *self.bounds.ratios}
        shared = self.config.in_words(varying | self.config.following(varying))
        return f"Shapes near {self.budget.in_unit(self.quantity.unit)}, with {shared}"

    def notes(self) -> tuple[str, ...]:
        bounds = self.bounds
        is_bounded = bounds.min_aspect > 0 or bounds.max_aspect < LARGEST_ASPECT
        aspects = f" of an aspect of {bounds.min_aspect:g} to {bounds.max_aspect:g}"
        shown = (
            f"{len(self.shapes):,} of {self.found:,} shapes{aspects if is_bounded else ''}, within "
            f"{100 * bounds.tolerance:g}% of the budget; usual ones first "
            "(--min-aspect, --max-aspect, --tolerance, --limit)."
        )
        return (
            "Aspect: width divided by depth; error: above or below the budget.",
            shown,
            *more_than_active(self.config, self.quantity),
        )


def _value(name: str, shape: Shape) -> Any:
    return shape.counted.config.value(name)


def _share(group: str, shape: Shape) -> float:
    return shape.shares[group]


def solve(
    config: Model | None,
    budget: int | str | RoundedNumber,
    *,
    of: str | Quantity = "parameters",
    multiple_of: int = HEAD_WIDTH,
    min_aspect: float | None = None,
    max_aspect: float | None = None,
    tolerance: float = TOLERANCE,
    limit: int = BEST,
    n_layer: int | None = None,
    n_embd: int | None = None,
    fixed: Collection[str] = (),
) -> Shapes:
    """Find the shapes (``n_layer``, ``n_embd``) that have about the size of a budget.

    The order is what a person would choose by: all errors of up to two percent are equal, as are
    all of two to four, and so on. Among equals come first those that are like published models:
    sizes that divide well, and the aspect of the preset that is nearest in size.

    Args:
        config: what all other fields are, a config or its name, None for GPT-2 small; an
            ``n_head`` of its own is dropped.
        budget: how much of the quantity: an integer, or text such as "350M".
        of: the quantity that the budget is of, or its name.
        multiple_of: widths are multiples of this.
        min_aspect: the least width divided by depth; 32 if left out, as published, or none where
            a depth or width is given.
        max_aspect: the largest width divided by depth; 128 if left out, likewise.
        tolerance: how far from the budget a shape may be, as a fraction of it.
        limit: how many shapes are listed.
        n_layer: look at this depth alone.
        n_embd: look at this width alone.
        fixed: fields of a descendant that stay as they are: its MLP grows with the width otherwise.

    Raises:
        UserError: a bound makes no sense, or there is no such shape: the nearest is named.

    """
    _refuse_what_is_no_size(n_layer=n_layer, n_embd=n_embd)
    quantity = as_quantity(of)
    given = quantity.case(as_config(config))
    ratios = growing_with_the_width(given, fixed)
    base = given.spelled_out() if "n_head" in ratios else given.replace(n_head=None)
    amount = RoundedNumber.of(budget, quantity.unit)
    least, most = (0, LARGEST_ASPECT) if n_layer or n_embd else USUAL_ASPECTS
    bounds = Bounds(
        multiple_of=n_embd or multiple_of,
        min_aspect=max(0, min(least, max_aspect or least)) if min_aspect is None else min_aspect,
        max_aspect=max(most, min_aspect or most) if max_aspect is None else max_aspect,
        tolerance=tolerance,
        n_layer=n_layer,
        n_embd=n_embd,
        ratios=ratios,
        n_kv_head=base.n_kv_head or 1,
    )
    refuse_senseless(bounds)
    if limit < 1:
        raise UserError(f"limit is {limit}: give 1 or more, such as {BEST}")
    by_depth = _candidates(base, quantity, amount, bounds)
    found = [shape for _, shapes in by_depth for shape in shapes]
    usual = _usual_aspect(amount.value, base, quantity)

    def oddity(shape: Found) -> tuple[Any, ...]:
        depth, width, error = shape
        band = int(abs(error) / (EQUALLY_NEAR * amount.value))
        awkward = _awkward(depth, (8, 4, 2)) + _awkward(width, (256, 128, 64))
        off = abs(log2(width / depth / usual))
        return (band, awkward + ODDITY_OF_TWICE * off, abs(error), depth)

    sensible = _sensible(base, sorted(found, key=oddity), bounds)
    counted = (breakdown(shaped, quantity) for shaped in sensible)
    room = room_about(amount, bounds)
    near = (each for each in counted if abs(each.total - amount.value) <= room)
    shapes = tuple(
        Shape(each, each.total - amount.value, _preset_like(each.config))
        for each in islice(near, limit)
    )
    if not shapes:
        raise UserError(_why_senseless(base, min(found, key=oddity), bounds))
    count = sum(number for number, _ in by_depth)
    return Shapes(base, amount, bounds, shapes, count, quantity)


def _candidates(
    base: Config, quantity: Quantity, amount: RoundedNumber, bounds: Bounds
) -> list[tuple[int, list[Found]]]:
    """Return shapes that are about as large as the budget. Raises ``UserError`` if none is."""
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


def _refuse_what_is_no_size(**sizes: Any) -> None:
    ModelConfig(**{name: size for name, size in sizes.items() if size is not None})


def _why_senseless(base: Config, shape: Found, bounds: Bounds) -> str:
    """Say why not even the best of some shapes makes sense."""
    depth, width, _ = shape
    nothing = f"no shape within {100 * bounds.tolerance:g}% of the budget makes sense"
    try:
        _shaped(base, shape, bounds)
    except UserError as error:
        return f"{nothing}: at {depth:,} x {width:,} {error}; widen --tolerance"
    return nothing


def _sensible(base: Config, found: Iterable[Found], bounds: Bounds) -> Iterator[Config]:
    """Yield the models of some shapes, less those whose heads do not divide."""
    for shape in found:
        with suppress(UserError):
            yield _shaped(base, shape, bounds)


def _shaped(base: Config, shape: Found, bounds: Bounds) -> Config:
    depth, width, _ = shape
    return base.replace(n_layer=depth, n_embd=width, **bounds.grown(width))


def _usual_aspect(budget: int, base: Config, quantity: Quantity) -> float:
    """Return width divided by depth of the family's preset nearest to a budget by its logarithm."""
    kin = base.of_family.model_type
    alike = [preset for preset in presets() if preset.config.of_family.model_type == kin]
    sizes: dict[float, int] = {}
    for preset in alike or presets():
        config = base.with_model(preset.config)
        with suppress(UserError):  # a preset that does not say how many heads it has
            sizes[config.n_embd / config.n_layer] = quantity.total(config)
    return min(sizes, key=lambda aspect: abs(log2(sizes[aspect]) - log2(budget)))


def _preset_like(config: Config) -> str | None:
    """Return the preset of a depth and width that shares most of the other fields."""
    wanted = config.effective()
    alike = {
        preset.name: sum(preset.config.value(name) == wanted[name] for name in preset.config.known)
        for preset in presets()
        if all(getattr(preset.config, name) == getattr(config, name) for name in OF_A_SHAPE)
    }
    return max(alike, key=lambda name: alike[name], default=None)


def _awkward(size: int, divisors: tuple[int, ...]) -> int:
    """Return how many of some divisors, the largest first, a size is no multiple of."""
    return sum(size % divisor != 0 for divisor in divisors)
