"""The timeline of a run: the bytes held at each operation, stacked by part.

Every function draws into the axes that it is given and returns them.
"""

from collections.abc import Mapping
from itertools import pairwise
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gpt2calc.metrics.devices import Device
from gpt2calc.metrics.memory.quantity import MEMORY
from gpt2calc.metrics.memory.stacked import Stacked
from gpt2calc.plot.labels import limit_of
from gpt2calc.plot.style import INK, font_size_of_notes, human_in, is_narrow, legend, size_of
from gpt2calc.report.sublayers import colour_of, words_of

FINEST = 800
"""The most operations that are drawn; of a longer run the highest of each few."""
LEAST_SHARE = 0.003
"""Share of the peak that a part must reach somewhere: thinner ones cannot be seen."""
LEAST_AREA = 0.0003
"""Share of the area under the peak's level that a part must have, for the same reason."""
LEAST_WIDTH = 0.07
"""Share of the width, before all are scaled to 1, that every part of a run gets at least."""
PHASES = {"step": "step", "token 1": "1st token", "token 2": "2nd token"}
"""What parts of a run are called where there is little room; others by their own name."""


ON_WHITE: Any = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
"""The box behind words that are written over lines."""
LETTERS = 11
"""Characters of the peak's name in an inch of the axes' width."""


def timeline(ax: Axes, run: Stacked, moment: str, device: Device | None = None) -> Axes:
    """Draw the bytes held at each operation, and name the peak.

    Args:
        ax: where it is drawn.
        run: the bytes of each part at every event.
        moment: when the peak is, in words.
        device: its memory is drawn as a line across.

    """
    run = run.thinned(FINEST)
    total = run.total.astype(float)
    edges = _edges(run)
    shown = {n: y for n, y in run.parts.items() if _is_seen(y, run, total.max())}
    _areas(ax, edges, shown)
    ax.stairs(total, edges, color=INK, linewidth=0.8, baseline=None)
    ceiling = max(total.max(), device.memory if device is not None else 0)
    ax.set_ylim(0, 1.22 * ceiling)
    ax.set_xlim(0, 1)
    _name_phases(ax, run, edges)
    _name_peak(ax, edges, total, moment)
    if device is not None:
        limit_of(ax, device)
    ax.set_xticks([])
    ax.set_xlabel("operations, in order; a part with few of them is drawn wider")
    ax.yaxis.set_major_formatter(human_in(MEMORY))
    ax.yaxis.set_major_locator(_few_round_steps())
    ax.grid(axis="y")
    _legend(ax, [*shown][::-1])
    return ax


def _is_seen(part: NDArray[np.int64], run: Stacked, peak: float) -> bool:
    """Tell whether an area is high enough somewhere, and large enough, to be seen."""
    mean = (part * run.stands_for).sum() / run.stands_for.sum()
    return bool(part.max() >= LEAST_SHARE * peak and mean >= LEAST_AREA * peak)


def _edges(run: Stacked) -> NDArray[np.float64]:
    """Return where each operation begins, and where the last one ends, from 0 to 1."""
    bounds = [*pairwise([*run.begins.values(), len(run.total)])]
    counts = np.array([run.stands_for[start:end].sum() for start, end in bounds])
    widths = np.maximum(counts / counts.sum(), LEAST_WIDTH)
    shares = widths / widths.sum() / counts
    pairs = zip(bounds, shares, strict=True)
    within = np.concatenate([run.stands_for[start:end] * each for (start, end), each in pairs])
    return np.concatenate([[0.0], within.cumsum()[:-1], [1.0]])


def _areas(ax: Axes, edges: NDArray[np.float64], parts: Mapping[str, NDArray[np.int64]]) -> None:
    floor = np.zeros(len(edges))
    for name, part in parts.items():
        top = floor + np.append(part, part[-1])
        ax.fill_between(edges, floor, top, step="post", color=colour_of(name), linewidth=0)
        floor = top


def _name_phases(ax: Axes, run: Stacked, edges: NDArray[np.float64]) -> None:
    """Draw a line where each part of the run begins, its name at the top."""
    size = min(font_size_of_notes(ax), 2.2 * size_of(ax)[0])
    bounds = [edges[place] for place in run.begins.values()] + [1.0]
    for phase, (start, end) in zip(run.begins, pairwise(bounds), strict=True):
        if start > 0:
            ax.axvline(start, color=INK, linewidth=0.6, linestyle=(0, (2, 2)))
        words: Any = {"ha": "center", "va": "bottom", "fontsize": size}
        ax.text((start + end) / 2, 1.01, PHASES.get(phase, phase), transform=ax.transAxes, **words)


def _name_peak(
    ax: Axes, edges: NDArray[np.float64], total: NDArray[np.float64], moment: str
) -> None:
    """Mark the peak, its bytes and its moment above it."""
    place = int(total.argmax())
    x, y = (edges[place] + edges[place + 1]) / 2, total[place]
    ax.plot(x, y, marker="o", color=INK, markersize=5, clip_on=False)
    side = "left" if x < 0.35 else "right" if x > 0.65 else "center"
    words = fill(f"{human_in(MEMORY)(y)} at {moment}", int(LETTERS * size_of(ax)[0]))
    style: Any = {
        "xytext": (0, 7),
        "textcoords": "offset points",
        "fontsize": font_size_of_notes(ax),
    }
    ax.annotate(words, (x, y), ha=side, va="bottom", bbox=ON_WHITE, **style)


def _few_round_steps() -> Any:
    """Return ticks at round numbers of bytes."""
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10])


def _legend(ax: Axes, names: list[str]) -> None:
    """Draw the legend: beside the picture, from the top down, or beneath narrow axes."""
    handles = [ax.fill_between([], [], color=colour_of(n), label=words_of(n)) for n in names]
    columns, corner = (3, (0.0, -0.1)) if is_narrow(ax) else (1, (1.0, 1.0))
    legend(ax, handles, columns, loc="upper left", bbox_to_anchor=corner)
