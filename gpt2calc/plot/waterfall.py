"""A waterfall: from one model to another, what each step adds or takes away."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from gpt2calc.analysis.steps import Steps
from gpt2calc.plot.style import INK, PALE, house_style, refuse_undrawable
from gpt2calc.report.sublayers import shortened
from gpt2calc.units import human

ADDED, TAKEN, WHOLE = "#c8553d", "#4fae8b", "#1f4e8c"
"""What a step adds, what it takes away, and both models."""
KINDS = {
    "parameters": ("parameters", ("k", "M", "B", "T")),
    "flops": ("FLOPs a token", (" k", " M", " G", " T")),
    "cache": ("bytes of cache a token", (" kB", " MB", " GB", " TB")),
}
"""Title of each column of the picture, and the prefixes of its numbers."""
ROW, MARGIN = 0.27, 1.05
"""Inches of one step, and above and beneath all of them."""
NARROWEST_ROW = 6.0
"""Inches of width from which on all three columns stand side by side."""
ROOM_FOR_LABELS = 1.3
"""Length of a row in lengths of the longest bar."""
LABELS = 7
"""Font size of steps and amounts, in points."""
LONGEST_STEP = 34
"""Characters of a step that have room beside the bars."""


def of_steps(walked: Steps, width: float) -> Figure:
    """Draw all three amounts side by side, a row for each step; one above the other on a phone."""
    for amounts in (walked.start, *(step.after for step in walked.steps)):
        refuse_undrawable(max(amounts))
    rows = len(walked.steps) + 2
    is_phone = width < NARROWEST_ROW
    shape = (3, 1) if is_phone else (1, 3)
    with house_style():
        figure = Figure(figsize=(width, (ROW * rows + MARGIN) * shape[0]))
        FigureCanvasAgg(figure)
        axes = figure.subplots(*shape)
        for place, (ax, kind) in enumerate(zip(axes, KINDS, strict=True)):
            _column(ax, walked, kind, labelled=is_phone or place == 0)
        figure.suptitle(_title(walked, is_phone), x=0.01, ha="left", fontsize=10, color=INK)
        return figure


def _title(walked: Steps, is_phone: bool) -> str:
    first, last = (shortened(name, 24) for name in walked.names)
    return f"{first} to {last}" if is_phone else f"From {first} to {last}, one step after another"


def _column(ax: Axes, walked: Steps, kind: str, *, labelled: bool) -> None:
    title, scale = KINDS[kind]
    spans = _spans(walked, kind)
    names = [walked.names[0], *(step.words for step in walked.steps), walked.names[1]]
    for row, (start, added, colour) in enumerate(spans):
        ax.barh(row, added, left=start, color=colour, height=0.7)
        _say(ax, row, start, added, human(abs(added), scale=scale), is_step=colour != WHOLE)
    for row, (start, added, _) in enumerate(spans[:-1]):
        level, top = start + added, row + (0.35 if added else -0.35)
        ax.plot([level, level], [top, row + 0.65], color=INK, linewidth=0.6)
    ax.set_ylim(len(spans) - 0.4, -0.6)
    ax.set_xlim(0, ROOM_FOR_LABELS * max(max(start, start + added) for start, added, _ in spans))
    ax.set_title(title, fontsize=8.5)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: human(x, scale=scale)))
    ax.grid(axis="x", color=PALE)
    ax.spines["left"].set_visible(False)
    ax.set_yticks(range(len(names)), [shortened(name, LONGEST_STEP) for name in names])
    ax.tick_params(labelsize=LABELS, labelleft=labelled)


def _spans(walked: Steps, kind: str) -> list[tuple[int, int, str]]:
    """Return where each bar starts, how far it reaches, and its colour."""
    level = getattr(walked.start, kind)
    spans = [(0, level, WHOLE)]
    for step in walked.steps:
        added = getattr(step.added, kind)
        spans.append((level, added, ADDED if added > 0 else TAKEN))
        level += added
    return [*spans, (0, level, WHOLE)]


def _say(ax: Axes, row: int, start: int, added: int, amount: str, *, is_step: bool) -> None:
    """Write the amount beside a bar: behind its end, with its sign where it is a step's."""
    if added:
        sign = ("+" if added > 0 else "−") if is_step else ""
        words: Any = {"textcoords": "offset points", "va": "center", "fontsize": LABELS}
        ax.annotate(f"{sign}{amount}", (max(start, start + added), row), (3, 0), **words)
