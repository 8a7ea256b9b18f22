"""The table of a training run: a row for each figure, the one that was asked for first."""

from gpt2calc.metrics.memory.exactness import of_few_experts
from gpt2calc.metrics.memory.fitting import MARGIN
from gpt2calc.metrics.trained import ADAMW, Trained
from gpt2calc.quantity.assumptions import assumed
from gpt2calc.report.table import Column, Table
from gpt2calc.units import format_bytes, format_duration, format_flops, in_powers, percentage

CHINCHILLA = 20
"""Tokens a parameter of a compute-optimal model, about (Hoffmann et al. 2022, table 3)."""
FIRST = {"days": "time", "tokens": "tokens", "gpus": "GPUs", "mfu": "utilization (MFU)"}
"""The first row, by the figure that was asked for."""


def training_table(run: Trained) -> Table:
    """Return a row for each figure."""
    rows = {
        "time": format_duration(run.seconds),
        "tokens": f"{run.tokens:,}",
        "GPUs": f"{run.gpus:,} x {run.device.name}",
        "utilization (MFU)": f"{percentage(run.mfu)} of {_peak(run)}",
    }
    if run.config.checkpointing != "none":
        rows["utilization (HFU)"] = f"{percentage(run.hfu)}, with what is computed again"
    first = FIRST[run.solved_for]
    rows = {first: rows.pop(first), **rows}
    if run.memory_on_each is not None:
        rows["memory of each GPU"] = _of_its_memory(run, run.memory_on_each)
    rows |= {
        "FLOPs": f"{in_powers(run.flops)}, {format_flops(run.flops)}",
        "GPU-hours": f"{run.gpu_hours:,.{1 if run.gpu_hours >= 1 else 4}f}",
    }
    if run.config.batch > 1:
        rows["steps"] = f"{run.steps:,} of {run.config.batch:,} x {run.config.q_len:,} tokens"
        rows["FLOPs a step"] = in_powers(run.flops_per_step)
    if run.cost is not None:
        rows["price"] = f"{run.cost:,.2f}"
    return Table(
        title=run.config.title(),
        columns=(Column("training"), Column("")),
        rows=tuple((rows | _of_parameters(run)).items()),
        notes=_notes(run),
    )


def _of_parameters(run: Trained) -> dict[str, str]:
    """Return the rows of tokens a parameter, and of the usual estimate."""
    each = run.tokens / run.active
    ratio = f"{each:,.1f}" if each >= 1 else f"{each:.2g}"
    optimum = f"{ratio}; Chinchilla's optimum is about {CHINCHILLA}"
    off = f"{in_powers(run.six_nd)}, off by {run.six_nd / run.flops - 1:+.2%}"
    if run.config.n_expert is None:
        return {"tokens a parameter": optimum, "6 N D": off}
    of_all = f"{run.active:,} of {run.parameters:,}"
    return {"active parameters": of_all, "tokens of each": optimum, "6 N D, active": off}


def _of_its_memory(run: Trained, held: int) -> str:
    left = run.device.memory - held
    few = f", only {format_bytes(left)} free" if left < MARGIN else ""
    beyond = ", more than there is" if left < 0 else few
    return f"{format_bytes(held)} of {format_bytes(run.device.memory)}{beyond}"


def _peak(run: Trained) -> str:
    peak = run.device.peak[run.precision]  # type: ignore[index]
    return f"{peak / 1e12:,.5g} TFLOP/s in {run.precision}"


def _notes(run: Trained) -> tuple[str, ...]:
    step = ADAMW * run.parameters
    said = f"One step of AdamW takes {in_powers(step)} operations besides, {ADAMW} a parameter"
    is_known = run.memory_on_each is not None
    held = (_memory_said(run), *of_few_experts(run.on_each)) if is_known else ()
    assumptions = assumed(run.config, "flops")
    if run.config.batch == 1:
        return (*held, *assumptions, f"{said}. With --batch the steps are said, too.")
    of_a_step = f"{100 * step / run.flops_per_step:.2g}% of the FLOPs of a step."
    return (*held, *assumptions, f"{said}: {of_a_step}")


def _memory_said(run: Trained) -> str:
    """Say how the work is shared out where the memory of each GPU is counted."""
    case = run.on_each
    dtype = "mixed precision" if case.is_mixed else case.dtype
    sharding = f"ZeRO stage {case.zero_stage}" if case.zero_stage else "FSDP"
    shared = f", shared by {sharding}" if case.gpus > 1 else ""
    words = {"eager": "written out", "sdpa": "by sdpa", "flash": "in one kernel of a GPU"}
    attention = words[case.attention]
    return (
        f"Memory is of a step of {case.batch:,} x {case.q_len:,} tokens on each GPU in {dtype}"
        f"{shared}, with attention {attention}."
    )
