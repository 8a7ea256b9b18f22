"""Labels of points in a picture, each beside its point and none upon another."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

OFFSETS = ((7, 3), (7, -9), (-7, 3), (-7, -9), (0, 9), (0, -15), (14, 12), (-14, 12))
"""Where a label may stand, in points from its point, the first that is free."""


def place_labels(ax: Axes, points: Sequence[tuple[float, float, str]]) -> None:
    """Label points, earlier ones first; one that finds no free place is left without."""
    figure = ax.get_figure(root=True)
    if figure is None:
        return
    figure.draw_without_rendering()  # so that the axes stand where they will
    taken: list[Bbox] = []
    for x, y, words in points:
        for right, up in OFFSETS:
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
            inside = ax.bbox.containsx(box.x0) and ax.bbox.containsx(box.x1)
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            label.remove()
