"""The command ``solve``: models of a wanted size, and the model for a budget of compute."""

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from gpt2calc.cli.cases import case_given, given, refuse_idle_run
from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import (
    FORMULA_FIELDS,
    OF_MANY,
    PRESETS,
    CaseFields,
    Fields,
    Form,
    Of,
    Plot,
)
from gpt2calc.cli.numbers import (
    Aspect,
    Count,
    Days,
    Flops,
    Tokens,
    TokensPerParameter,
    Tolerance,
    Utilization,
)
from gpt2calc.errors import UserError
from gpt2calc.model.constraints import OF_FEW_VALUES
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.report.terminal import show

if TYPE_CHECKING:
    from gpt2calc.analysis.optimum import Optimum
    from gpt2calc.analysis.shaping import Shapes

BUDGET = Group("A budget of compute", help="The largest model to train with it.", sort_key=1)
SOLVED_FOR = tuple(field for field in FORMULA_FIELDS if field not in OF_FEW_VALUES)
"""Fields that --for takes: not those of which another field allows few values; sweep those."""

SIDES = ("n_layer", "n_embd", "n_head")
"""Sizes of a shape, which a flag fixes."""


def solve(
    *models: Annotated[str, Parameter(help="Presets or files; gpt2 if left out."), PRESETS],
    budget: Annotated[
        list[str] | None,
        Parameter(
            name=("--budget", "--params"),
            help="How much of the quantity, like 350M; with --for, one for each model.",
            negative=(),
            metavar="BUDGET",
        ),
    ] = None,
    of: Of = "parameters",
    field: Annotated[
        str | None,
        Parameter(
            name="--for",
            help=f"Solve for this field alone: {OF_MANY}, or another number of --help-model.",
            metavar="FIELD",
            completer=lambda _: list(SOLVED_FOR),
        ),
    ] = None,
    multiple_of: Annotated[
        Count | None, Parameter(help="Widths are multiples of this; 64 if left out.")
    ] = None,
    min_aspect: Annotated[
        Aspect | None, Parameter(help="The least width divided by depth; 32 if left out.")
    ] = None,
    max_aspect: Annotated[
        Aspect | None, Parameter(help="The largest width divided by depth; 128 if left out.")
    ] = None,
    tolerance: Annotated[
        Tolerance | None, Parameter(help="How far from the budget a shape may be; 5% if left out.")
    ] = None,
    limit: Annotated[
        Count | None, Parameter(help="How many shapes are listed; 10 if left out.")
    ] = None,
    tokens: Annotated[
        Tokens | None, Parameter(help="With --of flops: a training run on so many, like 20B.")
    ] = None,
    compute: Annotated[
        Flops | None, Parameter(help="Which model for so many FLOPs, like 1e21?", group=BUDGET)
    ] = None,
    days: Annotated[
        Days | None, Parameter(help="Which model for so many days of --gpus?", group=BUDGET)
    ] = None,
    gpu: Annotated[
        str | None, Parameter(help="The GPUs; h100 if left out.", group=BUDGET, metavar="DEVICE")
    ] = None,
    mfu: Annotated[
        Utilization | None,
        Parameter(help="The part of the peak made use of; 40% if left out.", group=BUDGET),
    ] = None,
    ratio: Annotated[
        TokensPerParameter | None,
        Parameter(help="Tokens a parameter; 20 if left out.", group=BUDGET),
    ] = None,
    fields: CaseFields | None = None,
    plot: Plot = None,
    form: Form = "text",
) -> int:
    """Find models of a given size, FLOPs or bytes.

    Without --for: shapes near the budget, the usual ones first; --n-layer, --n-embd and --n-head
    each fix one size. With --for FIELD: the nearest values of one field, and all values whose
    counts round to the figure. With --compute, or --gpus and --days: which model to train, on how
    many tokens.
    """
    of_shapes = _typed(
        multiple_of=multiple_of,
        min_aspect=min_aspect,
        max_aspect=max_aspect,
        tolerance=tolerance,
        limit=limit,
    )
    of_compute = _typed(compute=compute, days=days, gpu=gpu, mfu=mfu, ratio=ratio)
    one_field = _typed(**{"for": field})
    other_quantity = {} if of == "parameters" else {"of": of}
    models = models or ("gpt2",)
    if of_compute:
        others = _typed(budget=budget, tokens=tokens, plot=plot) | one_field | other_quantity
        _refuse_beside(of_compute, "a budget of compute", others)
        return show(_for_compute(models, given(fields), of_compute | of_shapes), form)
    if not budget:
        quantity = as_quantity(of)
        raise UserError(
            f"solve needs a budget: --budget with a number of {quantity.unit}, such as "
            f"{quantity.display.example}"
        )
    changes = _of_training_run(models, fields, of, tokens)
    refuse_idle_run(of, changes, models)
    if field is not None:
        _refuse_beside(of_shapes | _typed(plot=plot), "shapes", one_field)
        from gpt2calc.analysis.solving import solve_for

        return show(solve_for(field, models, budget, of=of, **changes), form)
    if len(models) > 1 or len(budget) > 1:
        raise UserError(
            "with several models or budgets, choose one field to solve for: --for n_layer"
        )
    shapes = _shapes(models[0], budget[0], of, changes, of_shapes)
    draw(plot, lambda pictures: pictures.of_shapes(shapes))
    return show(shapes, form)


