"""What-if questions: how models differ, whole ranges, wanted sizes, strange numbers."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import (
    PRESETS,
    Axes,
    CaseFields,
    Form,
    Model,
    Of,
    Out,
    Overrides,
    Plot,
    axes_and_fields,
    case_given,
    configured,
    given,
    refuse_idle_run,
    whole_number,
)
from gpt2calc.errors import UserError
from gpt2calc.report.terminal import show, stream

MOST_LINES = 10_000
"""Lines of CSV that a terminal is given; more go to a file or a pipe."""


def compare(
    *models: Annotated[str, Parameter(help="Presets or files, two or more."), PRESETS],
    fields: CaseFields | None = None,
    of: Of = "parameters",
    changed: Annotated[
        list[str] | None,
        Parameter(
            name="--with",
            help="Each model once more with this change, like checkpointing=block.",
            negative=(),
            metavar="FIELD=VALUE",
        ),
    ] = None,
    plot: Plot = None,
    kind: Annotated[
        Literal["stacked", "grouped", "layer-norm"] | None,
        Parameter(help="What --plot draws: a bar a model, a group a sublayer, or layer norms."),
    ] = None,
    form: Form = "text",
) -> int:
    """Put models side by side: a column for each.

    A model may have changes of its own and a label: deeper=gpt2,n_layer=24. Flags change a field in
    all models; with a single model, they are compared with that model as it was, or with --with are
    what all have in common.
    """
    from gpt2calc.analysis.comparison import compare

    refuse_idle_run(of, fields)
    models = (*models, *(f"{model},{change}" for model in models for change in changed or ()))
    compared = compare(models, of=of, **given(fields))
    if plot is None and kind is not None:
        raise UserError("--kind says how to draw: give --plot with a file, too")
    draw(plot, lambda pictures: pictures.of_comparison(compared, kind or "stacked"))
    return show(compared, form)


def steps(
    first: Annotated[str, Parameter(help="The model to start from: a preset or a file."), PRESETS],
    last: Annotated[str, Parameter(help="The model to end at."), PRESETS],
    /,
    *,
    order: Annotated[
        str | None,
        Parameter(help="Fields to change first, like norm,n_kv_head.", metavar="FIELDS"),
    ] = None,
    seq: Annotated[
        str | None,
        Parameter(help="Tokens of the sequence whose FLOPs are counted.", metavar="N"),
    ] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"], Parameter(help="What the cache is stored in.")
    ] = "bfloat16",
    plot: Plot = None,
    form: Form = "text",
) -> int:
    """Go from one model to another, one field at a time: what does each change cost?

    Every step says what it adds or takes away in parameters, in FLOPs a token and in bytes of cache
    a token. The steps add up.
    """
    from gpt2calc.analysis.steps import steps

    fields = [name.strip() for name in order.split(",")] if order else ()
    walked = steps(first, last, order=fields, seq=whole_number("--seq", seq), precision=precision)
    draw(plot, lambda pictures: pictures.of_steps(walked))
    return show(walked, form)


def sweep(
    *models: Annotated[str, Parameter(help="Presets or files; gpt2 if left out."), PRESETS],
    axes: Axes | None = None,
    of: Of = "parameters",
    at_least: Annotated[
        str | None, Parameter(help="Only configs with this much or more, like 1B.")
    ] = None,
    at_most: Annotated[str | None, Parameter(help="Only configs with this much or less.")] = None,
    out: Out = None,
    plot: Plot = None,
    share: Annotated[
        bool, Parameter(help="With --plot: draw the sublayers' shares.", negative=())
    ] = False,
    gpu: Annotated[
        str | None,
        Parameter(help="With --plot: draw the memory of this device in, as a limit of bytes."),
    ] = None,
    form: Form = "text",
) -> int:
    """Count parameters, or another quantity, of every config of a grid.

    An AXIS is a list such as 768,1024,1600 or a range start:stop:step, the stop included. CSV is
    streamed, so that a grid of any size can be written.
    """
    from gpt2calc.analysis.grid_rules import refuse_heads_that_do_not_divide
    from gpt2calc.analysis.sweeping import sweep

    refuse_idle_run(of, axes)
    limit = _limit(gpu, of, plot)
    names, axes = _one_of_each_dtype(models or ("gpt2",), axes)
    several, single = axes_and_fields(axes)
    bounds: dict[str, Any] = {"at_least": at_least, "at_most": at_most}
    refuse_heads_that_do_not_divide(single, several)
    grids = [sweep(_base(name, of, single, several), of=of, **bounds, **several) for name in names]
    if len(grids) > 1:
        return _show_sweeps(names, grids, form, out, plot)
    (grid,) = grids
    if out is not None and plot is not None:
        from gpt2calc.report.files import refuse_unwritable

        refuse_unwritable(out)
        if out.resolve() == plot.resolve():
            raise UserError(f"{out} cannot be both the table and the picture: name two files")
    if plot is not None:
        draw(plot, lambda pictures: pictures.of_sweep(grid, share, limit=limit))
        if form == "text" and out is None and grid.size > MOST_LINES:
            return 0
    elif share:
        raise UserError("--share says what to draw: give --plot with a file, too")
    if out is None and sys.stdout.isatty():
        grid.refuse_more_rows_than(MOST_LINES)
    if form != "csv":
        return show(grid, form, out)
    return stream(grid.csv_batches(), out, grid.batch_count)


def _one_of_each_dtype(
    models: tuple[str, ...], axes: dict[str, Any] | None
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Take each model once for every one of several dtypes, which are words and no axis."""
    flags = dict(axes or {})
    dtypes = str(flags.get("dtype", "")).split(",")
    if len(dtypes) < 2:
        return models, flags
    del flags["dtype"]
    if not any("," in str(value) or ":" in str(value) for value in flags.values()):
        changes = " ".join(f"--with dtype={each}" for each in dtypes)
        raise UserError(
            f"a sweep needs an axis of numbers, too, such as --batch 1,2; or ask 'gpt2calc compare "
            f"{models[0]} {changes}'"
        )
    return tuple(f"{model},dtype={each}" for model in models for each in dtypes), flags


