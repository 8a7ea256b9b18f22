"""The events of a run as a table: what allocates, in order, with its module and bytes."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.following import plan_of
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.refusals import refuse_what_cannot_run
from gpt2calc.metrics.memory.runs import Followed, serve, train
from gpt2calc.metrics.memory.timeline import role_of
from gpt2calc.quantity.case import Case
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.tape.recorder import Event
from gpt2calc.units import format_bytes

MOST_LAYERS = 1_000
"""The most layers of a model whose events are listed."""
PEAK = "(peak)"
LISTED = (
    "born: bytes that the operation allocates; total: all bytes alive after it, weights and the "
    "optimizer's state among them. --format csv has exact bytes, and what was freed."
)


class EventRow(NamedTuple):
    """An event, the part of the run and the module that it is in, and all bytes alive after it."""

    part: str
    event: Event
    module: str
    total: int
    is_peak: bool


@dataclass(frozen=True, repr=False)
class Events(Listing):
    """Every operation of a run that allocates, in order."""

    config: Case
    run: Followed

    @classmethod
    def of(cls, case: Case) -> "Events":
        """Run a case in all its layers. Raises ``UserError`` for too many of them."""
        case = case.settled()
        return cls(case, whole_run(case))

    def items(self) -> list[EventRow]:
        """Return a row for each event."""
        begins = sorted((first, part) for part, first in self.run.parts.items())
        moments = Moments(replace(self.config, moment=None))
        totals = [moments.bytes_at(each) for each in moments.of_run(self.run)]
        peak = totals.index(max(totals))
        found = []
        part = ""
        for number, event in enumerate(self.run.events):
            while begins and begins[0][0] <= number:
                part = begins.pop(0)[1]
            where, is_peak = self._module(event), number == peak
            found.append(EventRow(part, event, where, totals[number], is_peak))
        return found

    def fields(self) -> tuple[RowField, ...]:
        """Return the columns.

        Keys are ``part`` of the run (forward, backward, step; prefill, token 1, token 2), ``phase``
        (recomputed where a block runs again in backward), ``module``, ``op`` as PyTorch calls it;
        bytes allocated (``born``), freed since the event before (``died``), alive of what the run
        allocated (``live``), and with weights, optimizer state and ids (``total``); and ``flops``.
        """
        return (
            RowField("part", lambda each: each.part, "part", shown=_phase),
            RowField("phase", lambda each: each.event.phase),
            RowField("module", lambda each: each.module, "module"),
            RowField("op", lambda each: each.event.op, "operation", shown=_operation),
            RowField(
                "born",
                lambda each: each.event.born,
                "born",
                "mixed",
                lambda each: format_bytes(each.event.born),
            ),
            RowField("died", lambda each: each.event.died),
            RowField("live", lambda each: each.event.live),
            RowField(
                "total",
                lambda each: each.total,
                "total",
                "mixed",
                lambda each: format_bytes(each.total),
            ),
            RowField("flops", lambda each: each.event.flops),
        )

    def title(self) -> str:
        return self.config.title()

    def notes(self) -> tuple[str, ...]:
        return (LISTED,)

    def _module(self, event: Event) -> str:
        """Return a module's full name, with the number of its block."""
        names, role = self.config.names, role_of(event.module)
        block = next((each for each in event.module if each.startswith("block.")), "")
        where = names.module(role) if role else names.module("block") if block else ""
        if block and "*" not in where:
            where = f"{names.module('block')}.{where}"
        return where.replace("*", block.removeprefix("block."), 1)

    def to_dict(self) -> dict[str, object]:
        """Return the config and a row for each event."""
        return {"config": self.config.effective(), "events": self.to_rows()}

    def summary(self) -> str:
        return f"{self.config.title()}: {len(self.run.events):,} events"


def _phase(each: EventRow) -> str:
    return "recomputed" if each.event.phase == "recomputed" else each.part


def _operation(each: EventRow) -> str:
    return f"{each.event.op} {PEAK}" if each.is_peak else each.event.op


def whole_run(case: Case) -> Followed:
    """Run a case in all its layers. Raises ``UserError`` for too many of them."""
    refuse_what_cannot_run(case)
    if case.n_layer > MOST_LAYERS:
        raise UserError(
            f"n_layer is {case.n_layer:,}: events are listed of at most {MOST_LAYERS:,} layers; "
            "give fewer"
        )
    model = case.model.evaluate_at(n_head=case.known_heads)
    plan = plan_of(case)
    return train(model, plan) if case.training else serve(model, plan)
