"""The events of a run as a table: what allocates, in order, with its module and bytes."""

from dataclasses import dataclass

from gpt2calc.case import Case
from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.following import plan_of
from gpt2calc.metrics.memory.refusals import refuse_what_cannot_run
from gpt2calc.metrics.memory.runs import Followed, serve, train
from gpt2calc.metrics.memory.timeline import role_of
from gpt2calc.output.result import Result, rows_as_csv
from gpt2calc.output.table import Column, Table

DEEPEST = 1_000
"""Layers of which every event is listed."""
LISTED = (
    "Each operation that allocates: the bytes of its outcomes, those freed since the one before "
    "it, and all on the tape by then; weights, the optimizer's state and ids are there besides."
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
        refuse_what_cannot_run(case)
        if case.n_layer > DEEPEST:
            raise UserError(
                f"n_layer is {case.n_layer:,}: events are listed of at most {DEEPEST:,} layers; "
                "give fewer"
            )
        model = case.model.evaluate_at(n_head=case.known_heads)
        plan = plan_of(case)
        return cls(case, train(model, plan) if case.training else serve(model, plan))

    def to_rows(self) -> list[dict[str, object]]:
        """Return a row for each event: phase, module, operation, bytes, FLOPs."""
        begins = sorted((first, part) for part, first in self.run.parts.items())
        names = self.config.names
        rows: list[dict[str, object]] = []
        part = ""
        for number, event in enumerate(self.run.events):
            while begins and begins[0][0] <= number:
                part = begins.pop(0)[1]
            block = next((m for m in event.module if m.startswith("block.")), "")
            role = role_of(event.module)
            where = names.module(role) if role else names.module("block") if block else ""
            rows.append(
                {
                    "part": part,
                    "phase": event.phase,
                    "module": where.replace("*", block.removeprefix("block."), 1),
                    "op": event.op,
                    "born": event.born,
                    "died": event.died,
                    "live": event.live,
                    "flops": event.flops,
                }
            )
        return rows

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
        return Table(
            title=self.config.title(),
            columns=(
                *(Column("phase"), Column("module"), Column("operation")),
                *(Column("born", "count"), Column("live", "count")),
            ),
            rows=tuple(
                (row["part"], row["module"], row["op"], row["born"], row["live"]) for row in rows
            ),
            notes=(LISTED,),
        )
