"""One number of every config on a grid, with as few passes over the grid as arithmetic allows."""

from collections.abc import Mapping
from math import prod

import numpy as np

from gpt2calc.config import GPT2Config
from gpt2calc.errors import UserError
from gpt2calc.what_if.axes import Array
from gpt2calc.what_if.polynomial import Measure, Polynomial, along

LIST_PASSES = 100
"""About how often an evaluation of the list of tensors touches each point it is given."""


def on_grid(measure: Measure, config: GPT2Config, axes: Mapping[str, Array]) -> Array:
    """``measure`` of every config, an array with a dimension for each axis.

    ``measure`` sees only the grid without one of its axes; along that one the result is a
    polynomial, which takes one multiplication and one addition a point (two of each for n_embd).
    """
    line = min(axes, key=lambda name: _passes(name, len(axes[name])))
    spread = {
        name: axis.reshape([-1 if other == name else 1 for other in axes])
        for name, axis in axes.items()
    }
    others = {name: axis for name, axis in spread.items() if name != line}
    shape = tuple(len(axis) for axis in axes.values())
    try:
        out = np.empty(shape, np.int64)
        degree = 2 if line == "n_embd" else 1
        curve = along(measure, config.evaluate_at(**others), line, degree)
        return _drawn(curve, spread[line], out)
    except (MemoryError, ValueError):  # NumPy's word for more than it can even address
        raise UserError(
            f"{prod(shape):,} counts do not fit in memory at once: iterate over batches()"
        ) from None


def _drawn(curve: Polynomial, x: Array, out: Array) -> Array:
    """Horner's rule in place, so that no second array of the grid's size is ever made."""
    if np.any(curve.square):
        np.multiply(curve.square, x, out=out)
        out += curve.slope
        out *= x
    else:
        np.multiply(curve.slope, x, out=out)
    out += curve.constant
    return out


def _passes(name: str, length: int) -> float:
    """What a point of the grid costs when it is drawn along this axis."""
    return (4 if name == "n_embd" else 2) + LIST_PASSES / length
