"""Line charts: how size and shares change along one field, or from model to model.

Every function draws into the axes that it is given and returns them.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from gpt2calc.analysis.axes import INT64_MAX, Array
from gpt2calc.analysis.shaping import Shapes
from gpt2calc.analysis.sweeping import Sweep, sweep
from gpt2calc.errors import UserError
from gpt2calc.metrics.devices import Device
from gpt2calc.metrics.parameters import breakdown
from gpt2calc.plot.labels import ABOVE_A_LINE, limit_of, log_ticks, place_labels, whole_ticks
from gpt2calc.plot.style import INK, human_in
from gpt2calc.quantity.along import curve_along
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.report.sublayers import colour_of, shortened, words_of

FINEST = 300
"""The most points of a line; a finer sweep is thinned out to so many."""
COARSE = 30
"""The most points of a line where each takes many evaluations."""
FEW = 30
"""The most points of a line that are each marked with a dot."""
GAP = 0.055
"""Between the names of two lines, as a fraction of the picture's height."""


def sweep_lines(ax: Axes, swept: Sweep, share: bool = False, limit: Device | None = None) -> Axes:
    """Draw a sweep over one field: totals, or shares; with gaps where they are out of bounds.

    The memory of ``limit`` is a line across the totals.
    """
    coarse, name = _thinned_sweep(swept)
    x, totals = coarse.axes[name], coarse.total.ravel()
    within = (totals >= swept.at_least) & (totals <= swept.at_most)
    if not within.any():
        raise UserError("no config lies within the bounds: nothing can be drawn")
    style: Any = {"linewidth": 2, "marker": "o" if len(x) <= FEW else "", "markersize": 5}
    style["clip_on"] = False  # a dot at the edge is whole
    if share:
        parts = {each: coarse.share(each).ravel() for each in coarse}
        drawn = {each: np.where(within, y, np.nan) for each, y in parts.items() if y.any()}
        for each, y in drawn.items():
            ax.plot(x, y, color=colour_of(each), **style)
        _share_axis(ax, swept.quantity)
        last = np.flatnonzero(within)[-1]
        _named_at_the_end(ax, float(x[last]), {each: float(y[last]) for each, y in drawn.items()})
    else:
        ax.plot(x, np.where(within, totals.astype(float), np.nan), color=INK, **style)
        if limit is not None:
            limit_of(ax, limit)
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_formatter(human_in(swept.quantity))
        ax.set_ylabel(swept.quantity.unit)
    ax.set_xlabel(name)
    whole_ticks(ax.xaxis, x[within])
    ax.grid(axis="y")
    return ax


def budget(ax: Axes, shapes: Shapes) -> Axes:
    """Draw the largest width within a budget over the depth, and mark the listed shapes."""
    deepest = max(each.n_layer for each in shapes.shapes)
    number = FINEST if shapes.quantity.alternatives is None else COARSE
    depths = np.unique(np.geomspace(1, 1.5 * deepest, number).round().astype(int)).tolist()
    curves = [
        curve_along(shapes.config.evaluate_at(n_layer=n), "n_embd", shapes.quantity) for n in depths
    ]
    widths = [max(each.largest_within(shapes.budget.value), 1) for each in curves]
    ax.plot(depths, widths, color=colour_of("mlp"), linewidth=2)
    by_width = sorted(shapes.shapes, key=lambda each: (each.n_embd, each.n_layer))
    points = []
    for width, alike in groupby(by_width, key=lambda each: each.n_embd):
        found = [each.n_layer for each in alike]
        ax.plot(found, [width] * len(found), color=colour_of("attention"), marker="o", linestyle="")
        words = ", ".join(f"{depth:,}" for depth in found)
        points.append((found[0], width, f"{words} x {width:,}"))
    ax.set_xscale("log")
    ax.set_yscale("log")
    log_ticks(ax.xaxis, depths[0], depths[-1])
    log_ticks(ax.yaxis, widths[-1], widths[0])
    ax.set_xlabel("n_layer")
    ax.set_ylabel("n_embd")
    ax.grid()
    place_labels(ax, points)
    return ax


