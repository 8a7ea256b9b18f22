"""The commands ``explain``, ``formula``, ``study`` and ``exercise``."""

from typing import Annotated, Literal

from cyclopts import Parameter

from gpt2calc.cli.cases import case_given
from gpt2calc.cli.flags import (
    CHOICE,
    FORMULA_FIELDS,
    OF_MANY,
    PRESETS,
    CaseFields,
    File,
    Form,
    Model,
    Names,
    Of,
)
from gpt2calc.cli.numbers import Count
from gpt2calc.report.sublayers import FLOP_SUBLAYERS, SUBLAYERS
from gpt2calc.report.terminal import show

LessonForm = Annotated[
    Literal["text", "markdown", "latex", "json"],
    Parameter(name="--format", help="How the derivation is written."),
    CHOICE,
]
SheetForm = Annotated[
    Literal["text", "markdown", "latex", "json", "csv"],
    Parameter(name="--format", help="How the exercises are written."),
    CHOICE,
]
Free = Annotated[
    Names | None,
    Parameter(
        help=f"Leave these fields as letters, with commas between: {OF_MANY}, another number of "
        "--help-model, or all.",
        completer=lambda _: [*FORMULA_FIELDS, "all"],
    ),
]


def explain(
    model: Model = "gpt2",
    /,
    *,
    fields: CaseFields | None = None,
    of: Of = "parameters",
    sublayer: Annotated[
        str | None,
        Parameter(
            help="Explain this sublayer alone, such as mlp.",
            metavar="NAME",
            completer=lambda _: sorted({*SUBLAYERS, *FLOP_SUBLAYERS}),
        ),
    ] = None,
    free: Free = None,
    form: LessonForm = "text",
) -> int:
    """Derive a count step by step, every number explained.

    --free puts numbers in all fields but those; --free all gives the pure formulas.
    """
    from gpt2calc.teach.explanation import explain

    case = case_given(model, of, fields)
    return show(explain(case, of=of, free=free or (), sublayer=sublayer), form)


def formula(
    model: Model = "gpt2",
    /,
    *,
    fields: CaseFields | None = None,
    of: Of = "parameters",
    free: Free = None,
    form: Form = "text",
) -> int:
    """Write a count as formulas to calculate with.

    All fields are letters, unless --free leaves only some of them open.
    """
    from gpt2calc.teach.formulas import formula

    return show(formula(case_given(model, of, fields), free or "all", of=of), form)


def study(
    *models: Annotated[
        str, Parameter(help="Presets or files; the four GPT-2 if left out."), PRESETS
    ],
    out: Annotated[
        File, Parameter(help="The file to write: .html, or .md with --format markdown.")
    ],
    form: Annotated[
        Literal["html", "markdown"] | None,
        Parameter(name="--format", help="One page, or Markdown with pictures beside it."),
        CHOICE,
    ] = None,
) -> int:
    """Do the source article again with exact numbers.

    Its claims are judged by them. The page needs no network.
    """
    from gpt2calc.plot.page.publishing import publish
    from gpt2calc.plot.page.study import THE_FOUR, study
    from gpt2calc.report.files import refuse_unwritable

    refuse_unwritable(out)
    publish(study(models or THE_FOUR), out, form)
    return 0


def exercise(
    *,
    of: Of = "parameters",
    seed: Annotated[Count | None, Parameter(help="The same seed asks the same question.")] = None,
    level: Annotated[
        Literal["easy", "medium", "hard"],
        Parameter(help="How much there is to work out."),
        CHOICE,
    ] = "easy",
    family: Annotated[
        str,
        Parameter(help="Whose models are asked about: gpt2, llama, gpt_neox ...", metavar="NAME"),
    ] = "gpt2",
    answer: Annotated[bool | None, Parameter(help="With the worked solutions, or without.")] = None,
    number: Annotated[Count, Parameter(name="--count", help="How many exercises.")] = 1,
    form: SheetForm = "text",
) -> int:
    """Set an exercise: parameters, FLOPs, bytes to count.

    Without --seed one is drawn by lot and said, so that the solution can be asked for. Several
    exercises in Markdown or LaTeX are a sheet, with its answer key at the end; --no-answer leaves
    the key out, for students.
    """
    from gpt2calc.teach.exercises import exercise

    is_sheet = form in ("markdown", "latex") and number > 1
    answers = is_sheet if answer is None else answer
    sheet = exercise(seed, level, of=of, count=number, answers=answers, family=family)
    return show(sheet, form)
