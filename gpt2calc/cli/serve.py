"""Serving a model to several users: does it fit, how many users, how fast at most."""

from typing import Annotated

from cyclopts import Parameter

from gpt2calc.cli.cases import configured, of_run
from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import Form, Gpu, Model, Plot, ServeFields
from gpt2calc.cli.numbers import Bytes, Count, Length
from gpt2calc.errors import UserError
from gpt2calc.quantity.run import Run
from gpt2calc.report.terminal import show


def serve(
    model: Model = "gpt2",
    /,
    *,
    users: Annotated[Count, Parameter(help="Users at once, each with a full context.")] = 1,
    context: Annotated[
        Length | None,
        Parameter(help="Tokens of each user, like 8k; the model's, at most 8k, if left out."),
    ] = None,
    gpu: Gpu = None,
    tensor_parallel: Annotated[
        Count, Parameter(help="GPUs that share every matrix and every cache out.")
    ] = 1,
    margin: Annotated[
        Bytes | None, Parameter(help="Bytes of each device not counted on; 1GB if left out.")
    ] = None,
    fields: ServeFields | None = None,
    plot: Plot = None,
    form: Form = "text",
) -> int:
    """Say whether a model fits for its users, and how fast.

    Weights, every user's cache, and what reading one prompt needs; with --gpu the most users, the
    longest context, and bounds on speed.
    """
    from gpt2calc.metrics.memory.fitting import MARGIN
    from gpt2calc.metrics.serving import serve

    if margin is not None and gpu is None:
        raise UserError("--margin is of a device: give --gpu, too, such as h100")
    served = serve(
        configured(model, fields),
        Run.of({"seq": context, **of_run(fields)}),
        users=users,
        gpu=gpu,
        tensor_parallel=tensor_parallel,
        margin=MARGIN if margin is None else margin,
    )
    draw(plot, lambda pictures: pictures.of_serving(served, name=model))
    return show(served, form)
