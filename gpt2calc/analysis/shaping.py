"""Shapes (depth and width) of a wanted size, those most like published models first."""

import sys
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import lcm
from typing import Any

from gpt2calc.analysis.shape_bounds import (
    LARGEST_ASPECT,
    Bounds,
    Growth,
    aspects,
    check_bounds,
    growing_with_the_width,
    steps_of_mixers,
)
from gpt2calc.analysis.shape_search import candidates, refusal_of, within_tolerance
from gpt2calc.analysis.usual_shapes import oddity_for, preset_like
from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import more_than_active
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.quantity.along import step_of_width
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.report.listing import Listing, RowField, counts
from gpt2calc.units import RoundedNumber

TOLERANCE = 0.05
"""How far from the budget a shape may be, as a fraction of it."""
BEST = 10
"""Shapes that are listed."""


@dataclass(frozen=True, repr=False)
class Shape:
    """A depth and a width with about the size wanted."""

    counted: Breakdown
    error: int
    """The total less the budget."""
    preset: str | None
    """The preset of the same family, depth and width that shares most other fields, or None."""

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
        """Attention heads; None where GPT-2's rule gives no whole number."""
        heads: int | None = self.counted.config.heads
        return heads

    @property
    def aspect(self) -> float:
        """Aspect ratio: width divided by depth."""
        return self.n_embd / self.n_layer

    @property
    def shares(self) -> dict[str, float]:
        """The share of the total of each group of parts, as a fraction."""
        return {
            name: self.counted.group_share(name) for name in self.counted.quantity.display.groups
        }

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
    """The shapes near a budget, those most like published models first."""

    config: Config
    """The model whose other fields the shapes have."""
    budget: RoundedNumber
    bounds: Bounds
    shapes: tuple[Shape, ...]
    found: int
    """Shapes within the bounds, listed or not."""
    quantity: Quantity

    def to_dict(self) -> dict[str, Any]:
        """Return an object for each shape: totals and errors in the quantity's unit."""
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
        """Return the columns: sizes, total, error and shares; tables show only the first share."""
        is_like = any(shape.preset for shape in self.shapes)
        mixers = [name for name in self.bounds.growth.ratios if name.startswith("mixer_")]
        grown = [name for name in self.bounds.growth.ratios if name not in ("n_head", *mixers)]
        heads = (counts("n_head", lambda shape: shape.n_head),)
        groups = [*self.quantity.display.groups]
        return (
            counts("n_layer", lambda shape: shape.n_layer),
            counts("n_embd", lambda shape: shape.n_embd),
            *(heads if self.config.has_attention else ()),
            *(counts(name, partial(_value, name)) for name in grown),
            counts("total", lambda shape: shape.counted.total),
            RowField("error", lambda shape: shape.error, "error", "signed share", self._error),
            RowField("aspect", lambda shape: shape.aspect, "aspect", "ratio"),
            *(RowField(name, partial(_share, name), name, "share") for name in groups[:1]),
            RowField("preset", lambda shape: shape.preset, "shape of" if is_like else None),
            *(RowField(name, partial(_share, name)) for name in groups[1:]),
            *(counts(name, partial(_value, name)) for name in mixers),
        )

    def _error(self, shape: Shape) -> float:
        return shape.error / self.budget.value

    def summary(self) -> str:
        """Say what was looked for, and the first shape found."""
        best = self.shapes[0]
        return f"{self.found:,} near {self.budget.text}, first {best.n_layer} x {best.n_embd}"

    def title(self) -> str:
        varying = {"n_layer", "n_embd", *self.bounds.growth.ratios}
        shared = self.config.in_words(varying | self.config.following(varying))
        return f"Shapes near {self.budget.in_unit(self.quantity.unit)}, with {shared}"

    def notes(self) -> tuple[str, ...]:
        bounds = self.bounds
        is_bounded = bounds.min_aspect > 0 or bounds.max_aspect < LARGEST_ASPECT
        between = f" of an aspect of {bounds.min_aspect:g} to {bounds.max_aspect:g}"
        shown = (
            f"{len(self.shapes):,} of {self.found:,} shapes{between if is_bounded else ''}, within "
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
    budget: float | str | RoundedNumber,
    *,
    of: str | Quantity = "parameters",
    multiple_of: int = HEAD_WIDTH,
    min_aspect: float | None = None,
    max_aspect: float | None = None,
    tolerance: float = TOLERANCE,
    limit: int = BEST,
    n_layer: int | None = None,
    n_embd: int | None = None,
    n_head: int | None = None,
    fixed: Collection[str] = (),
) -> Shapes:
    """Find the shapes (``n_layer``, ``n_embd``) that have about the size of a budget.

    They are ordered by their error in steps of two percent: all errors of up to two percent are
    equal, as are all of two to four, and so on. Among equals come first those that are like
    published models: sizes that divide well, and the aspect of the preset that is nearest in size.

    Args:
        config: what all other fields are, a config or its name, None for GPT-2 small; an
            ``n_head`` of its own is dropped, or grows with the width where the model has a
            ``head_dim``, an ``n_kv_head`` or latent attention.
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
        n_head: all shapes have so many heads, which divide their widths.
        fixed: fields that keep their values; those of MLPs and mixers grow with the width
            otherwise, in all families but GPT-2.

    Raises:
        UserError: a bound makes no sense, or there is no such shape: the nearest is named.

    """
    _refuse_what_is_no_size(n_layer=n_layer, n_embd=n_embd, n_head=n_head)
    quantity = as_quantity(of)
    given = quantity.case(as_config(config))
    ratios = growing_with_the_width(given, fixed if n_head is None else (*fixed, "n_head"))
    base = _base(given, ratios, n_head)
    amount = RoundedNumber.of(budget, quantity.unit)
    least, most = aspects(n_layer is None and n_embd is None, min_aspect, max_aspect)
    bounds = Bounds(
        multiple_of=n_embd or _step(multiple_of, base),
        min_aspect=least,
        max_aspect=most,
        tolerance=tolerance,
        n_layer=n_layer,
        n_embd=n_embd,
        growth=Growth(ratios, {"n_head": base.n_kv_head or 1, **steps_of_mixers(base)}),
        shallowest=max(given.repetition[0], 1),
    )
    check_bounds(bounds)
    if limit < 1:
        raise UserError(f"limit is {limit}: give 1 or more, such as {BEST}")
    by_depth = candidates(base, quantity, amount, bounds)
    found = [shape for _, shapes in by_depth for shape in shapes]
    found.sort(key=oddity_for(amount.value, base, quantity))
    near = within_tolerance(base, found, quantity, amount, bounds)
    shapes = tuple(
        Shape(each, each.total - amount.value, preset_like(each.config))
        for each in islice(near, min(limit, sys.maxsize))
    )
    if not shapes:
        raise UserError(refusal_of(base, found[0], bounds))
    count = sum(number for number, _ in by_depth)
    return Shapes(base, amount, bounds, shapes, count, quantity)


def _base(given: Config, ratios: Collection[str], n_head: int | None) -> Config:
    """Return the model that shapes are made from.

    Its ``n_head`` is the one given, or left to its rule; where heads grow in number with the width,
    the width of each is given, but for latent attention, which has two of its own.
    """
    if n_head is not None:
        return given.evaluate_at(n_head=n_head)
    if "n_head" not in ratios:
        return given.replace(n_head=None)
    return given if given.is_latent else given.spelled_out()


def _step(multiple_of: int, base: Config) -> int:
    """Return the step of widths: as asked for, and so that a fixed number of heads divides them."""
    if multiple_of < 1 or base.n_head is None or base.head_dim is not None or base.is_latent:
        return multiple_of
    return lcm(multiple_of, step_of_width(base))


def _refuse_what_is_no_size(**sizes: Any) -> None:
    """Raise ``UserError`` for a size that no model may have: a config with it is refused."""
    given = {name: size for name, size in sizes.items() if size is not None}
    ModelConfig(head_dim=1, **given)  # heads of such a width go with any width of the model
