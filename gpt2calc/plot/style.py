"""One look for every picture: colours, type, units; and files that are the same every time."""

import io
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from gpt2calc.errors import UserError
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.report.files import whole_file
from gpt2calc.units import human

INK, PALE = "#26262e", "#d9d9de"
"""Text, labels and lines drawn over the data; axis lines and grid lines."""

NARROW = 4.5
"""Inches of width of the axes below which a picture is laid out for a phone."""
LARGEST_FONT, SMALLEST_FONT = 8.5, 4.0
"""Font sizes in points: where there is room, and where there is hardly any."""

LONGEST_EXACT = 10**15
"""Counts from here on are rounded: their digits need more room than a label has."""
LARGEST = 10**300
"""The largest count that is drawn, somewhat below the largest float."""


ENDINGS = ("png", "svg", "pdf")

_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": PALE,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titlecolor": INK,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 8.5,
    "grid.color": PALE,
    "grid.linewidth": 0.6,
    "path.simplify": False,  # a line that is nearly level would end early
    "pdf.fonttype": 42,
    "savefig.dpi": 150,
    "svg.fonttype": "none",
    "svg.hashsalt": "gpt2calc",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}

_NO_DATES: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the package's style within the context; ``rcParams`` are restored after it."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def empty_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of so many inches, unknown to pyplot and so never shown, and its axes."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure, whole or not at all; the same figure gives the same bytes.

    Raises:
        UserError: the ending is not png, svg or pdf, or the file cannot be written.

    """
    path = Path(path)
    form = checked_ending(path)
    contents = as_bytes(figure, form)
    with whole_file(path, binary=True) as file:
        file.write(contents)


def as_bytes(figure: Figure, form: str) -> bytes:
    """Return a figure as png, svg or pdf; the same figure gives the same bytes."""
    out = io.BytesIO()
    with house_style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name may be in any script
        figure.savefig(out, format=form, metadata=_NO_DATES[form])
    return out.getvalue()


def checked_ending(path: Path) -> str:
    """Return the picture's format by the file's ending. Raises ``UserError`` for any other."""
    ending = path.suffix.removeprefix(".").lower()
    if ending not in ENDINGS:
        raise UserError(
            f"{path} does not end in .png, .svg or .pdf: give the picture one of these endings"
        )
    return ending


def human_in(quantity: Quantity) -> Callable[..., str]:
    """Return a function that writes a rounded count with a quantity's prefix: 134 GB, 292 G."""
    return partial(human, scale=quantity.display.scale)


def exact_or_rounded(count: int) -> str:
    """Write a count exactly, or rounded from ``LONGEST_EXACT`` on."""
    return f"{count:,}" if count < LONGEST_EXACT else human(count)


def refuse_undrawable(count: int) -> None:
    """Raise ``UserError`` for a count beyond what floating point can place on a picture."""
    if count > LARGEST:
        raise UserError("a count of more than 300 digits cannot be drawn: choose smaller numbers")


def is_narrow(ax: Axes) -> bool:
    """Tell whether the axes are laid out for a phone, or for a small part of a figure."""
    return size_of(ax)[0] < NARROW


def size_of(ax: Axes) -> tuple[float, float]:
    """Return the width and height of the axes in inches."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    box = ax.get_position()
    return box.width * figure.get_figwidth(), box.height * figure.get_figheight()


def font_size_for(ax: Axes, lines: float) -> float:
    """Return the font size, in points, with which so many lines fit the axes' height."""
    room = 72 * size_of(ax)[1] / max(lines, 1)
    return max(min(LARGEST_FONT, 0.75 * room), SMALLEST_FONT)


def font_size_of_notes(ax: Axes) -> float:
    """Return the font size of words beside the data: legends, names of limits and of moments."""
    return font_size_for(ax, 14)


def legend(ax: Axes, handles: Sequence[Any], columns: int, **placed: Any) -> None:
    """Draw a legend without a frame, with small marks close to their words."""
    look: Any = {"frameon": False, "handlelength": 1, "columnspacing": 1.2}
    look |= {"fontsize": font_size_of_notes(ax), **placed}
    ax.legend(handles=handles, ncols=columns, **look)


def ink_on(colour: str) -> str:
    """Black or white, whichever can be read on a colour."""
    red, green, blue = matplotlib.colors.to_rgb(colour)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.58 else "black"
