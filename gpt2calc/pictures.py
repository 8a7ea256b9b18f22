"""A picture for each result that is one as much as it is a table, in the size it will be seen."""

from collections.abc import Callable
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpt2calc import charts, curves
from gpt2calc.comparison import Comparison
from gpt2calc.counting import Count
from gpt2calc.errors import UserError
from gpt2calc.shaping import Shapes
from gpt2calc.style import empty_figure, house_style, human, is_narrow
from gpt2calc.sweeping import Sweep

Kind = Literal["stacked", "grouped", "layer-norm"]

WIDE, NARROW = 8.0, 4.2
"""Inches: for a page, and for a phone."""
ROW = 0.24
"""Inches that one bar takes."""


def of_count(counted: Count, width: float = WIDE) -> Figure:
    """Where the parameters of a model are."""
    title = f"{counted.config.n_layer:,} layers, width {counted.config.n_embd:,}"
    words = f"{human(counted.total)} parameters: GPT-2 with {title}"
    height = 2.4 if width < 5 else 2.1
    return _drawn(width, height, words, lambda ax: charts.composition(ax, counted))


def of_comparison(compared: Comparison, kind: Kind = "stacked", width: float = WIDE) -> Figure:
    """Shares of several models, or their layer norms."""
    rows = charts.rows_of(compared, kind)
    height = 0.9 + rows * (0.45 if kind == "stacked" else ROW)
    if kind == "layer-norm":
        title = "Layer norms: weights (scales) and biases (shifts)"
        return _drawn(width, height, title, lambda ax: charts.layer_norm(ax, compared))
    title = "" if kind == "stacked" else "Where the parameters are"
    return _drawn(width, height, title, lambda ax: charts.shares(ax, compared, kind))


def of_sweep(swept: Sweep, share: bool = False, width: float = WIDE) -> Figure:
    """Lines over one axis, a map over two. Raises ``UserError`` for more than two."""
    words = swept.config.in_words(leaving_out=swept.varying)
    if len(swept.axes) == 1:
        title = f"{'Shares' if share else 'Parameters'} of GPT-2 with {words}"
        return _drawn(width, 4.0, title, lambda ax: curves.sweep_lines(ax, swept, share))
    if len(swept.axes) > 2 or share:
        reason = "shares are drawn over one axis" if share else "a picture has one axis or two"
        raise UserError(f"{len(swept.axes)} axes cannot be drawn: {reason}; fix the others")
    title = f"Parameters of GPT-2 with {words}"
    return _drawn(width, 5.0, title, lambda ax: curves.sweep_map(ax, swept))


def of_shapes(shapes: Shapes, width: float = WIDE) -> Figure:
    """The curve of shapes with a budget."""
    title = f"Shapes of {shapes.params.text} parameters"
    return _drawn(width, 4.5, title, lambda ax: curves.budget(ax, shapes))


def _drawn(width: float, height: float, title: str, draw: Callable[[Axes], Axes]) -> Figure:
    with house_style():
        figure, ax = empty_figure(width, height)
        draw(ax)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=9 if is_narrow(ax) else 10)
        return figure
