"""The command ``sweep``: a quantity of every config of a grid."""

import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

from gpt2calc.cli.cases import case_given, given, refuse_idle_run
from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import CHOICE, PRESETS, Axes, Fields, Of, Out, Plot, Switch
from gpt2calc.errors import UserError
from gpt2calc.report.result import Format
from gpt2calc.report.terminal import show, stream

if TYPE_CHECKING:
    from gpt2calc.analysis.several_sweeps import Sweeps
    from gpt2calc.analysis.sweeping import Sweep

MOST_LINES = 10_000
"""Rows that are printed in a terminal, or for several models, at most."""
FORMS: dict[str, Format] = {".csv": "csv", ".json": "json", ".md": "markdown"}
"""The formats that endings of files' names stand for."""
Spans: TypeAlias = dict[str, Sequence[int]]
"""The values of each axis, by field."""
Choices: TypeAlias = dict[str, list[str]]
"""The words of each field that was given several, by field."""


def sweep(
    *models: Annotated[str, Parameter(help="Presets or files; gpt2 if left out."), PRESETS],
    axes: Axes | None = None,
    of: Of = "parameters",
    at_least: Annotated[
        str | None,
        Parameter(help="Only configs with this much or more, like 1B.", metavar="AMOUNT"),
    ] = None,
    at_most: Annotated[
        str | None, Parameter(help="Only configs with this much or less.", metavar="AMOUNT")
    ] = None,
    out: Out = None,
    plot: Plot = None,
    share: Annotated[Switch, Parameter(help="With --plot: draw the sublayers' shares.")] = False,
    gpu: Annotated[
        str | None,
        Parameter(
            help="With --plot: draw the memory of this device in, as a limit of bytes.",
            metavar="DEVICE",
        ),
    ] = None,
    form: Annotated[
        Format | None,
        Parameter(
            name="--format",
            help="How the result is printed; text, or as the name of --out ends, if left out.",
        ),
        CHOICE,
    ] = None,
) -> int:
    """Count parameters, or another quantity, over a grid.

    An AXIS is a list such as 768,1024,1600 or a range start:stop:step, the stop included; with a
    list of choices, such as --dtype bf16,fp32, there is a table for each. CSV is streamed, so that
    a grid of any size can be written.
    """
    from gpt2calc.analysis.grid_rules import refuse_heads_that_do_not_divide
    from gpt2calc.analysis.sweeping import sweep

    refuse_idle_run(of, axes, models)
    limit = _limit(gpu, of, plot)
    if share and plot is None:
        raise UserError("--share says what to draw: give --plot with a file, too")
    single, spans, choices = _told_apart(given(axes))
    names = _with_each(choices, models or ("gpt2",), spans)
    if len(names) > 1 and plot is not None:
        raise UserError("--plot draws the grid of one model: give one, or leave out --plot")
    refuse_heads_that_do_not_divide(single, spans)
    asked: dict[str, Any] = {"of": of, "at_least": at_least, "at_most": at_most, **spans}
    grids = [sweep(_base(name, of, single, spans), **asked) for name in names]
    written = form or _form_of(out)
    if len(grids) > 1:
        from gpt2calc.analysis.several_sweeps import Sweeps

        return _show(Sweeps(tuple(zip(names, grids, strict=True))), grids, written, out)
    (grid,) = grids
    if plot is not None:
        _refuse_as_picture(out, plot)
        draw(plot, lambda pictures: pictures.of_sweep(grid, share, limit=limit))
        if written == "text" and out is None and grid.size > MOST_LINES:
            return 0
    return _show(grid, grids, written, out)


def _form_of(out: Path | None) -> Format:
    """Return the format that the ending of a file's name stands for; text for others."""
    return "text" if out is None else FORMS.get(out.suffix.lower(), "text")


def _refuse_as_picture(out: Path | None, plot: Path) -> None:
    """Raise ``UserError`` for a table that cannot be written beside a picture."""
    if out is not None:
        from gpt2calc.report.files import refuse_unwritable

        refuse_unwritable(out)
        if out.resolve() == plot.resolve():
            raise UserError(f"{out} cannot be both the table and the picture: name two files")


def _show(shown: "Sweep | Sweeps", grids: Sequence["Sweep"], form: Format, out: Path | None) -> int:
    """Print or write one sweep or several; a terminal, and a text of several, gets few rows."""
    is_seen = out is None and sys.stdout.isatty()
    if is_seen or (len(grids) > 1 and form != "csv"):
        for grid in grids:
            grid.refuse_more_rows_than(MOST_LINES)
    if form != "csv":
        return show(shown, form, out)
    return stream(shown.csv_batches(), out, shown.batch_count)


def _told_apart(fields: Fields) -> tuple[Fields, Spans, Choices]:
    """Return the fields with one value, the axes of numbers, and the fields with several words."""
    lists: Fields = {name: each for name, each in fields.items() if isinstance(each, list | range)}
    choices = {name: each for name, each in lists.items() if isinstance(each[0], str)}
    spans = {name: each for name, each in lists.items() if name not in choices}
    return {name: each for name, each in fields.items() if name not in lists}, spans, choices


def _with_each(choices: Choices, models: tuple[str, ...], spans: Spans) -> tuple[str, ...]:
    """Return each model once with every combination of some choices, which are no axes."""
    changes = [[f"{name}={word}" for word in words] for name, words in choices.items()]
    if changes and not spans:
        compared = " ".join(f"--with {change}" for change in changes[0])
        raise UserError(
            f"a sweep needs an axis of numbers, too, such as --batch 1,2; or ask 'gpt2calc compare "
            f"{models[0]} {compared}'"
        )
    return tuple(",".join(changed) for changed in product(models, *changes))


def _base(model: str, of: str, single: Fields, spans: Spans) -> Any:
    """Return what all points of a grid share; some flags are valid only together with an axis."""
    try:
        return case_given(model, of, single)
    except UserError:
        # the width stays as it is: a width of the axis could take the model's heads away
        first = {name: values[0] for name, values in spans.items() if name != "n_embd"}
        if not first:
            raise
        return case_given(model, of, single | first)


def _limit(gpu: str | None, of: str, plot: Path | None) -> Any:
    """Return the device whose memory is drawn as a limit; None if there is none."""
    if gpu is None:
        return None
    from gpt2calc.metrics.devices import device

    if of != "memory":
        raise UserError("--gpu draws a limit of bytes: give --of memory, too")
    if plot is None:
        raise UserError("--gpu is drawn in: give --plot with a file, too")
    return device(gpu)
