"""Words in a picture: ticks at whole numbers, and labels of points that overprint nothing."""

from collections.abc import Callable, Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from gpt2calc.picture.style import is_narrow
from gpt2calc.what_if.axes import Array

OFFSETS = ((7, 4), (7, -10), (-7, 4), (-7, -10), (0, 9), (0, -16), (14, 14), (-14, 14), (14, -22))
"""Where a label may stand, in points from its point, the first that is free."""
ABOVE_A_LINE = ((0, 9), (0, -17), (0, 22), (0, -30))
"""The same for points on a line that is nearly level."""
MARKER = 5
"""Half the size of a point's marker, in pixels, which no label may cover."""
Formatter = Callable[[float, object], str]

FEW = 8
"""Values that each have a tick of their own."""


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
    """Ticks of a linear axis."""
    if len(values) <= FEW:
        axis.set_ticks(sorted(values.tolist()))
    else:
        most = 5 if is_narrow(axis.axes) else 9
        axis.set_major_locator(MaxNLocator(most, integer=True))
    axis.set_major_formatter(FuncFormatter(whole))


def log_ticks(
    axis: Axis, smallest: float, largest: float, formatter: Formatter | None = None
) -> None:
    """Ticks of a logarithmic axis: three to a decade, or one where there are many decades."""
    decades = 15 if is_narrow(axis.axes) else 300
    steps = (1, 2, 5) if largest < decades * smallest else (1,)
    axis.set_major_locator(LogLocator(10, subs=steps))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(formatter or whole))


def whole(value: float, _: object = None) -> str:
    """A whole number with its thousands apart. Fits matplotlib's formatters."""
    return f"{value:,.0f}"
