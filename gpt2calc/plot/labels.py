"""Ticks at whole numbers, labels that overprint nothing, and the line of a device's memory."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import log
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from gpt2calc.analysis.axes import Array
from gpt2calc.metrics.devices import Device
from gpt2calc.plot.style import INK, font_size_of_notes, is_narrow, size_of

OFFSETS = ((7, 4), (7, -10), (-7, 4), (-7, -10), (0, 9), (0, -16), (14, 14), (-14, 14), (14, -22))
"""Where a label may stand, in typographic points from its data point; the first free place wins."""
ABOVE_A_LINE = ((0, 9), (7, 9), (-7, 9), (0, -17), (7, -17), (-7, -17), (0, 22), (-7, 22), (0, -30))
"""Where a label at a line that is nearly level may stand, in points; the first free place wins."""
MARKER = 5
"""Half the size of a point's marker, in pixels, which no label may cover."""
Formatter = Callable[[float, object], str]

LOGARITHMIC = 8
"""Ratio of largest to smallest value from which on an axis of few values may be logarithmic."""
WIDTH_OF_A_DIGIT, HEIGHT_OF_A_LABEL = 0.07, 0.15
"""Inches that a digit and a label of a tick take; the height is also the gap between labels."""
FEW = 8
"""The most values that each have a tick of their own."""


def limit_of(ax: Axes, device: Device) -> None:
    """Draw a device's memory as a line across the axes, with its name above the line."""
    ax.axhline(float(device.memory), color=INK, linewidth=1.2, linestyle=(0, (6, 3)))
    style: Any = {
        "xytext": (4, 4),
        "textcoords": "offset points",
        "fontsize": font_size_of_notes(ax),
    }
    place = (0, device.memory)
    ax.annotate(device.name, place, xycoords=("axes fraction", "data"), **style)


def place_labels(
    ax: Axes,
    points: Sequence[tuple[float, float, str]],
    avoiding: Iterable[Text] = (),
    offsets: Sequence[tuple[int, int]] = OFFSETS,
) -> None:
    """Label points, earlier ones first; one that finds no free place is left without."""
    figure = ax.get_figure(root=True)
    if figure is None:
        return
    figure.draw_without_rendering()  # so that the axes stand where they will
    taken = [text.get_window_extent() for text in avoiding]
    taken += [_marker(ax, x, y) for x, y, _ in points]
    for x, y, words in points:
        for right, up in offsets:
            label = ax.annotate(
                words,
                (x, y),
                (right, up),
                textcoords="offset points",
                ha="left" if right > 0 else "right" if right < 0 else "center",
                fontsize=8,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )
            box = label.get_window_extent()
            if _is_inside(ax, box) and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            label.remove()


def _marker(ax: Axes, x: float, y: float) -> Bbox:
    across, up = ax.transData.transform((x, y))
    return Bbox.from_extents(across - MARKER, up - MARKER, across + MARKER, up + MARKER)


def _is_inside(ax: Axes, box: Bbox) -> bool:
    return bool(ax.bbox.contains(box.x0, box.y0) and ax.bbox.contains(box.x1, box.y1))


def whole_ticks(axis: Axis, values: Array) -> None:
    """Set the ticks of an axis: at the values if they are few; logarithmic if they grow by factors.

    Of labels that would overprint, those in the middle are left out.
    """
    few = sorted(values.tolist()) if len(values) <= FEW else []
    is_across = axis is axis.axes.xaxis
    if is_geometric(few):
        (axis.axes.set_xscale if is_across else axis.axes.set_yscale)("log")
        axis.set_minor_locator(NullLocator())
    if few:
        inches = size_of(axis.axes)[0 if is_across else 1]
        digit = WIDTH_OF_A_DIGIT if is_across else 0.0
        axis.set_major_locator(FixedLocator(_apart(few, inches, digit)))
    else:
        most = 5 if is_narrow(axis.axes) else 9
        axis.set_major_locator(MaxNLocator(most, integer=True))
    axis.set_major_formatter(FuncFormatter(whole))


def is_geometric(ordered: Sequence[int]) -> bool:
    """Tell whether values grow by factors rather than by steps, as powers of two do."""
    if len(ordered) < 3 or ordered[-1] < LOGARITHMIC * ordered[0]:
        return False
    factors = [after / before for before, after in pairwise(ordered)]
    return max(factors) <= 2 * min(factors)


def _apart(ordered: Sequence[int], inches: float, digit: float) -> list[int]:
    """Return the values whose labels have room on an axis, the first and the last among them."""
    place: Callable[[float], float] = log if is_geometric(ordered) else float
    scale = inches / ((place(ordered[-1]) - place(ordered[0])) or 1)

    def overlap(one: int, other: int) -> bool:
        widths = digit * (len(whole(one)) + len(whole(other))) / 2 + HEIGHT_OF_A_LABEL
        return scale * abs(place(one) - place(other)) < widths

    first, *middle, last = ordered if len(ordered) > 1 else (*ordered, *ordered)
    kept = [first]
    for value in middle:
        if not overlap(kept[-1], value) and not overlap(value, last):
            kept.append(value)
    return kept if overlap(first, last) else [*kept, last]


def log_ticks(
    axis: Axis, smallest: float, largest: float, formatter: Formatter | None = None
) -> None:
    """Set the ticks of a logarithmic axis: three to a decade, or one if there are many decades."""
    decades = 15 if is_narrow(axis.axes) else 300
    steps = (1, 2, 5) if largest < decades * smallest else (1,)
    axis.set_major_locator(LogLocator(10, subs=steps))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(formatter or whole))


def whole(value: float, _: object = None) -> str:
    """Return a whole number with its thousands apart. Fits matplotlib's formatters."""
    return f"{value:,.0f}"
