"""A matplotlib figure of each result that can be drawn, as wide as a page or a phone."""

from collections.abc import Callable, Collection
from textwrap import fill
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gpt2calc.analysis.comparison import Comparison
from gpt2calc.analysis.shaping import Shapes
from gpt2calc.analysis.steps import Steps
from gpt2calc.analysis.sweeping import Sweep
from gpt2calc.errors import UserError
from gpt2calc.metrics.devices import Device
from gpt2calc.metrics.memory.fitting import Fit
from gpt2calc.metrics.memory.result import Memory
from gpt2calc.metrics.memory.stacked import stacked
from gpt2calc.metrics.serving import Serving
from gpt2calc.metrics.serving_table import verdict
from gpt2calc.model.config import ModelConfig
from gpt2calc.plot import charts, curves, maps, serving, timeline, waterfall
from gpt2calc.plot.style import empty_figure, house_style, human_in, is_narrow, refuse_undrawable
from gpt2calc.quantity.along import solvable_fields
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.report.sublayers import shortened

Kind = Literal["stacked", "grouped", "layer-norm"]

WIDE, PHONE = 8.0, 4.2
"""Inches: for a page, and for a phone."""
CHARACTERS = 125
"""Characters of a title in an inch, at a font size of one point."""
ROW = 0.24
"""Inches that one bar takes."""


def of_count(counted: Breakdown, width: float = WIDE, name: str = "") -> Figure:
    """Draw where the parameters of a model are; a name stands in the title."""
    refuse_undrawable(counted.total)
    words = counted.config.in_words(_usual(counted))
    title = f"{_amount(counted)}{_active(counted)}: {words}"
    words = f"{shortened(name)}, {title}" if name else title
    height = 2.4 if width == PHONE else 2.1
    return _drawn(width, height, words, lambda ax: charts.composition(ax, counted))


def of_memory(held: Memory, width: float = WIDE, name: str = "") -> Figure:
    """Draw the bytes held throughout a run. Raises ``UserError`` for too many layers."""
    refuse_undrawable(held.total)
    return _of_run(held, f"{shortened(name)}, " if name else "", None, width)


def of_fit(fitted: Fit, width: float = WIDE, name: str = "") -> Figure:
    """Draw the bytes held throughout a run, and a device's memory as a line."""
    refuse_undrawable(fitted.memory.total)
    fits = "fits" if fitted.fits else "does not fit"
    title = f"{shortened(name)} {fits} on one {fitted.device.name}: "
    return _of_run(fitted.memory, title, fitted.device, width)


def _of_run(held: Memory, title: str, device: Device | None, width: float) -> Figure:
    case = held.config
    run = stacked(case)
    said = case.evaluate_at(dtype=case.dtype, attention=case.attention)
    words = f"{title}{_amount(held)}, {said.in_words(_usual(held) - {'dtype', 'attention'})}"
    return _drawn(width, 4.0, words, lambda ax: timeline.timeline(ax, run, held.moment, device))


def of_serving(served: Serving, width: float = WIDE, name: str = "") -> Figure:
    """Draw the bytes on each GPU over the number of users."""
    refuse_undrawable(served.total)
    words = f"{shortened(name)}: {verdict(served)}" if name else verdict(served)
    return _drawn(width, 3.4, words, lambda ax: serving.over_users(ax, served))


def _active(counted: Breakdown) -> str:
    """Say how many parameters are active, where that is not all of them."""
    active = getattr(counted, "active", counted.total)
    return "" if active == counted.total else f", {human_in(counted.quantity)(active)} active"


def _amount(counted: Breakdown) -> str:
    amount = human_in(counted.quantity)(counted.total)
    return (
        amount
        if amount.endswith("B") and counted.quantity.unit == "bytes"
        else (f"{amount} {counted.quantity.unit}")
    )


def _usual(counted: Breakdown) -> set[str]:
    """Return the fields that a title leaves out: ``n_head``, and those as in GPT-2 small."""
    config, small = counted.config, counted.quantity.case(ModelConfig())
    shown = {"n_layer", "n_embd"}
    alike = {name for name in config.known if config.value(name) == small.value(name)}
    return {"n_head", *alike} - shown


