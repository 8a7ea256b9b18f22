"""Which shapes, layers by width, come nearest the size I want."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nsmallest
from itertools import count as counting_from
from math import ceil
from typing import Any

from gpt2calc.amount import Amount
from gpt2calc.config import HEAD_WIDTH, GPT2Config
from gpt2calc.counting import breakdown
from gpt2calc.errors import UserError
from gpt2calc.loading import Model, as_config
from gpt2calc.output.result import Result
from gpt2calc.output.table import Column, Table
from gpt2calc.polynomial import total_along
from gpt2calc.quantities import as_quantity
from gpt2calc.quantity import Breakdown, Quantity

BEST = 10
"""Shapes that are listed."""
MOST_DEPTHS = 10**5
LARGEST_ASPECT = 10**9
"""Width divided by depth of any model that anyone may look for, and more."""


@dataclass(frozen=True)
class Shape:
    """A depth with the width that comes nearest the budget at it."""

    counted: Breakdown
    error: int
    """The total less the budget."""

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
    def aspect(self) -> float:
        """Aspect ratio: width divided by depth."""
        return self.n_embd / self.n_layer

    @property
    def shares(self) -> dict[str, float]:
        """What each group of parts is of the total, as fractions."""
        return {name: self.counted.group_share(name) for name in self.counted.quantity.groups}


@dataclass(frozen=True)
class Shapes(Result):
    """The shapes nearest a budget, best first."""

    config: GPT2Config
    """What all of them share."""
    params: Amount
    min_aspect: float
    """The least width divided by depth of the shapes that were looked at."""
    shapes: tuple[Shape, ...]
    quantity: Quantity

    def to_dict(self) -> dict[str, Any]:
        """One object a shape: counts and errors in parameters, shares as fractions."""
        return {
            "config": self.config.model_dump(),
            "params": self.params.text,
            "min_aspect": self.min_aspect,
            "shapes": [
                {
                    "n_layer": each.n_layer,
                    "n_embd": each.n_embd,
                    "total": each.counted.total,
                    "error": each.error,
                    "aspect": each.aspect,
                    "shares": each.shares,
                }
                for each in self.shapes
            ],
        }

    def table(self) -> Table:
        """A row for each shape."""
        varying = {"n_layer", "n_embd"}
        shared = self.config.in_words(varying | self.config.following(varying))
        return Table(
            title=f"Shapes near {self.params.text} {self.quantity.unit}, with {shared}",
            columns=(
                Column("n_layer", "count"),
                Column("n_embd", "count"),
                Column("total", "count"),
                Column("error", "count"),
                Column("aspect", "ratio"),
                *(Column(name, "share") for name in self.quantity.groups),
            ),
            rows=tuple(
                (
                    *(each.n_layer, each.n_embd, each.counted.total, each.error, each.aspect),
                    *each.shares.values(),
                )
                for each in self.shapes
            ),
            notes=(
                "Aspect: width divided by depth; error: parameters above or below the budget.",
                f"Shapes of an aspect below {self.min_aspect:g} were left out (--min-aspect).",
            ),
        )


def solve(
    config: Model | None,
    params: int | str | Amount,
    *,
    of: str | Quantity = "parameters",
    multiple_of: int = HEAD_WIDTH,
    min_aspect: float = 1,
) -> Shapes:
    """Find the shapes (``n_layer``, ``n_embd``) whose counts are nearest a budget.

    For each depth the count is a quadratic in the width, and the width is its root, rounded to the
    nearer multiple. No depth is left out but those at which the model would be deeper than wide.

    Args:
        config: what all other fields are, a config or its name, None for GPT-2 small; an
            ``n_head`` of its own is dropped.
        params: the budget: an integer, or text such as "350M".
        of: the quantity that the budget is of, or its name.
        multiple_of: widths are multiples of this.
        min_aspect: the least width divided by depth: 1 excludes what is deeper than wide.

    Returns:
        The ten best, one for a depth, by distance from the budget.

    Raises:
        UserError: the budget is smaller than the smallest such model, or too large to go through.

    """
    config, quantity = as_config(config).replace(n_head=None), as_quantity(of)
    budget = Amount.of(params, quantity.unit)
    _refuse_out_of_range(config, quantity, budget, multiple_of, min_aspect)
    candidates = _widths(config, quantity, budget.value, multiple_of, min_aspect)
    best = nsmallest(BEST, candidates, key=lambda each: (abs(each[2]), each[0]))
    if not best:
        raise UserError(
            f"no shape of {budget.text} {quantity.unit} has an aspect of {min_aspect:g}: lower it"
        )
    shapes = (
        Shape(breakdown(config.replace(n_layer=n, n_embd=d), quantity), error)
        for n, d, error in best
    )
    return Shapes(config, budget, min_aspect, tuple(shapes), quantity)


def _widths(
    config: GPT2Config, quantity: Quantity, budget: int, multiple_of: int, min_aspect: float
) -> Iterator[tuple[int, int, int]]:
    """Yield depth, nearest width, and error, until deeper than allowed or far too large."""
    too_large = 0
    for depth in counting_from(1):
        curve = total_along(config.evaluate_at(n_layer=depth), "n_embd", quantity)
        below = curve.largest_within(budget) // multiple_of * multiple_of
        around = (width for width in (below, below + multiple_of) if width > 0)
        error, width = min(
            ((curve.at(w) - budget, w) for w in around), key=lambda each: abs(each[0])
        )
        too_large += below == 0
        if width < min_aspect * depth or too_large > BEST:
            return
        yield depth, width, error


def _refuse_out_of_range(
    config: GPT2Config, quantity: Quantity, params: Amount, multiple_of: int, min_aspect: float
) -> None:
    if multiple_of < 1:
        raise UserError(f"widths are to be multiples of {multiple_of}: give 1 or more, such as 64")
    if not 0 <= min_aspect <= LARGEST_ASPECT:
        raise UserError(
            f"min_aspect is {min_aspect:g}: it must be from 0 to {LARGEST_ASPECT:,}, such as 1"
        )
    smallest = quantity.total(config.replace(n_layer=1, n_embd=multiple_of))
    if params.largest < smallest:
        raise UserError(
            f"{params.text} {quantity.unit} are too few: the smallest such model, 1 layer of width "
            f"{multiple_of:,}, has {smallest:,}"
        )
    deepest = config.replace(
        n_layer=MOST_DEPTHS, n_embd=max(multiple_of, ceil(min_aspect * MOST_DEPTHS))
    )
    if quantity.total(deepest) <= params.value:
        raise UserError(
            f"{params.text} {quantity.unit} allow more than {MOST_DEPTHS:,} depths: solve for one "
            "field with --for, or raise --min-aspect"
        )
