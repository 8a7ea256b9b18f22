"""A map of sizes over two fields, with lines of equal size and the presets that lie on it."""

from contextlib import suppress
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from gpt2calc.analysis.axes import Array
from gpt2calc.analysis.sweeping import Sweep, sweep
from gpt2calc.errors import UserError
from gpt2calc.model.sources.presets import presets
from gpt2calc.plot.labels import log_ticks, place_labels, whole, whole_ticks
from gpt2calc.plot.style import INK, PALE, font_size_for, human_in, size_of

FINEST = 200
"""Points of an axis where the formula is also evaluated between the values of the sweep."""
WIDE_RANGE = 20
"""Ratio of largest to smallest value from which on an axis is logarithmic."""
MOST_LINES = 7
FEW_CELLS = 12
"""Values of an axis up to which the cells of a grid are drawn one by one."""

MAP = ListedColormap(colormaps["YlGnBu"](np.linspace(0, 0.7, 256)))
"""Colours of a map: light for few, dark for many, in grey too; ink can be read on all of them."""


def sweep_map(ax: Axes, swept: Sweep) -> Axes:
    """Draw a sweep over two fields; what is outside the sweep's bounds is left white.

    A small grid is drawn cell by cell, with numbers. For a large one lines of equal size are drawn,
    and the formula is also evaluated between the values of an axis, where there are such models.
    """
    down, across = [name for name, axis in swept.axes.items() if len(axis) > 1]
    if max(len(swept.axes[down]), len(swept.axes[across])) <= FEW_CELLS:
        return _cells(ax, swept, down, across)
    y, x, totals = _evaluated(swept, down, across)
    shown = _within(swept, totals)
    colours = ax.pcolormesh(
        x, y, shown, norm=LogNorm(), cmap=MAP, shading="nearest", rasterized=True
    )
    levels = _round_sizes(float(shown.min()), float(shown.max()))
    lines = ax.contour(x, y, totals, levels=levels, colors=INK, linewidths=0.7)
    _scale(ax, x, y)
    _finish(ax, swept, colours, down, across)
    names = ax.clabel(lines, fmt=human_in(swept.quantity), fontsize=7.5)
    _mark_presets(ax, swept, (across, down), names)
    return ax


def _cells(ax: Axes, swept: Sweep, down: str, across: str) -> Axes:
    """Draw a cell for each config, in the order of its values, with its number in it."""
    x, y = np.sort(swept.axes[across]), np.sort(swept.axes[down])
    totals = _totals(swept, {down: y, across: x})
    shown = _within(swept, totals)
    colours = ax.pcolormesh(shown, norm=LogNorm(), cmap=MAP, edgecolors="white", linewidth=1)
    size = min(font_size_for(ax, len(y) + 1), 13 * size_of(ax)[0] / len(x))
    for (row, column), total in np.ndenumerate(totals):
        ink = PALE if np.ma.getmaskarray(shown)[row, column] else INK
        place: Any = {"ha": "center", "va": "center", "fontsize": size, "color": ink}
        ax.text(column + 0.5, row + 0.5, human_in(swept.quantity)(int(total)), **place)
    ax.set_xticks(np.arange(len(x)) + 0.5, [whole(value) for value in x], fontsize=min(size, 8.5))
    ax.set_yticks(np.arange(len(y)) + 0.5, [whole(value) for value in y])
    _finish(ax, swept, colours, down, across)
    return ax


def _evaluated(swept: Sweep, down: str, across: str) -> tuple[Array, Array, Array]:
    """Return the values of both axes, as fine as all of them are models, and the totals there."""
    given = {name: np.sort(swept.axes[name]) for name in (down, across)}
    finely = {name: _finely(axis) for name, axis in given.items()}
    for axes in (finely, given | {across: finely[across]}, given | {down: finely[down]}):
        with suppress(UserError):  # a width between two may be no multiple of the heads
            return axes[down], axes[across], _totals(swept, axes)
    return given[down], given[across], _totals(swept, given)


def _totals(swept: Sweep, axes: dict[str, Array]) -> Array:
    """Evaluate a sweep's total at other values of its two axes; rows are those of the first."""
    values: Any = {**swept.axes, **axes}
    totals = sweep(swept.config, of=swept.quantity, **values).total
    return totals.reshape([len(axis) for axis in axes.values()])


def _within(swept: Sweep, totals: Array) -> Any:
    """Mask what is outside the sweep's bounds."""
    shown = np.ma.masked_outside(totals, swept.at_least, swept.at_most)
    if shown.count() == 0:
        raise UserError("no config lies within the bounds: nothing can be drawn")
    return shown


def _finish(ax: Axes, swept: Sweep, colours: Any, down: str, across: str) -> None:
    """Name the axes, and add a colour bar."""
    ax.set_xlabel(across)
    ax.set_ylabel(down)
    figure = ax.get_figure(root=True)
    assert figure is not None
    low, high = colours.get_clim()
    ticks = np.geomspace(low, high, 5)
    bar = figure.colorbar(
        colours, ax=ax, ticks=ticks, format=FuncFormatter(human_in(swept.quantity)), pad=0.02
    )
    bar.ax.minorticks_off()
    bar.set_label(swept.quantity.unit)
    bar.outline.set_visible(False)


def _finely(axis: Array) -> Array:
    """Whole numbers from the smallest value to the largest, as fine as a picture can show."""
    low, high = int(axis.min()), int(axis.max())
    spread = np.geomspace if high > WIDE_RANGE * low else np.linspace
    return np.unique(spread(low, high, FINEST).round().astype(np.int64))


def _scale(ax: Axes, x: Array, y: Array) -> None:
    """Make an axis of a wide range logarithmic.

    It begins at its first value, not half a cell before it: a tick at 0.5 would be called 0.
    """
    of_axes = (
        (ax.xaxis, x, ax.set_xscale, ax.set_xlim),
        (ax.yaxis, y, ax.set_yscale, ax.set_ylim),
    )
    for axis, values, rescale, limit in of_axes:
        if values[-1] > WIDE_RANGE * values[0]:
            rescale("log")
            limit(float(values[0]), float(values[-1]))
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
    """Mark the presets that lie on the map: in its range, and in all else like its models."""
    shared = swept.config.effective()
    shared |= {name: int(axis[0]) for name, axis in swept.axes.items() if len(axis) == 1}
    varying = {*names, "n_head", *(swept.config.following(names))}
    marked = []
    for preset in presets():
        own = swept.config.with_model(preset.config).effective()
        apart = {name for name in own if own[name] != shared[name]} - varying
        if not apart and all(_is_in_range(swept.axes[name], own[name]) for name in names):
            marked.append((own[names[0]], own[names[1]], preset.name))
    for x, y, _ in marked:
        dot: Any = {"color": "white", "markeredgecolor": INK, "markersize": 6, "clip_on": False}
        ax.plot(x, y, marker="o", **dot)
    place_labels(ax, marked, avoiding)


def _is_in_range(axis: Array, value: int | None) -> bool:
    """Tell whether a model's number lies on an axis; a model may have none."""
    return value is not None and bool(axis.min() <= value <= axis.max())
