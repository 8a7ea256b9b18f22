"""Serving a model to several users: does it fit, how many users, how fast at most."""

from typing import Annotated, Literal

from cyclopts import Parameter

from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import Form, Model, Overrides, Plot, configured, whole_number
from gpt2calc.errors import UserError
from gpt2calc.quantity.run import Run
from gpt2calc.report.terminal import show
from gpt2calc.units import parse_size


def serve(
    model: Model = "gpt2",
    /,
    *,
    users: Annotated[str, Parameter(help="Users at once, each with a full context.")] = "1",
    context: Annotated[
        str | None,
        Parameter(help="Tokens of each user, like 8k; the model's, at most 8k, if left out."),
    ] = None,
    gpu: Annotated[
        str | None,
        Parameter(help="Does it fit? A device like h100 or 4090, 24GB, or a TOML file."),
    ] = None,
    tensor_parallel: Annotated[
        str, Parameter(help="GPUs that share every matrix and every cache out.", metavar="N")
    ] = "1",
    dtype: Annotated[
        str | None,
        Parameter(help="Of weights and caches; that of the published weights if left out."),
    ] = None,
    attention: Annotated[
        Literal["eager", "sdpa"] | None,
        Parameter(help="sdpa where the model's class has it, if left out."),
    ] = None,
    margin: Annotated[
        str | None,
        Parameter(help="Bytes of each device not counted on; 1GB if left out.", metavar="SIZE"),
    ] = None,
    fields: Overrides | None = None,
    plot: Plot = None,
    form: Form = "text",
) -> int:
    """Say whether a model that serves some users fits, and how fast it can be at most.

    Weights, every user's cache, and what reading one prompt needs; with --gpu the most users, the
    longest context, and bounds on speed.
    """
    from gpt2calc.metrics.memory.fitting import MARGIN
    from gpt2calc.metrics.serving import serve

    if margin is not None and gpu is None:
        raise UserError("--margin is of a device: give --gpu, too, such as h100")
    tokens = None if context is None else parse_size("seq", context)
    run = Run.of({"seq": tokens, "dtype": dtype, "attention": attention})
    served = serve(
        configured(model, fields),
        run,
        users=whole_number("--users", str(parse_size("users", users))),
        gpu=gpu,
        tensor_parallel=whole_number("--tensor-parallel", tensor_parallel),
        margin=MARGIN if margin is None else margin,
    )
    draw(plot, lambda pictures: pictures.of_serving(served, name=model))
    return show(served, form)