def _typed(**flags: Any) -> Fields:
    """Return the flags that were typed, by name."""
    return {name: value for name, value in flags.items() if value is not None}


def _refuse_beside(flags: Fields, what: str, others: Fields) -> None:
    """Raise ``UserError`` for flags that would be ignored beside others."""
    if flags and others:
        are = "are" if len(flags) > 1 else "is"
        raise UserError(
            f"{_as_typed(flags)} {are} of {what}: leave out {_as_typed(others)}, or "
            f"{_as_typed(flags)}"
        )


def _as_typed(flags: Fields) -> str:
    *first, last = (f"--{name.replace('_', '-')}" for name in flags)
    return f"{', '.join(first)} and {last}" if first else last


def _shapes(model: str, budget: str, of: str, changes: Fields, bounds: Fields) -> "Shapes":
    """Return the shapes near a budget; a flag of a size fixes it."""
    from gpt2calc.analysis.shaping import solve

    sides, others = _sides_apart(changes)
    case = case_given(model, of, others)
    return solve(case, budget, of=of, fixed=tuple(others), **bounds, **sides)


def _sides_apart(changes: Fields) -> tuple[Fields, Fields]:
    """Return the flags of sizes that shapes have, and those of what the shapes share."""
    sides = {name: value for name, value in changes.items() if name in SIDES}
    return sides, {name: value for name, value in changes.items() if name not in SIDES}


def _for_compute(models: tuple[str, ...], changes: Fields, asked: Fields) -> "Optimum":
    """Return which model to train with a budget of compute."""
    from gpt2calc.analysis.optimum import optimum

    if len(models) > 1:
        raise UserError("shapes are of one model's kind: give one model")
    gpus = changes.pop("gpus", None)
    sides, others = _sides_apart(changes)
    model = case_given(models[0], "parameters", others)
    return optimum(model, gpus=gpus, fixed=tuple(others), **asked, **sides)


def _of_training_run(
    models: tuple[str, ...], fields: CaseFields | None, of: str, tokens: int | None
) -> Fields:
    """Return the given fields, and those of a run over all tokens of a training, if any are."""
    said = given(fields)
    if tokens is None:
        return said
    if of != "flops":
        raise UserError("--tokens are of a training run, whose FLOPs are asked: give --of flops")
    if "batch" in said or said.get("training") is False:
        raise UserError("--tokens say how much is trained on: leave out --batch and --inference")
    length = case_given(models[0], of, said).q_len
    return said | {"seq": length, "batch": -(-tokens // length), "training": True}
