"""What a training run takes: tokens, time, GPUs, utilization, memory, price."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil

from gpt2calc.errors import UserError
from gpt2calc.metrics.devices import Device
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.memory.quantity import MEMORY, memory_case
from gpt2calc.metrics.parameters import count
from gpt2calc.quantity.assumptions import assumed
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.run import Run
from gpt2calc.report.result import Result
from gpt2calc.report.table import Column, Table
from gpt2calc.units import (
    DAY,
    format_bytes,
    format_duration,
    format_flops,
    in_powers,
)

CHINCHILLA = 20
"""Tokens a parameter of a compute-optimal model, about (Hoffmann et al. 2022, table 3)."""
ADAMW = 14
"""Operations a parameter of one step of PyTorch's AdamW, element by element: 1 to decay the weight,
3 for the mean of the gradient (``lerp``), 4 for that of its square, 3 for the root of that, its
correction and epsilon, 3 to divide, scale and subtract."""


@dataclass(frozen=True, repr=False)
class Training(Result):
    """A training run: what it takes, and which of its figures followed from the others."""

    config: Case
    device: Device
    precision: str
    tokens: int
    gpus: int
    mfu: Fraction
    """Model FLOPs utilization: the part of the peak that matrix products make use of."""
    solved_for: str
    """The one of tokens, days, gpus and mfu that was not given."""
    price: Fraction | None
    """Of a GPU for an hour, in any currency."""

    @property
    def flops_per_step(self) -> int:
        """FLOPs of one forward and backward pass over a batch, each product counted once."""
        flops: int = FLOPS.total(counted_once(self.config))
        return flops

    @property
    def hfu(self) -> Fraction:
        """Hardware FLOPs utilization: with what checkpointing computes again."""
        again = Fraction(FLOPS.total(self.config), self.flops_per_step)
        return self.mfu * again

    @property
    def steps(self) -> int:
        """Batches that it takes to see all tokens."""
        return ceil(Fraction(self.tokens, self.config.tokens))

    @property
    def flops(self) -> int:
        """FLOPs of training on all tokens, in sequences of the length of the run."""
        return flops_of_tokens(self.config, self.tokens)

    @property
    def seconds(self) -> Fraction:
        """Seconds from the start of the training to its end."""
        peak = self.device.peak[self.precision]  # type: ignore[index]
        return Fraction(self.flops) / (self.gpus * self.mfu * peak)

    @property
    def days(self) -> float:
        """How long the training takes, in days."""
        return float(self.seconds / DAY)

    @property
    def gpu_hours(self) -> float:
        """Hours of all GPUs, added up."""
        return float(self.gpus * self.seconds / 3_600)

    @property
    def cost(self) -> float | None:
        """The price of all GPU-hours; None if no price is given."""
        return None if self.price is None else float(self.price * self.gpus * self.seconds / 3_600)

    @cached_property
    def memory_on_each(self) -> int | None:
        """Bytes at the peak of a step on one GPU; several GPUs share the model by FSDP, or by ZeRO.

        In mixed precision, unless the run has a dtype. None where memory refuses the run, as it
        does FSDP with a ZeRO stage, or where nothing says how many heads there are.
        """
        run = self.config.run.evaluate_at(
            batch=_sequences_on_each(self.config, self.gpus),
            gpus=self.gpus,
            shard="fsdp" if self.gpus > 1 and not self.config.zero_stage else "none",
            training=True,
        )
        try:
            total: int = MEMORY.total(memory_case(case_of(self.config.model, run)))
        except UserError:
            return None
        return total

    @property
    def parameters(self) -> int:
        """Parameters of the model."""
        return count(self.config.model).total

    @property
    def active(self) -> int:
        """Parameters that a token goes through: all of them, but for experts not chosen."""
        return count(self.config.model).active

    @property
    def six_nd(self) -> int:
        """The usual estimate, 6 N D, with N all parameters that a token goes through."""
        return 6 * self.active * self.tokens

    def to_dict(self) -> dict[str, object]:
        """Return FLOPs, tokens and steps as integers; times, shares and costs as fractions."""
        return {"config": _fields_of(self.config), **self._figures()}

    def _figures(self) -> dict[str, object]:
        return {
            "solved_for": self.solved_for,
            "tokens": self.tokens,
            "steps": self.steps,
            "days": self.days,
            "gpus": self.gpus,
            "mfu": float(self.mfu),
            "hfu": float(self.hfu),
            "gpu": self.device.name,
            "precision": self.precision,
            "peak": self.device.peak[self.precision],  # type: ignore[index]
            "flops": self.flops,
            "flops_per_step": self.flops_per_step,
            "gpu_hours": self.gpu_hours,
            "memory_on_each_gpu": self.memory_on_each,
            "cost": self.cost,
            "parameters": self.parameters,
            "active": self.active,
            "tokens_per_parameter": self.tokens / self.active,
            "6nd": self.six_nd,
            "6nd_error": self.six_nd / self.flops - 1,
            "adamw_per_step": ADAMW * self.parameters,
        }

    def to_rows(self) -> list[dict[str, object]]:
        """Return one flat row."""
        return [{**_fields_of(self.config), **self._figures()}]

    def summary(self) -> str:
        return f"{self.tokens:,} tokens in {self.days:,.1f} days"

    def table(self) -> Table:
        """Return a row for each figure, the one that was asked for first."""
        rows = {
            "time": format_duration(self.seconds),
            "tokens": f"{self.tokens:,}",
            "GPUs": f"{self.gpus:,} x {self.device.name}",
            "utilization (MFU)": f"{float(self.mfu):.1%} of {self._peak()}",
        }
        if self.config.checkpointing != "none":
            rows["utilization (HFU)"] = f"{float(self.hfu):.1%}, with what is computed again"
        first = _ROWS[self.solved_for]
        rows = {first: rows.pop(first), **rows}
        held = self.memory_on_each
        if held is not None:
            beyond = "" if held <= self.device.memory else ", more than there is"
            has = f"{format_bytes(held)} of {format_bytes(self.device.memory)}"
            rows["memory of each GPU"] = f"{has}{beyond}"
        rows |= {
            "FLOPs": f"{in_powers(self.flops)}, {format_flops(self.flops)}",
            "GPU-hours": f"{self.gpu_hours:,.{1 if self.gpu_hours >= 1 else 4}f}",
        }
        if self.config.batch > 1:
            batch = f"{self.config.batch:,} x {self.config.q_len:,} tokens"
            rows["steps"] = f"{self.steps:,} of {batch}"
            rows["FLOPs a step"] = in_powers(self.flops_per_step)
        if self.cost is not None:
            rows["price"] = f"{self.cost:,.2f}"
        optimum = f"{self.tokens / self.active:,.1f}; Chinchilla's optimum is about {CHINCHILLA}"
        off = f"{in_powers(self.six_nd)}, off by {self.six_nd / self.flops - 1:+.2%}"
        if self.config.n_expert is None:
            rows |= {"tokens a parameter": optimum, "6 N D": off}
        else:
            of_all = f"{self.active:,} of {self.parameters:,}"
            rows |= {"active parameters": of_all, "tokens of each": optimum, "6 N D, active": off}
        return Table(
            title=self.config.title(),
            columns=(Column("training"), Column("")),
            rows=tuple(rows.items()),
            notes=self._notes(),
        )

    def _memory_said(self) -> str:
        """Say how the work is shared out where the memory of each GPU is counted."""
        sequences = _sequences_on_each(self.config, self.gpus)
        dtype = "mixed precision" if self.config.is_mixed else self.config.dtype
        sharding = f"ZeRO stage {self.config.zero_stage}" if self.config.zero_stage else "FSDP"
        shared = f", shared by {sharding}" if self.gpus > 1 else ""
        return (
            f"Memory is of a step of {sequences:,} x {self.config.q_len:,} tokens on each GPU in "
            f"{dtype}{shared}."
        )

    def _peak(self) -> str:
        peak = self.device.peak[self.precision]  # type: ignore[index]
        return f"{peak / 1e12:,.5g} TFLOP/s in {self.precision}"

    def _notes(self) -> tuple[str, ...]:
        step = ADAMW * self.parameters
        said = f"One step of AdamW takes {in_powers(step)} operations besides, {ADAMW} a parameter"
        held = () if self.memory_on_each is None else (self._memory_said(),)
        assumptions = assumed(self.config, "flops")
        if self.config.batch == 1:
            return (*held, *assumptions, f"{said}. With --batch the steps are said, too.")
        return (
            *held,
            *assumptions,
            f"{said}: {100 * step / self.flops_per_step:.2g}% of the FLOPs of a step.",
        )


_ROWS = {"days": "time", "tokens": "tokens", "gpus": "GPUs", "mfu": "utilization (MFU)"}


def _sequences_on_each(case: Case, gpus: int) -> int:
    """Return the sequences of a batch that one GPU has; at least one."""
    return int(max(-(-case.batch // gpus), 1))


def flops_of_tokens(case: Case, tokens: int) -> int:
    """Return the FLOPs of some tokens in whole sequences, as the last one is filled up."""
    sequences = ceil(Fraction(tokens, case.q_len))
    return int(FLOPS.total(counted_once(case).evaluate_at(batch=sequences)))


def counted_once(case: Case) -> Case:
    """Return the case without checkpointing, whose recomputation MFU does not count."""
    return case.evaluate_at(checkpointing="none")


def _fields_of(case: Case) -> dict[str, object]:
    """Return the fields of the model, and those of the run that change its FLOPs."""
    return {
        name: value
        for name, value in case.effective().items()
        if name not in Run.known or FLOPS.name in Run.known[name].changes
    }
