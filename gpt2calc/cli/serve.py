"""The command ``serve``."""

from typing import Annotated

from cyclopts import Parameter

from gpt2calc.cli.cases import configured, of_run
from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import Form, Gpu, Margin, Model, Plot, ServeFields, kept_free
from gpt2calc.cli.numbers import Count, Length
from gpt2calc.quantity.run import Run
from gpt2calc.report.terminal import show


def serve(
    model: Model = "gpt2",
    /,
    *,
    users: Annotated[Count, Parameter(help="Users at once, each with a full context.")] = 1,
    context: Annotated[
        Length | None,
        Parameter(
            help="Context of each user in tokens, such as 8k; if left out: the model's, at most 8k."
        ),
    ] = None,
    gpu: Gpu = None,
    tensor_parallel: Annotated[
        Count,
        Parameter(
            help="GPUs over which every matrix and every KV cache is split (tensor parallelism)."
        ),
    ] = 1,
    weight_bits: Annotated[
        Count | None,
        Parameter(help="Bits of quantized weights, 8 or 4, by a rule. If left out: as --dtype."),
    ] = None,
    margin: Margin = None,
    fields: ServeFields | None = None,
    plot: Plot = None,
    form: Form = "text",
) -> int:
    """Say whether a model fits for its users, and how fast.

    Weights, every user's cache, and what reading one prompt needs; with --gpu the most users, the
    longest context, and bounds on speed.
    """
    from gpt2calc.metrics import serving

    served = serving.serve(
        configured(model, fields),
        Run.of({"seq": context, **of_run(fields)}),
        users=users,
        gpu=gpu,
        tensor_parallel=tensor_parallel,
        weight_bits=weight_bits,
        margin=kept_free(margin, gpu),
    )
    draw(plot, lambda pictures: pictures.of_serving(served, name=model))
    return show(served, form)
