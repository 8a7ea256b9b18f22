"""The command ``solve``: models of a wanted size, and the model for a budget of compute."""

from typing import Annotated, Any

from cyclopts import Group, Parameter

from gpt2calc.cli.cases import case_given, given, refuse_idle_run
from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import (
    FORMULA_FIELDS,
    PRESETS,
    CaseFields,
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

BUDGET = Group("A budget of compute", help="The largest model to train with it.", sort_key=1)
SOLVED_FOR = tuple(field for field in FORMULA_FIELDS if field not in OF_FEW_VALUES)
"""Fields that --for takes: not those of which another field allows few values; sweep those."""


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
            help=f"Solve for this field alone: {', '.join(SOLVED_FOR)}.",
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

    Without --for: shapes near the budget, the usual ones first; --n-layer or --n-embd fixes one
    side. With --for FIELD: the nearest values of one field, and all values whose counts round to
    the figure. With --compute, or --gpus and --days: which model to train, on how many tokens.
    """
    asked = {"compute": compute, "days": days, "gpu": gpu, "mfu": mfu, "ratio": ratio}
    if any(each is not None for each in asked.values()):
        if budget or field or plot or tokens or of != "parameters":
            raise UserError(
                "--compute and --days ask which model to train: leave out --budget, --of, --for, "
                "--tokens and --plot"
            )
        return _for_compute(models, asked, fields, form)
    fields = _of_training_run(models, fields, of, tokens)
    if not budget:
        quantity = as_quantity(of)
        raise UserError(
            f"solve needs a budget: --budget with a number of {quantity.unit}, such as "
            f"{quantity.example}"
        )
    refuse_idle_run(of, fields)
    changes = given(fields)
    asked_of_shapes: dict[str, Any] = {
        "multiple_of": multiple_of,
        "min_aspect": min_aspect,
        "max_aspect": max_aspect,
        "tolerance": tolerance,
        "limit": limit,
    }
    bounds = {name: bound for name, bound in asked_of_shapes.items() if bound is not None}
    if field is not None:
        if bounds or plot is not None:
            raise UserError(
                "--plot, --multiple-of, --min-aspect, --max-aspect, --tolerance and --limit are of "
                "shapes: leave out --for"
            )
        from gpt2calc.analysis.solving import solve_for

        solved = solve_for(field.replace("-", "_"), models or ("gpt2",), budget, of=of, **changes)
        return show(solved, form)
    if len(models) > 1 or len(budget) > 1:
        raise UserError("several models or budgets are solved for one field: give it by --for")
    from gpt2calc.analysis.shaping import solve

    sides = {name: changes.pop(name) for name in ("n_layer", "n_embd") if name in changes}
    model = case_given(models[0] if models else "gpt2", of, changes)
    shapes = solve(model, budget[0], of=of, fixed=tuple(changes), **bounds, **sides)
    draw(plot, lambda pictures: pictures.of_shapes(shapes))
    return show(shapes, form)


def _for_compute(
    models: tuple[str, ...], asked: dict[str, Any], fields: CaseFields | None, form: Any
) -> int:
    """Show which model to train with a budget of compute; returns exit status 0."""
    from gpt2calc.analysis.optimum import optimum

    if len(models) > 1:
        raise UserError("shapes are of one model's kind: give one model")
    changes = given(fields)
    gpus = changes.pop("gpus", None)
    model = case_given(models[0] if models else "gpt2", "parameters", changes)
    ways = {name: value for name, value in asked.items() if value is not None}
    return show(optimum(model, gpus=gpus, **ways), form)


def _of_training_run(
    models: tuple[str, ...], fields: CaseFields | None, of: str, tokens: int | None
) -> CaseFields | None:
    """Return the fields of a run over all tokens of a training: as many sequences as they fill."""
    if tokens is None:
        return fields
    if of != "flops":
        raise UserError("--tokens are of a training run, whose FLOPs are asked: give --of flops")
    said = given(fields)
    if "batch" in said or said.get("training") is False:
        raise UserError("--tokens say how much is trained on: leave out --batch and --inference")
    length = case_given(models[0] if models else "gpt2", of, said).q_len
    return said | {"seq": length, "batch": -(-tokens // length), "training": True}