def trend(ax: Axes, models: Sequence[tuple[str, Config]], quantity: Quantity) -> Axes:
    """Draw how the shares change with size: the curve of the formula, and the models on it.

    Between one model and the next all numbers of the config grow evenly, and the quantity is
    evaluated at every step. Models whose switches differ are not joined by a curve.
    """
    models = sorted(models, key=lambda each: quantity.total(each[1]))
    for _, alike in groupby(models, key=lambda each: _switches(each[1])):
        _curves(ax, [config for _, config in alike], quantity)
    counts = [breakdown(config, quantity) for _, config in models]
    for counted in counts:
        for name, part in counted.sublayers.items():
            if part.total:
                x, y = float(counted.total), part.share
                ax.plot(x, y, marker="o", color=colour_of(name), markersize=5, clip_on=False)
    ax.set_xscale("log")
    _share_axis(ax, quantity)
    log_ticks(ax.xaxis, float(counts[0].total), float(counts[-1].total), human_in(quantity))
    ax.set_xlabel(quantity.unit)
    ax.grid(axis="y")
    last = counts[-1]
    ends = {name: part.share for name, part in last.sublayers.items() if part.total}
    _named_at_the_end(ax, float(last.total), ends)
    highest = max(last, key=lambda name: last[name].share)
    points = [(float(each.total), each[highest].share) for each in counts]
    names = [shortened(name) for name, _ in models]
    labels = [(*point, name) for point, name in zip(points, names, strict=True)]
    place_labels(ax, labels, offsets=ABOVE_A_LINE)
    return ax


def _curves(ax: Axes, configs: Sequence[Config], quantity: Quantity) -> None:
    """Draw a curve for each sublayer, from each config to the next."""
    parts = quantity.of(_between(configs))
    totals = sum(part.total for part in parts.values())
    for name in quantity.parts:
        share = np.broadcast_to(parts[name].total / totals, np.shape(totals))
        if share.any():
            ax.plot(totals, share, color=colour_of(name), linewidth=2)


def _between(configs: Sequence[Config]) -> Config:
    """Return a config whose numbers are arrays that lead from each model to the next."""
    steps = np.linspace(0, len(configs) - 1, 40 * len(configs))
    fields = [each.effective() for each in configs]
    numbers = {
        name: np.interp(steps, range(len(configs)), [float(each[name]) for each in fields])
        for name, known in configs[0].known.items()
        if known.letter
        and all(each[name] is not None for each in fields)
        and not (known.echoes and all(getattr(each, name) is None for each in configs))
    }
    return configs[0].evaluate_at(**numbers)


def _switches(config: Config) -> tuple[object, ...]:
    """Return all fields that are no numbers, and which of the numbers the model has."""
    values = {name: config.value(name) for name in config.known}
    return tuple(
        value is None if config.known[name].letter else value for name, value in values.items()
    )


def _thinned_sweep(swept: Sweep) -> tuple[Sweep, str]:
    """Thin a sweep out to the points that a line needs; return it and the field that varies."""
    name = max(swept.axes, key=lambda each: len(swept.axes[each]))
    order = np.argsort(swept.axes[name])
    axes: Any = {**swept.axes, name: swept.axes[name][order[_drawn(swept, order)]]}
    return sweep(swept.config, of=swept.quantity, **axes), name


def _drawn(swept: Sweep, order: Array) -> Array:
    """Return the places, among the ordered points of a sweep over one field, that are drawn.

    Of a fine sweep these are some of the points within the bounds, however few lie there, and one
    behind each stretch of them, where the line has a gap.
    """
    everywhere = np.arange(len(order))
    if len(order) <= FINEST:
        return everywhere
    if swept.at_least == 0 and swept.at_most == INT64_MAX:
        return _thinned(everywhere)
    totals = swept.total.ravel()[order]
    within = (totals >= swept.at_least) & (totals <= swept.at_most)
    if not within.any():
        return everywhere[:1]
    ends = everywhere[1:][within[:-1] & ~within[1:]]
    return np.unique(np.concatenate([_thinned(everywhere[within]), ends]))


def _thinned(points: Array) -> Array:
    """Return at most so many points as a line has, evenly spread, the first and last among them."""
    places = np.linspace(0, len(points) - 1, min(len(points), FINEST)).round().astype(int)
    thinned: Array = points[np.unique(places)]
    return thinned


def _share_axis(ax: Axes, quantity: Quantity) -> None:
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.set_ylabel(f"share of all {quantity.unit}")


def _named_at_the_end(ax: Axes, x: float, ends: dict[str, float]) -> None:
    """Draw the name of each line at its end, moved apart where lines end close together."""
    previous = -1.0
    for name, y in sorted(ends.items(), key=lambda each: each[1]):
        previous = max(y, previous + GAP)
        ax.annotate(
            words_of(name),
            (x, y),
            (1.03, previous),
            textcoords=ax.transAxes,
            va="center",
            color=INK,
            arrowprops={
                "arrowstyle": "-",
                "color": colour_of(name),
                "linewidth": 1.5,
                "relpos": (0, 0.5),
                "shrinkB": 0,
            },
        )
