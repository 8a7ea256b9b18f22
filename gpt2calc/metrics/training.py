"""A training run of which one figure is solved for: tokens, time, GPUs or utilization."""

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from gpt2calc.errors import UserError
from gpt2calc.metrics.devices import Device, device, refuse_no_gpus
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.memory.refusals import refuse_fields_of_generation
from gpt2calc.metrics.parameters import count
from gpt2calc.metrics.trained import ADAMW, Trained, counted_once, flops_of_tokens
from gpt2calc.metrics.training_table import training_table
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.run import Run
from gpt2calc.report.result import Result
from gpt2calc.report.table import Table
from gpt2calc.units import DAY, RoundedNumber, parse_positive, parse_utilization

USUAL_MFU = Fraction(2, 5)
"""Model FLOPs utilization that a well-tuned run reaches: 0.3 to 0.55 are reported."""


@dataclass(frozen=True, repr=False)
class Training(Trained, Result):
    """A training run: what it takes, and which of its figures followed from the others."""

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
        return training_table(self)


def _fields_of(case: Case) -> dict[str, object]:
    """Return the fields of the model, and those of the run that change its FLOPs."""
    return {
        name: value
        for name, value in case.effective().items()
        if name not in Run.known or FLOPS.name in Run.known[name].changes
    }


def train(
    config: Model | None = None,
    run: Run | None = None,
    *,
    gpu: str | Device = "a100-80gb",
    tokens: int | str | None = None,
    steps: int | str | None = None,
    days: float | str | Fraction | None = None,
    gpus: int | None = None,
    mfu: float | str | Fraction | None = None,
    precision: str | None = None,
    price: float | str | Fraction | None = None,
) -> Training:
    """Say how long training takes, or which tokens, GPUs or utilization a time allows.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: batch, sequence and so on; always with the backward pass.
        gpu: a device of :func:`gpt2calc.metrics.devices.devices`, or a file of one.
        tokens: to train on; a number or text such as "300B", or "20x" for 20 a parameter.
        steps: batches to train on, instead of tokens.
        days: the time to train for.
        gpus: how many; if left out, 1, or as many as tokens in so many days need.
        mfu: model FLOPs utilization, from 0 to 1; if left out, 0.4, or what tokens, days and GPUs
            need.
        precision: of the matrix products; 16 bits if left out and the device has them.
        price: of a GPU for an hour, in any currency.

    Raises:
        UserError: a figure makes no sense, too few or too many of them are given, or the device is
            unknown.

    """
    case = case_of(as_config(config), run).evaluate_at(training=True)
    refuse_fields_of_generation(case)
    gpus = _gpus_of(case, gpus)
    chosen = device(gpu)
    precision, peak = chosen.peak_in(precision)
    wanted = _tokens(case, tokens, steps)
    seconds = None if days is None else parse_positive("days", days, "30") * DAY
    share = None if mfu is None else parse_utilization(mfu)
    if gpus is not None:
        refuse_no_gpus(gpus)
    speed = Fraction(peak)
    if wanted is None and seconds is not None:
        solved, gpus, share = "tokens", gpus or 1, share or USUAL_MFU
        wanted = _tokens_within(case, speed * gpus * share * seconds)
    elif wanted is None:
        raise UserError("tokens or days are needed: give --tokens, --steps or --days")
    elif seconds is None:
        solved, gpus, share = "days", gpus or 1, share or USUAL_MFU
    elif gpus is None:
        solved, share = "gpus", share or USUAL_MFU
        gpus = ceil(flops_of_tokens(case, wanted) / (speed * share * seconds))
    elif share is None:
        solved = "mfu"
        share = flops_of_tokens(case, wanted) / (speed * gpus * seconds)
        if share > 1:
            raise UserError(
                f"{gpus:,} x {chosen.name} would need a utilization of {float(share):.0%}: give "
                "more days, more GPUs or fewer tokens"
            )
    else:
        raise UserError("tokens, days, gpus and mfu are all given: leave out the one you ask for")
    each = None if price is None else parse_positive("price", price, "2.50")
    return Training(case, chosen, precision, wanted, gpus, share, solved, each)


def _gpus_of(case: Case, gpus: int | None) -> int | None:
    """Return the GPUs that are asked about, or those of the run if it shards the model."""
    if case.gpus == 1 or gpus == case.gpus:
        return gpus
    if gpus is not None:
        raise UserError(f"gpus is {gpus}, and the run says {case.gpus}: give one of them")
    return int(case.gpus)


def _tokens_within(case: Case, flops: Fraction) -> int:
    """Return the tokens of as many whole sequences as some FLOPs allow."""
    sequences = int(flops // FLOPS.total(counted_once(case).evaluate_at(batch=1)))
    if sequences < 1:
        raise UserError("the time is too short for one sequence: give more days or more GPUs")
    tokens: int = sequences * case.q_len
    return tokens


def _tokens(case: Case, tokens: int | str | None, steps: int | str | None) -> int | None:
    if tokens is not None and steps is not None:
        raise UserError("tokens and steps both say how long to train: give one of them")
    if isinstance(tokens, str) and (ratio := re.fullmatch(r"(.+)x", tokens.strip().lower())):
        times = parse_positive("tokens", ratio[1], "20x")
        return ceil(times * count(case.model).active)
    if tokens is not None:
        return RoundedNumber.of(tokens, "tokens").value
    if steps is not None:
        in_all: int = RoundedNumber.of(steps, "steps").value * case.tokens
        return in_all
    return None
