"""The peak: at which moment a case holds most, and for which other cases that is the same."""

from collections.abc import Callable, Iterator
from dataclasses import replace as with_changes
from typing import Any

from gpt2calc.case import Case, case_of
from gpt2calc.errors import UserError
from gpt2calc.footprint.moments import Moment, moments
from gpt2calc.footprint.serving import serving
from gpt2calc.largest import comparable

FAR = 2**20
"""Times its own value at which a field is taken to be as large as it ever gets."""


def memory_case(model: Any) -> Case:
    """Return a model with a run that trains it, unless the run says otherwise."""
    case = case_of(model)
    return case if case.run.training is not None else case.evaluate_at(training=True)


def moments_of(case: Case) -> Iterator[Moment]:
    """Yield the moments at which memory may be at its peak, or the one that is asked about."""
    found = moments(case) if case.training else serving(case)
    return (each for each in found if case.moment in (None, each.name))


def peak(case: Case) -> Moment:
    """Return the moment at which most is held, the first of several."""
    refuse_what_makes_no_sense(case)
    return max(moments_of(case), key=lambda moment: comparable(moment.total))


def refuse_what_makes_no_sense(case: Case) -> None:
    """Raise ``UserError`` for a run that is neither training nor inference."""
    if case.training and (case.last_logits or case.run.cached is not None):
        name = "last_logits" if case.last_logits else "cached"
        raise UserError(
            f"{name} is of generation, and training scores all tokens without a cache: leave it "
            "out, or ask about inference"
        )
    if case.training and case.dense_layers:
        raise UserError(
            "dense_layers differ from the others, and the moments of training are of blocks "
            "that are alike: ask about inference, or leave dense_layers out"
        )
    of_training = {
        "optimizer": case.optimizer != "adamw",
        "dropout": case.dropout,
        "checkpointing": case.checkpointing != "none",
        "grad_accumulation": case.grad_accumulation > 1,
    }
    for name, is_set in of_training.items():
        if is_set and not case.training:
            raise UserError(f"{name} is of training, and no matter of inference: leave it out")
    if case.gpus == 1 and case.shard != "none":
        raise UserError(f"shard is {case.shard}, among how many GPUs? give gpus, such as 8")


def range_of_peak(case: Case, field: str) -> tuple[int, int | None]:
    """Return the values of a field, about that of a case, at which its moment is that of the peak.

    The last is None where there is no end to them.
    """
    here, moment = case.value(field), case.moment
    anywhere = with_changes(case, moment=None)

    def is_peak(value: int) -> bool:
        return peak(anywhere.evaluate_at(**{field: value})).name == moment

    first, far = _edge(1, here, is_peak), here * FAR
    return first, None if is_peak(far) else _edge(far, here, is_peak)


def _edge(outside: int, inside: int, holds: Callable[[int], bool]) -> int:
    """Return the value nearest to ``outside`` up to which something holds from ``inside`` on."""
    if holds(outside):
        return outside
    while abs(outside - inside) > 1:
        middle = (outside + inside) // 2
        outside, inside = (outside, middle) if holds(middle) else (middle, inside)
    return inside


def in_span(first: int, last: int | None) -> str:
    """Say which values those are."""
    if last is None:
        return f"from {first:,} on"
    return f"{first:,} alone" if first == last else f"from {first:,} to {last:,}"
