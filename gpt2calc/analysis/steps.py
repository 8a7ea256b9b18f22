"""From one model to another, one field at a time: what each step adds or takes away."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

from gpt2calc.analysis.step_order import next_fields, pending_fields, with_own_numbers
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.memory.cache import cache_per_token
from gpt2calc.metrics.parameters import ACTIVE, PARAMETERS
from gpt2calc.model.config import ModelConfig
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.models import Model, labelled, shown
from gpt2calc.quantity.run import Run
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.table import Table

IN_ORDER = "Each step is added to those above it; in another order it may add more or less."
WAITED = "Not in the order that was asked for: a field waits where the model would make no sense."


class Amounts(NamedTuple):
    """The amounts of one model, or what one step adds to them."""

    parameters: int
    active: int
    """Parameters that a token goes through."""
    flops: int
    """FLOPs of a forward pass, per token."""
    cache: int
    """Bytes of keys and values that one token leaves."""

    def less(self, other: "Amounts") -> "Amounts":
        """Return the amounts less those of another model."""
        return Amounts(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Step:
    """One step: the fields that are changed in it, and the model after it."""

    fields: tuple[str, ...]
    """One, or several that make sense only together."""
    words: str
    config: ModelConfig
    after: Amounts
    added: Amounts


class Told(NamedTuple):
    """A row: a model or a step in words, and its amounts."""

    kind: Literal["start", "step", "end"]
    words: str
    amounts: Amounts


@dataclass(frozen=True, repr=False)
class Steps(Listing):
    """The steps from one model to another."""

    names: tuple[str, str]
    start: Amounts
    steps: tuple[Step, ...]
    order: tuple[str, ...]
    """The fields that were asked to be changed first."""
    run: Run
    """The sequence whose FLOPs are counted, and what numbers of the cache are stored in."""

    @property
    def end(self) -> Amounts:
        """The amounts of the last model."""
        return self.steps[-1].after if self.steps else self.start

    def to_dict(self) -> dict[str, Any]:
        """Return amounts as integers: parameters, FLOPs a token, bytes of cache a token."""
        return {
            "from": self.names[0],
            "to": self.names[1],
            "seq": self.run.seq,
            "precision": self.run.dtype,
            "start": self.start._asdict(),
            "steps": [
                {
                    "fields": list(step.fields),
                    "step": step.words,
                    "added": step.added._asdict(),
                    "after": step.after._asdict(),
                }
                for step in self.steps
            ],
            "end": self.end._asdict(),
        }

    def items(self) -> list[Told]:
        """Return the start, what each step adds, and the end."""
        steps = [Told("step", step.words, step.added) for step in self.steps]
        start, end = self.names
        return [Told("start", start, self.start), *steps, Told("end", end, self.end)]

    def fields(self) -> tuple[RowField, ...]:
        """Return the columns; tables have active parameters only where a model has experts."""
        has_experts = any(amounts.active != amounts.parameters for amounts in self._all())
        heads: dict[str, str | None] = {"flops": "FLOPs/token", "cache": "cache B/token"}
        if not has_experts:
            heads["active"] = None
        return (
            RowField("kind", lambda row: row.kind),
            RowField("step", lambda row: row.words, "step"),
            *(
                RowField(
                    kind,
                    partial(_amount, kind),
                    heads.get(kind, kind),
                    "mixed",
                    partial(_signed, kind),
                )
                for kind in Amounts._fields
            ),
        )

    def title(self) -> str:
        return f"From {self.names[0]} to {self.names[1]}"

    def notes(self) -> tuple[str, ...]:
        walked = [name for step in self.steps for name in step.fields]
        waited = () if tuple(walked[: len(self.order)]) == self.order else (WAITED,)
        over = f"a forward pass over {self.run.seq:,} tokens"
        return (IN_ORDER, *waited, f"FLOPs are of {over}, the cache is in {self.run.dtype}.")

    def table(self) -> Table:
        """Return a row for each step, with what it adds; both models above and beneath."""
        table = super().table()
        return table._replace(rows=table.rows[:-1], footer=table.rows[-1])

    def summary(self) -> str:
        return f"{self.names[0]} to {self.names[1]} in {len(self.steps)} steps"

    def _all(self) -> Iterator[Amounts]:
        yield self.start
        yield from (step.after for step in self.steps)


def steps(
    start: Model,
    end: Model,
    *,
    order: str | Sequence[str] = (),
    seq: int | None = None,
    precision: Literal["float32", "bfloat16"] = "bfloat16",
) -> Steps:
    """Go from one model to another, one field at a time.

    A step that would leave a model which makes no sense waits for those after it; fields that make
    sense only together are changed together.

    Args:
        start: the first model, a config or its name.
        end: the last one.
        order: a field that is changed first, or several in this order; the others follow in that
            of ``ORDER``.
        seq: tokens of the sequence whose FLOPs are counted; the shorter context of the two, if left
            out.
        precision: what the cache is stored in.

    Raises:
        UserError: a model is not found, a field in ``order`` is none or no different, or a model
            has fewer positions than ``seq``.

    """
    first, last = labelled([start, end])
    here, there = with_own_numbers(first.config, last.config)
    words = (order,) if isinstance(order, str) else order
    asked = tuple(name.replace("-", "_") for name in words)
    pending = pending_fields(here, there, asked)
    shorter = min(here.n_ctx, there.n_ctx)
    run = Run(seq=shorter if seq is None else seq, dtype=precision)
    for config in (here, there):
        case_of(config, run)
    begin = before = _amounts(here, run)
    walked = []
    while pending:
        together, config = next_fields(here, there, pending)
        after = _amounts(config, run)
        said = [_change(name, here, config) for name in together if _is_seen(name, here, config)]
        if said:
            walked.append(Step(together, ", ".join(said), config, after, after.less(before)))
        here, before = config, after
        pending = [name for name in pending if name not in together]
    if walked:  # names change no count, and so are no step of their own
        named = walked[-1].config.evaluate_at(family=there.family)
        walked[-1] = replace(walked[-1], config=named)
    return Steps((first.name, last.name), begin, tuple(walked), asked, run)


def _is_seen(name: str, here: ModelConfig, there: ModelConfig) -> bool:
    """Tell whether a field has another value, rules applied."""
    before, after = here.value(name), there.value(name)
    if name == "attention_layers":  # none, given or not
        return (before or ()) != (after or ())
    return bool(before != after)


def _change(name: str, here: ModelConfig, there: ModelConfig) -> str:
    before, after = (_said(name, config.value(name)) for config in (here, there))
    return f"{name} {before} → {after}"


def _said(name: str, value: Any) -> str:
    if value is None and name == "mlp_layers":
        return "all, beside what mixes"
    return "none" if value is None else shown(value)


def _amounts(config: ModelConfig, run: Run) -> Amounts:
    case = Case(config, run)
    return Amounts(
        parameters=PARAMETERS.total(config),
        active=ACTIVE.total(config),
        flops=FLOPS.total(case) // case.tokens,
        cache=cache_per_token(case),
    )


def _amount(kind: str, row: Told) -> int:
    amount: int = getattr(row.amounts, kind)
    return amount


def _signed(kind: str, row: Told) -> str:
    amount = _amount(kind, row)
    return f"{amount:+,}" if amount and row.kind == "step" else f"{amount:,}"
