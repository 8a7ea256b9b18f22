"""The commands ``compare``, ``steps`` and ``diagnose``."""

from typing import Annotated, Literal

from cyclopts import Parameter

from gpt2calc.cli.cases import configured, given, refuse_idle_run
from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import (
    CHOICE,
    PRESETS,
    CaseFields,
    Form,
    Model,
    ModelFields,
    Names,
    Of,
    Plot,
)
from gpt2calc.cli.numbers import Length
from gpt2calc.errors import UserError
from gpt2calc.report.terminal import show


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
        CHOICE,
    ] = None,
    form: Form = "text",
) -> int:
    """Put models side by side: a column for each.

    A model may have changes of its own and a label: deeper=gpt2,n_layer=24. Flags change a field in
    all models. With one model, it is compared before and after the flags; with --with, flags apply
    to every column.
    """
    from gpt2calc.analysis.comparison import compare

    models = (*models, *(f"{model},{change}" for model in models for change in changed or ()))
    refuse_idle_run(of, fields, models)
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
        Names | None, Parameter(help="Fields to change first, like norm,n_kv_head.")
    ] = None,
    seq: Annotated[
        Length | None, Parameter(help="Tokens of the sequence whose FLOPs are counted.")
    ] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"], Parameter(help="What the cache is stored in."), CHOICE
    ] = "bfloat16",
    plot: Plot = None,
    form: Form = "text",
) -> int:
    """Go from one model to another, one field at a time.

    What does each change cost? Every step says what it adds or takes away in parameters, in FLOPs a
    token and in bytes of cache a token. The steps add up.
    """
    from gpt2calc.analysis.steps import steps

    walked = steps(first, last, order=order or (), seq=seq, precision=precision)
    draw(plot, lambda pictures: pictures.of_steps(walked))
    return show(walked, form)


def diagnose(
    number: Annotated[str, Parameter(help="What somebody got: 137022720, or 163M if rounded.")],
    model: Model = "gpt2",
    /,
    *,
    fields: ModelFields | None = None,
    form: Form = "text",
) -> int:
    """Say where a strange number of parameters comes from.

    MODEL is the model that was meant. Known departures are combined, the likeliest first.
    """
    from gpt2calc.analysis.diagnosis import diagnose
    from gpt2calc.model.sources.presets import preset_names

    if number.lower() in preset_names():
        raise UserError(f"the number comes first: gpt2calc diagnose {model} {number}")
    return show(diagnose(number, configured(model, fields)), form)