def of_comparison(compared: Comparison, kind: Kind = "stacked", width: float = WIDE) -> Figure:
    """Draw the shares of several models, or their layer norms."""
    refuse_undrawable(max(each.total for each in compared.counts))
    models = len(compared.names)
    if kind == "layer-norm":
        title = "Layer norms: weights (scales) and biases (shifts)"
        height = 0.9 + 2 * models * ROW
        return _drawn(width, height, title, lambda ax: charts.layer_norm(ax, compared))
    if kind == "grouped":
        title = f"Where the {compared.quantity.unit} are"
        return of_groups(compared, compared.quantity.parts, title, width)
    height = 0.9 + (models + 2) * 2 * ROW
    return _drawn(width, height, "", lambda ax: charts.stacked(ax, compared))


def of_groups(
    compared: Comparison, only: Collection[str], title: str, width: float = WIDE
) -> Figure:
    """Draw the shares of several models, a group for each of some sublayers."""
    groups = len(charts.parts_of(compared, only))
    height = 0.9 + (len(compared.names) + 1) * groups * ROW
    return _drawn(width, height, title, lambda ax: charts.grouped(ax, compared, only))


def of_trend(compared: Comparison, width: float = WIDE) -> Figure:
    """Draw how shares change with size: the formula's curve, and the models on it."""
    models = [(n, each.config) for n, each in compared.named]
    title = "Shares from the smallest model to the largest"
    return _drawn(width, 4.0, title, lambda ax: curves.trend(ax, models, compared.quantity))


def of_sweep(
    swept: Sweep, share: bool = False, width: float = WIDE, limit: Device | None = None
) -> Figure:
    """Draw lines over one axis, a map over two. Raises ``UserError`` for more than two.

    A device's memory is drawn in as a limit of a line of bytes.
    """
    if limit is not None and (share or swept.quantity.unit != "bytes"):
        raise UserError("a device's memory limits bytes: draw totals of memory or cache with it")
    model = swept.config.title(leaving_out=swept.varying)
    unit = swept.quantity.unit[0].upper() + swept.quantity.unit[1:]
    axes = [name for name, axis in swept.axes.items() if len(axis) > 1]
    if len(axes) <= 1:
        title = f"{'Shares' if share else unit} of {model}"
        return _drawn(width, 4.0, title, lambda ax: curves.sweep_lines(ax, swept, share, limit))
    if limit is not None:
        raise UserError(
            "a device's memory is drawn over one axis: fix the others, or leave --gpu out"
        )
    if len(axes) > 2 or share:
        reason = "shares are drawn over one axis" if share else "a picture has one axis or two"
        raise UserError(f"{len(axes)} axes cannot be drawn: {reason}; fix the others")
    changing = solvable_fields(swept.quantity, swept.config)
    idle = next((name for name in axes if name not in changing), None)
    if idle is not None:
        raise UserError(f"{idle} never changes the {swept.quantity.name}: draw two other fields")
    title = f"{unit} of {model}"
    return _drawn(width, 5.0, title, lambda ax: maps.sweep_map(ax, swept))


def of_shapes(shapes: Shapes, width: float = WIDE) -> Figure:
    """Draw the curve of shapes with a budget."""
    title = f"Shapes of {shapes.budget.in_unit(shapes.quantity.unit)}"
    return _drawn(width, 4.5, title, lambda ax: curves.budget(ax, shapes))


def of_steps(walked: Steps, width: float = WIDE) -> Figure:
    """Draw what each step from one model to another adds."""
    return waterfall.of_steps(walked, width)


def _drawn(width: float, height: float, title: str, draw: Callable[[Axes], Axes]) -> Figure:
    with house_style():
        figure, ax = empty_figure(width, height)
        draw(ax)
        if title:
            size = 9 if is_narrow(ax) else 10
            lines = fill(title, int(CHARACTERS * width / size))
            figure.suptitle(lines, x=0.01, ha="left", fontsize=size)
        return figure