def _show_sweeps(
    names: tuple[str, ...], grids: list[Any], form: Any, out: Path | None, plot: Path | None
) -> int:
    """Show the same grid over several models."""
    from gpt2calc.analysis.several_sweeps import Sweeps

    if plot is not None:
        raise UserError("--plot draws the grid of one model: give one, or leave out --plot")
    for grid in grids:
        grid.refuse_more_rows_than(MOST_LINES)
    return show(Sweeps(tuple(zip(names, grids, strict=True))), form, out)


def _base(model: str, of: str, single: dict[str, Any], several: dict[str, Any]) -> Any:
    """Return what all points of a grid share; a flag may make sense with an axis alone."""
    try:
        return case_given(model, of, single)
    except UserError:
        # the width stays as it is: a width of the axis could take the model's heads away
        first = {name: values[0] for name, values in several.items() if name != "n_embd"}
        if not first:
            raise
        return case_given(model, of, single | first)


def _limit(gpu: str | None, of: str, plot: Path | None) -> Any:
    """Return the device that is drawn in, None if there is none."""
    if gpu is None:
        return None
    from gpt2calc.metrics.devices import device

    if of != "memory":
        raise UserError("--gpu draws a limit of bytes: give --of memory, too")
    if plot is None:
        raise UserError("--gpu is drawn in: give --plot with a file, too")
    return device(gpu)


def diagnose(
    number: Annotated[str, Parameter(help="What somebody got: 137022720, or 163M if rounded.")],
    model: Model = "gpt2",
    /,
    *,
    overrides: Overrides | None = None,
    form: Form = "text",
) -> int:
    """Say where a strange number of parameters comes from.

    MODEL is the model that was meant. Known departures are combined, the likeliest first.
    """
    from gpt2calc.analysis.diagnosis import diagnose

    return show(diagnose(number, configured(model, overrides)), form)
