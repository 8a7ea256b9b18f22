"""One number of every config on a grid: by a polynomial along one axis, where there is one."""

from collections.abc import Mapping
from contextlib import suppress
from math import prod

import numpy as np

from gpt2calc.analysis.axes import Array
from gpt2calc.errors import UserError
from gpt2calc.quantity.along import Measure, along
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.polynomial import Polynomial
from gpt2calc.quantity.quantity import NoFormulaError

LARGEST_GRID = 10**8
"""Configs whose counts are held at once at most: 800 MB of them."""
LIST_PASSES = 100
"""About how many passes over its points one evaluation of a measure takes."""


def refuse_large_grid(shape: tuple[int, ...]) -> None:
    """Raise ``UserError`` for a grid whose counts cannot be held at once."""
    if prod(shape) > LARGEST_GRID:
        raise UserError(
            f"{prod(shape):,} counts are more than the {LARGEST_GRID:,} that are held at once: "
            "give fewer values, or iterate over batches()"
        )


def on_grid(measure: Measure, config: Config, axes: Mapping[str, Array]) -> Array:
    """Evaluate ``measure`` for every config; the array has a dimension for each axis.

    ``measure`` sees only the grid without one of its axes; along that one the result is a
    polynomial, which takes a multiplication and an addition a point for each of its degrees. Where
    it is no polynomial along any axis, ``measure`` sees the whole grid.
    """
    shape = tuple(len(axis) for axis in axes.values())
    refuse_large_grid(shape)
    spread = {
        name: axis.reshape([-1 if other == name else 1 for other in axes])
        for name, axis in axes.items()
    }
    line = _cheapest_line(measure, config, axes)
    if line is not None:
        others = {name: axis for name, axis in spread.items() if name != line}
        with suppress(NoFormulaError):  # a division may be possible at the corner alone
            curve = along(measure, config.evaluate_at(**others), line)
            return _horner(curve, spread[line], np.empty(shape, np.int64))
    return np.array(np.broadcast_to(measure(config.evaluate_at(**spread)), shape), np.int64)


def _cheapest_line(measure: Measure, config: Config, axes: Mapping[str, Array]) -> str | None:
    """Return the axis whose polynomial takes the least work; None if no axis has one."""
    costs = {}
    corner = config.evaluate_at(**{name: int(axis[0]) for name, axis in axes.items()})
    for name, axis in axes.items():
        try:
            curve = along(measure, corner, name)
        except NoFormulaError:
            continue
        if curve.is_whole:
            costs[name] = 2 * max(curve.degree, 1) + LIST_PASSES / len(axis)
    return min(costs, key=lambda name: costs[name], default=None)


def _horner(curve: Polynomial, x: Array, out: Array) -> Array:
    """Apply Horner's rule in place, so that no second array of the grid's size is ever made."""
    *lower, highest = curve.coefficients[: curve.degree + 1]
    if not lower:
        out[...] = highest
        return out
    np.multiply(highest, x, out=out)
    for coefficient in lower[:0:-1]:
        out += coefficient
        out *= x
    out += lower[0]
    return out
