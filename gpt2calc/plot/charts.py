"""Bar charts: where the parameters of a model are, and of several models side by side.

Every function draws into the axes that it is given and returns them.
"""

from collections.abc import Collection
from typing import Any

from matplotlib.axes import Axes

from gpt2calc.analysis.comparison import Comparison
from gpt2calc.plot.style import (
    exact_or_rounded,
    font_size_for,
    human_in,
    ink_on,
    is_narrow,
    legend,
    size_of,
)
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.quantity.quantity import Share
from gpt2calc.report.sublayers import colour_of, shortened, words_of
from gpt2calc.report.table import percent
from gpt2calc.units import human

ROOM_FOR_A_LABEL = 0.45
"""Inches of a part of a bar from which on its percentage stands inside it."""
BIASES = "#9b9ba3"
"""The biases of layer norms, beside weights in the layer norms' own colour."""


def composition(ax: Axes, counted: Breakdown) -> Axes:
    """Draw what one model is made of: one bar, split by sublayer, every part labelled."""
    present = {name: part for name, part in counted.coarse.items() if part.total}
    label = _row if is_narrow(ax) else _column
    start = 0.0
    for place, (name, part) in enumerate(present.items()):
        ax.barh(0, part.share, left=start, height=1, color=colour_of(name))
        label(ax, (place, len(present)), start + part.share / 2, name, part)
        start += part.share
    ax.set_ylim(-1.4 - len(present) if is_narrow(ax) else -2.5, 0.55)
    ax.set_axis_off()
    ax.set_xlim(-0.005, 1.005)
    return ax


def stacked(ax: Axes, compared: Comparison) -> Axes:
    """Draw shares of the total, in percent: a bar for each model, split by sublayer."""
    size = font_size_for(ax, 2.5 * len(compared.names))
    for row, counted in enumerate(compared.counts):
        start = 0.0
        for name, part in counted.coarse.items():
            share = part.share
            ax.barh(row, share, left=start, height=0.75, color=colour_of(name))
            if share * size_of(ax)[0] >= ROOM_FOR_A_LABEL:
                words, ink = f"{share:.1%}", ink_on(colour_of(name))
                middle: Any = {"ha": "center", "va": "center", "fontsize": size}
                ax.text(start + share / 2, row, words, color=ink, **middle)
            start += share
    models = compared.named
    said = human_in(compared.quantity)
    _rows(ax, [f"{shortened(name)}\n{said(counted.total)}" for name, counted in models], size)
    ax.set_xlim(0, 1)
    _percent_axis(ax, compared.quantity.unit)
    _legend(ax, parts_of(compared))
    return ax


def grouped(ax: Axes, compared: Comparison, only: Collection[str] | None = None) -> Axes:
    """Draw shares of the total, in percent: for each sublayer a group with a bar for each model."""
    rows: list[str] = []
    groups = parts_of(compared, only)
    size = font_size_for(ax, (len(compared.names) + 1) * len(groups))
    for name in groups:
        ax.text(0, len(rows), words_of(name), va="center", weight="bold", fontsize=size)
        rows.append("")
        for model, counted in compared.named:
            share = counted.coarse[name].share
            colour = colour_of(name)  # as the edge, too, so that the smallest share has a line
            ax.barh(len(rows), share, height=0.8, color=colour, edgecolor=colour, linewidth=0.8)
            ax.text(share + 0.008, len(rows), percent(share), va="center", fontsize=size)
            rows.append(shortened(model))
    _rows(ax, rows, size)
    ax.set_xlim(
        0,
        (1.35 if is_narrow(ax) else 1.15)
        * max(part.share for each in compared.counts for part in each.coarse.values()),
    )
    _percent_axis(ax, compared.quantity.unit)
    return ax


def layer_norm(ax: Axes, compared: Comparison) -> Axes:
    """Draw weights (scales) and biases (shifts) of the layer norms, on a scale of their own."""
    largest = float(max(each["layer_norm"].weights for each in compared.counts))
    rows: list[str] = []
    size = font_size_for(ax, 2 * len(compared.names))
    for name, counted in compared.named:
        part = counted["layer_norm"]
        for words, number, colour in (
            (f"{shortened(name)}  weights", part.weights, colour_of("layer_norm")),
            ("biases", part.biases, BIASES),
        ):
            ax.barh(len(rows), float(number), height=0.8, color=colour)
            ax.text(
                float(number) + largest / 60,
                len(rows),
                exact_or_rounded(number),
                va="center",
                fontsize=size,
            )
            rows.append(words)
    _rows(ax, rows, size)
    ax.set_xlim(0, (1.7 if is_narrow(ax) else 1.25) * largest)  # room for the last label
    ax.xaxis.set_major_formatter(human)
    ax.set_xlabel("parameters of the layer norms")
    return ax


def parts_of(compared: Comparison, only: Collection[str] | None = None) -> list[str]:
    """Return the sublayers, of those asked for, that some of the models have."""
    wanted = list(compared.counts[0].coarse) if only is None else only
    return [name for name in wanted if any(each.coarse[name].total for each in compared.counts)]


def _column(ax: Axes, place: tuple[int, int], x: float, name: str, part: Share) -> None:
    """Write a part's name, count and share beneath the bar, and a line that leads there."""
    centre = (place[0] + 0.5) / place[1]
    ax.plot(
        [x, centre], [-0.55, -1.15], color=colour_of(name), linewidth=1.5, solid_capstyle="round"
    )
    ax.plot(centre, -1.15, marker="o", color=colour_of(name), markersize=5)
    words = f"{words_of(name)}\n{exact_or_rounded(part.total)}\n{percent(part.share)}"
    ax.text(centre, -1.32, words, ha="center", va="top", linespacing=1.4)


def _row(ax: Axes, place: tuple[int, int], x: float, name: str, part: Share) -> None:
    """Write a part's name, count and share in a row, beneath a bar too narrow for columns."""
    y = -1.4 - place[0]
    size = min(font_size_for(ax, place[1] + 2), 2.6 * size_of(ax)[0])
    ax.plot([x, x], [-0.5, -0.75], color=colour_of(name), linewidth=1.5)
    ax.plot(0.02, y, marker="s", color=colour_of(name), markersize=7)
    ax.text(0.06, y, words_of(name), va="center", fontsize=size)
    ax.text(0.72, y, exact_or_rounded(part.total), ha="right", va="center", fontsize=size)
    ax.text(1, y, percent(part.share), ha="right", va="center", fontsize=size)


def _percent_axis(ax: Axes, unit: str) -> None:
    ax.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    ax.set_xlabel(f"share of all {unit}")


def _rows(ax: Axes, words: list[str], size: float) -> None:
    """Label each bar, the first on top."""
    ax.set_yticks(range(len(words)), words, fontsize=size)
    ax.set_ylim(len(words) - 0.4, -0.6)
    ax.spines["left"].set_visible(False)


def _legend(ax: Axes, names: list[str]) -> None:
    """Draw the legend above the bars, in one line, or in several on narrow axes."""
    handles = [ax.barh(0, 0, color=colour_of(name), label=words_of(name)) for name in names]
    columns = 2 if is_narrow(ax) else len(names)
    size = min(font_size_for(ax, 8), 3.2 * size_of(ax)[0])
    above: Any = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    legend(ax, handles, columns, fontsize=size, **above)
