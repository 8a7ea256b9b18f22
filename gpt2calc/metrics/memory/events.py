"""The events of a run as a table: what allocates, in order, with its module and bytes."""

from dataclasses import dataclass, replace

from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.following import plan_of
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.refusals import refuse_what_cannot_run
from gpt2calc.metrics.memory.runs import Followed, serve, train
from gpt2calc.metrics.memory.timeline import role_of
from gpt2calc.quantity.case import Case
from gpt2calc.report.result import Result, rows_as_csv
from gpt2calc.report.table import Column, Table
from gpt2calc.tape.recorder import Event
from gpt2calc.units import format_bytes

MOST_LAYERS = 1_000
"""Layers of which every event is listed."""
PEAK = "(peak)"
LISTED = (
    "Each operation that allocates: the bytes of its outcomes, and all that is there by then, "
    "weights and the optimizer's state among it. --format csv has exact bytes, and what was freed."
)


@dataclass(frozen=True, repr=False)
class Events(Result):
    """Every operation of a run that allocates, in order."""

    config: Case
    run: Followed

    @classmethod
    def of(cls, case: Case) -> "Events":
        """Run a case in all its layers. Raises ``UserError`` for too many of them."""
        case = case.settled()
        return cls(case, whole_run(case))

    def to_rows(self) -> list[dict[str, object]]:
        """Return a row for each event, ready for ``pandas.DataFrame``.

        Keys are ``part`` of the run (forward, backward, step; prefill, token 1, token 2), ``phase``
        (recomputed where a block runs again in backward), ``module``, ``op`` as PyTorch calls it,
        ``born``, ``died``, ``live`` on the tape and ``total`` with what is there all the time, in
        bytes, and ``flops``.
        """
        begins = sorted((first, part) for part, first in self.run.parts.items())
        moments = Moments(replace(self.config, moment=None))
        totals = [moments.bytes_at(each) for each in moments.of_run(self.run)]
        rows: list[dict[str, object]] = []
        part = ""
        for number, event in enumerate(self.run.events):
            while begins and begins[0][0] <= number:
                part = begins.pop(0)[1]
            rows.append(
                {
                    "part": part,
                    "phase": event.phase,
                    "module": self._module(event),
                    "op": event.op,
                    "born": event.born,
                    "died": event.died,
                    "live": event.live,
                    "total": totals[number],
                    "flops": event.flops,
                }
            )
        return rows

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

    def csv(self) -> str:
        """Write a row for each, numbers bare."""
        return rows_as_csv(self.to_rows())

    def summary(self) -> str:
        return f"{self.config.title()}: {len(self.run.events):,} events"

    def table(self) -> Table:
        """Return a row for each event."""
        rows = self.to_rows()
        peak = max(range(len(rows)), key=lambda number: int(str(rows[number]["total"])))
        return Table(
            title=self.config.title(),
            columns=(
                *(Column("part"), Column("module"), Column("operation")),
                *(Column("born", "mixed"), Column("total", "mixed")),
            ),
            rows=tuple(
                (
                    row["phase"] if row["phase"] == "recomputed" else row["part"],
                    row["module"],
                    f"{row['op']} {PEAK}" if number == peak else row["op"],
                    format_bytes(int(str(row["born"]))),
                    format_bytes(int(str(row["total"]))),
                )
                for number, row in enumerate(rows)
            ),
            notes=(LISTED,),
        )


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
