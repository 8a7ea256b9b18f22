"""Lines and maps: whole ranges of models.

Every function draws into the axes that it is given and returns them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from gpt2calc.architecture import SUBLAYERS, Sublayer, tensors
from gpt2calc.config import GPT2Config
from gpt2calc.counting import count, tally
from gpt2calc.loading import presets
from gpt2calc.picture.labels import place_labels
from gpt2calc.picture.style import COLOURS, INK, NAMES, human, is_narrow
from gpt2calc.what_if.axes import Array
from gpt2calc.what_if.polynomial import total_along
from gpt2calc.what_if.shaping import Shapes
from gpt2calc.what_if.sweeping import Sweep, sweep

FINEST = 300
"""Points of an axis that a picture shows; of a finer one so many are picked."""
GAP = 0.055
"""Between the names of two lines, as a fraction of the picture's height."""
MAP = ListedColormap(colormaps["YlGnBu"](np.linspace(0, 0.7, 256)))
"""Colours of a map: light for few, dark for many, in grey too; ink can be read on all of them."""


def sweep_lines(ax: Axes, swept: Sweep, share: bool = False) -> Axes:
    """A sweep over one axis: its totals, or the share of each sublayer."""
    (name,) = swept.axes
    coarse = _coarser(swept)
    x = coarse.axes[name]
    if share:
        drawn = [(each, coarse.share(each)) for each in SUBLAYERS if coarse[each].any()]
        for sublayer, y in drawn:
            ax.plot(x, y, color=COLOURS[sublayer], linewidth=2, marker=_marker(x))
        ax.set_ylim(0, 1)
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        ax.set_ylabel("share of all parameters")
        _named_at_the_end(ax, x[-1], [(sublayer, float(y[-1])) for sublayer, y in drawn])
    else:
        ax.plot(x, coarse.total, color=INK, linewidth=2, marker=_marker(x))
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_formatter(human)
        ax.set_ylabel("parameters")
    ax.set_xlabel(name)
    ax.xaxis.set_major_formatter(FuncFormatter(_whole))
    ax.grid(axis="y")
    return ax


def sweep_map(ax: Axes, swept: Sweep) -> Axes:
    """A sweep over two axes: a heat map with lines of equal size, and the presets in its range."""
    down, across = swept.axes
    coarse = _coarser(swept)
    x, y = np.sort(coarse.axes[across]), np.sort(coarse.axes[down])
    places: Any = {down: y, across: x}
    totals = sweep(coarse.config, **places).total
    ax.pcolormesh(x, y, totals, norm=LogNorm(), cmap=MAP, shading="nearest", rasterized=True)
    if min(totals.shape) > 1:
        levels = _round_sizes(float(totals.min()), float(totals.max()))
        lines = ax.contour(x, y, totals, levels=levels, colors=INK, linewidths=0.7)
        ax.clabel(lines, fmt=human, fontsize=7.5)
    for axis, words in ((ax.xaxis, across), (ax.yaxis, down)):
        axis.set_major_formatter(FuncFormatter(_whole))
        axis.set_label_text(words)
    _mark_presets(ax, coarse, (across, down))
    return ax


def budget(ax: Axes, shapes: Shapes) -> Axes:
    """All shapes with a number of parameters as a curve, and those listed marked on it."""
    deepest = max(each.n_layer for each in shapes.shapes)
    depths = np.unique(np.geomspace(1, 1.5 * deepest, FINEST).round().astype(int))
    curves = [total_along(shapes.config.evaluate_at(n_layer=int(n)), "n_embd") for n in depths]
    widths = [max(each.largest_within(shapes.params.value), 1) for each in curves]
    ax.plot(depths, widths, color=COLOURS["mlp"], linewidth=2)
    x, y = [each.n_layer for each in shapes.shapes], [each.n_embd for each in shapes.shapes]
    ax.plot(x, y, color=COLOURS["attention"], marker="o", linestyle="none")
    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis, words in ((ax.xaxis, "n_layer"), (ax.yaxis, "n_embd")):
        axis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(_whole))
        axis.set_minor_locator(NullLocator())
        axis.set_label_text(words)
    ax.grid()
    points = zip(x, y, strict=True)
    place_labels(ax, [(n, d, f"{n:,} x {d:,}") for n, d in points])
    return ax


