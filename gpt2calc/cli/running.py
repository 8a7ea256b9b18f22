"""The commands ``flops``, ``memory``, ``cache``, ``train`` and ``devices``."""

from typing import Annotated

from cyclopts import Parameter

from gpt2calc.cli.cases import case_given, configured, of_run
from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import (
    CacheFields,
    FlopFields,
    Form,
    Gpu,
    Margin,
    MemoryFields,
    Model,
    Plot,
    Switch,
    kept_free,
)
from gpt2calc.cli.numbers import Count, Days, Price, Seconds, Speed, Steps, Utilization
from gpt2calc.errors import UserError
from gpt2calc.report.terminal import show


def flops(
    model: Model = "gpt2",
    /,
    *,
    fields: FlopFields | None = None,
    operations: Annotated[
        Switch, Parameter(help="List every matrix product with its sizes instead.")
    ] = False,
    generating: Annotated[
        Switch,
        Parameter(
            name="--generate",
            help="What the first token after a prompt of --seq takes, and each next one with a "
            "cache of --cached.",
        ),
    ] = False,
    plot: Plot = None,
    form: Form = "text",
) -> int:
    """Count the FLOPs of a pass, sublayer by sublayer.

    Beside them stands what people estimate. One forward pass over the context, of 8,192 tokens at
    most, unless flags say otherwise.
    """
    if plot is not None and (operations or generating):
        raise UserError("--plot draws the sublayers: leave out --operations and --generate")
    if generating and operations:
        raise UserError("--generate and --operations are two tables: give one of them")
    case = case_given(model, "flops", fields)
    if generating:
        from gpt2calc.metrics.generation import generate

        return show(generate(case, case.run), form)
    if operations:
        from gpt2calc.metrics.matmul_table import Operations
        from gpt2calc.metrics.matmuls import products

        return show(Operations(case, tuple(products(case))), form)
    from gpt2calc.metrics.flops import flops

    counted = flops(case)
    draw(plot, lambda pictures: pictures.of_count(counted, name=model))
    return show(counted, form)


def memory(
    model: Model = "gpt2",
    /,
    *,
    fields: MemoryFields | None = None,
    operations: Annotated[
        Switch, Parameter(help="List every operation that allocates instead, in order.")
    ] = False,
    gpu: Gpu = None,
    exact: Annotated[Switch, Parameter(help="Exact bytes at the glance, not two digits.")] = False,
    margin: Margin = None,
    plot: Plot = None,
    form: Form = "text",
) -> int:
    """Count the bytes that serving or training holds.

    At a glance: weights, serving, fine-tuning. With a flag of the run, or --training or
    --inference: what that run holds at its peak.
    """
    free = kept_free(margin, gpu)
    if not (operations or plot or of_run(fields)):
        from gpt2calc.metrics.glance import glance

        return show(glance(configured(model, fields), gpu=gpu, margin=free, exact=exact), form)
    if exact:
        raise UserError("the bytes of one run are exact already: leave out --exact")
    if operations and (plot is not None or gpu is not None):
        raise UserError("--operations is a list: leave out --plot and --gpu, or --operations")
    case = case_given(model, "memory", fields)
    if operations:
        from gpt2calc.metrics.memory.events import Events

        return show(Events.of(case), form)
    if gpu is not None:
        from gpt2calc.metrics.memory.fitting import fit

        fitted = fit(case, case.run, gpu=gpu, margin=free)
        draw(plot, lambda pictures: pictures.of_fit(fitted, name=model))
        return show(fitted, form)
    from gpt2calc.metrics.memory.result import memory

    counted = memory(case)
    draw(plot, lambda pictures: pictures.of_memory(counted, name=model))
    return show(counted, form)


def cache(
    model: Model = "gpt2", /, *, fields: CacheFields | None = None, form: Form = "text"
) -> int:
    """Count the bytes of the KV cache.

    The keys and values that serving keeps of its tokens. One sequence as long as the context, of
    8,192 tokens at most, unless flags say otherwise.
    """
    from gpt2calc.metrics.memory.cache_quantity import cache

    return show(cache(case_given(model, "cache", fields)), form)


def train(
    model: Model = "gpt2",
    /,
    *,
    fields: FlopFields | None = None,
    tokens: Annotated[
        str | None, Parameter(help="Tokens, like 300B; 20x is 20 a parameter.", metavar="N")
    ] = None,
    steps: Annotated[
        Steps | None, Parameter(help="Steps of --batch x --seq tokens, instead.")
    ] = None,
    days: Annotated[Days | None, Parameter(help="Days to train for.")] = None,
    gpu: Annotated[
        str,
        Parameter(help="A device of 'gpt2calc devices', or a TOML file of one.", metavar="DEVICE"),
    ] = "a100-80gb",
    gpus: Annotated[Count | None, Parameter(help="How many GPUs.")] = None,
    mfu: Annotated[
        Utilization | None,
        Parameter(help="The part of the peak that is made use of; 0.4 if left out."),
    ] = None,
    precision: Annotated[
        str | None,
        Parameter(
            help="Of the products: float32, tfloat32, float16, bfloat16, float8.", metavar="DTYPE"
        ),
    ] = None,
    price: Annotated[Price | None, Parameter(help="Of a GPU for an hour, in any currency.")] = None,
    tokens_per_second: Annotated[
        Speed | None, Parameter(help="A measured speed of all GPUs, like 400k: its MFU and HFU.")
    ] = None,
    seconds_per_step: Annotated[
        Seconds | None, Parameter(help="That of a batch of --batch sequences, instead.")
    ] = None,
    form: Form = "text",
) -> int:
    """Say how long training takes, and its GPU-hours.

    Give tokens, steps or days: the time or the tokens are solved for. With both: the GPUs, or with
    --gpus the utilization. With a measured speed: the utilization that it is, in each framework's
    convention.
    """
    from gpt2calc.metrics.training import train as trained_by

    case = case_given(model, "flops", fields)
    if of_run(fields).get("training") is False:
        raise UserError("--inference takes no training: leave it out, or ask 'gpt2calc serve'")
    if tokens_per_second is not None or seconds_per_step is not None:
        from gpt2calc.metrics.throughput import throughput

        if any(each is not None for each in (tokens, steps, days, mfu, price)):
            raise UserError(
                "a measured speed gives the utilization: leave out --tokens, --steps, --days, "
                "--mfu and --price"
            )
        measured = throughput(
            case,
            case.run,
            tokens_per_second=tokens_per_second,
            seconds_per_step=seconds_per_step,
            gpu=gpu,
            gpus=1 if gpus is None else gpus,
            precision=precision,
        )
        return show(measured, form)
    trained = trained_by(
        case,
        case.run,
        gpu=gpu,
        tokens=tokens,
        steps=steps,
        days=days,
        gpus=gpus,
        mfu=mfu,
        precision=precision,
        price=price,
    )
    return show(trained, form)


def devices(*, form: Form = "text") -> int:
    """List the known devices: memory, bandwidth, peaks."""
    from gpt2calc.metrics.devices import devices

    return show(devices(), form)
