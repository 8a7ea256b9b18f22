"""Ticks of axes that count something: whole numbers, at the values themselves if they are few."""

from collections.abc import Callable

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from gpt2calc.picture.style import is_narrow
from gpt2calc.what_if.axes import Array

Formatter = Callable[[float, object], str]

FEW = 8
"""Values that each have a tick of their own."""


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
