"""A map of sizes over two fields, with lines of equal size and the presets that lie on it."""

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.text import Text

from gpt2calc.errors import UserError
from gpt2calc.loading import presets
from gpt2calc.picture.labels import log_ticks, place_labels, whole_ticks
from gpt2calc.picture.style import INK, human
from gpt2calc.what_if.axes import Array
from gpt2calc.what_if.sweeping import Sweep, sweep

FINEST = 200
"""Points of an axis; between the values of the sweep the formula is evaluated, too."""
WIDE_RANGE = 20
"""The largest value over the smallest, from which on an axis is logarithmic."""
MOST_LINES = 7

MAP = ListedColormap(colormaps["YlGnBu"](np.linspace(0, 0.7, 256)))
"""Colours of a map: light for few, dark for many, in grey too; ink can be read on all of them."""


def sweep_map(ax: Axes, swept: Sweep) -> Axes:
    """A sweep over two fields; what is outside the sweep's bounds is left white."""
    down, across = [name for name, axis in swept.axes.items() if len(axis) > 1]
    x, y = _finely(swept.axes[across]), _finely(swept.axes[down])
    places: Any = {**swept.axes, down: y, across: x}
    totals = sweep(swept.config, of=swept.quantity, **places).total.reshape(len(y), len(x))
    shown = np.ma.masked_outside(totals, swept.at_least, swept.at_most)
    if shown.count() == 0:
        raise UserError("no config lies within the bounds: nothing can be drawn")
    ax.pcolormesh(x, y, shown, norm=LogNorm(), cmap=MAP, shading="nearest", rasterized=True)
    levels = _round_sizes(float(shown.min()), float(shown.max()))
    lines = ax.contour(x, y, totals, levels=levels, colors=INK, linewidths=0.7)
    _scale(ax, x, y)
    for axis, name in ((ax.xaxis, across), (ax.yaxis, down)):
        axis.set_label_text(name)
    names = ax.clabel(lines, fmt=human, fontsize=7.5)
    _mark_presets(ax, swept, (across, down), names)
    return ax


def _finely(axis: Array) -> Array:
    """Whole numbers from the smallest value to the largest, as fine as a picture can show."""
    low, high = int(axis.min()), int(axis.max())
    spread = np.geomspace if high > WIDE_RANGE * low else np.linspace
    return np.unique(spread(low, high, FINEST).round().astype(np.int64))


def _scale(ax: Axes, x: Array, y: Array) -> None:
    for axis, values, rescale in ((ax.xaxis, x, ax.set_xscale), (ax.yaxis, y, ax.set_yscale)):
        if values[-1] > WIDE_RANGE * values[0]:
            rescale("log")
            log_ticks(axis, float(values[0]), float(values[-1]))
        else:
            whole_ticks(axis, values)


def _round_sizes(smallest: float, largest: float) -> list[float]:
    """Round numbers of parameters in a range, not too many: 100M, 200M, 500M, 1B."""
    for digits in ((1, 2, 5), (1, 3), (1,)):
        sizes = [digit * 10.0**power for power in range(1, 19) for digit in digits]
        within = [size for size in sizes if smallest < size < largest]
        if len(within) <= MOST_LINES:
            return within
    return within[:: -(-len(within) // MOST_LINES)]


def _mark_presets(ax: Axes, swept: Sweep, names: tuple[str, str], avoiding: list[Text]) -> None:
    """The presets that lie on the map: in its range, and in all else like its models."""
    shared = swept.config.effective()
    shared |= {name: int(axis[0]) for name, axis in swept.axes.items() if len(axis) == 1}
    varying = {*names, "n_head", *(swept.config.following(names))}
    marked = []
    for preset in presets():
        own = preset.config.effective()
        apart = {name for name in own if own[name] != shared[name]} - varying
        inside = all(swept.axes[n].min() <= own[n] <= swept.axes[n].max() for n in names)
        if inside and not apart:
            marked.append((own[names[0]], own[names[1]], preset.name))
    for x, y, _ in marked:
        ax.plot(x, y, marker="o", color="white", markeredgecolor=INK, markersize=6)
    place_labels(ax, marked, avoiding)