def trend(ax: Axes, models: Sequence[tuple[str, GPT2Config]]) -> Axes:
    """How the shares change with size: the curve of the formula, and the models on it.

    Between one model and the next all numbers of the config grow evenly, and the list of tensors is
    evaluated at every step of the way.
    """
    models = sorted(models, key=lambda each: count(each[1]).total)
    way = _between([config for _, config in models])
    parts = tally(tensors(way))
    totals = np.asarray(sum(part.total for part in parts.values()), float)
    ends = []
    for name in SUBLAYERS:
        share = np.broadcast_to(parts[name].total / totals, totals.shape)
        if share.any():
            ax.plot(totals, share, color=COLOURS[name], linewidth=2)
            ends.append((name, float(share[-1])))
    for _, config in models:
        counted = count(config)
        for name, part in counted.sublayers.items():
            if part.total:
                ax.plot(counted.total, part.share, marker="o", color=COLOURS[name], markersize=5)
    ax.set_xscale("log")
    ax.set_ylim(0, 1)
    sizes = [count(config).total for _, config in models]
    if is_narrow(ax) or len(models) > 5:
        ax.set_xticks(sizes, [name for name, _ in models], rotation=25, ha="right")
    else:
        words = [f"{name}\n{human(size)}" for (name, _), size in zip(models, sizes, strict=True)]
        ax.set_xticks(sizes, words)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.set_ylabel("share of all parameters")
    ax.grid(axis="y")
    _named_at_the_end(ax, float(totals[-1]), ends)
    return ax


def _between(configs: Sequence[GPT2Config]) -> GPT2Config:
    """A config whose numbers are arrays that lead from each model to the next."""
    steps = np.linspace(0, len(configs) - 1, 40 * len(configs))
    numbers = {
        name: np.interp(steps, range(len(configs)), [each.effective()[name] for each in configs])
        for name in ("n_layer", "n_embd", "vocab", "n_ctx", "n_inner")
    }
    return configs[0].evaluate_at(**numbers)


def _coarser(swept: Sweep) -> Sweep:
    """The same sweep with no more points on an axis than a picture can show."""
    axes: Any = {}
    for name, axis in swept.axes.items():
        ordered = np.sort(axis)
        picked = np.unique(
            np.linspace(0, len(axis) - 1, min(len(axis), FINEST)).round().astype(int)
        )
        axes[name] = ordered[picked]
    return sweep(swept.config, **axes)


def _whole(value: float, _: object) -> str:
    return f"{value:,.0f}"


def _marker(x: Array) -> str:
    """A dot for each value where there are few."""
    return "o" if len(x) <= 30 else ""


def _named_at_the_end(ax: Axes, x: float, ends: list[tuple[Sublayer, float]]) -> None:
    """The name of each line at its end, moved apart where lines end close together."""
    previous = -1.0
    for name, y in sorted(ends, key=lambda each: each[1]):
        previous = max(y, previous + GAP)
        ax.annotate(
            NAMES[name],
            (x, y),
            (1.02, previous),
            textcoords=ax.transAxes,
            va="center",
            color=INK,
            arrowprops={"arrowstyle": "-", "color": COLOURS[name], "linewidth": 1.5},
        )


def _round_sizes(smallest: float, largest: float) -> list[float]:
    """Round numbers of parameters in a range: 100M, 200M, 500M, 1B."""
    sizes = [digit * 10.0**power for power in range(1, 19) for digit in (1, 2, 5)]
    return [size for size in sizes if smallest < size < largest]


def _mark_presets(ax: Axes, swept: Sweep, names: tuple[str, str]) -> None:
    """The presets that lie on the map: in its range, and in all else like its models."""
    marked = []
    for preset in presets():
        own, shared = preset.config.effective(), swept.config.effective()
        following = {"n_head", "n_inner"} if "n_embd" in names else {"n_head"}
        apart = {name for name in own if own[name] != shared[name]} - {*names, *following}
        inside = all(swept.axes[n].min() <= own[n] <= swept.axes[n].max() for n in names)
        if inside and not apart:
            marked.append((own[names[0]], own[names[1]], preset.name))
    for x, y, _ in marked:
        ax.plot(x, y, marker="o", color="white", markeredgecolor=INK, markersize=6)
    place_labels(ax, marked)
