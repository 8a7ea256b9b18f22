"""Bytes: what training holds at its peak, as PyTorch allocates it, and what inference holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace as with_changes
from functools import cached_property
from typing import Any

from gpt2calc.case import Case, case_of
from gpt2calc.footprint.conventions import estimated, estimates_table
from gpt2calc.footprint.keeping import CHECKPOINTS, Held, KeptTensors, held
from gpt2calc.footprint.moments import Moment
from gpt2calc.footprint.peak import (
    in_span,
    memory_case,
    moments_of,
    peak,
    range_of_peak,
    refuse_what_makes_no_sense,
)
from gpt2calc.model.families.gpt2 import GPT2
from gpt2calc.model.terms import Term
from gpt2calc.models import Model, as_config
from gpt2calc.output.result import rows_as_csv
from gpt2calc.output.table import Column, Table
from gpt2calc.quantity import Breakdown, Quantity
from gpt2calc.run import Run
from gpt2calc.units import format_binary_bytes, format_bytes

ACTIVATIONS = (
    *("embeddings", "layer_norm", "projections", "scores", "mlp", CHECKPOINTS, "lm_head", "loss"),
)
"""The parts of what is kept for backward, in the order of the pass."""
STATE = ("weights", "gradients", "optimizer")
TEMPORARY = "Temporary is the largest tensor that a product makes. GB are 10^9 bytes, GiB 2^30."
GONE_BY_THEN = "At the peak some of it is gone, and the loss and its gradient are there."
IN_16_BITS_TOO = "Autocast's copies of all matrices in 16 bits are temporary, too."
OF_ALL_TOKENS = "The cache is of all tokens; {} may keep the nearest alone in some layers."
KEPT_IS_PROVED = ("gpt2", "llama", "granite", "mistral", "smollm3", "qwen2", "qwen3")
"""Families of which tests hold what is kept for backward against PyTorch: eager attention, nothing
recomputed or dropped out, in float32 or bfloat16."""
PARTS = (*STATE, *ACTIVATIONS, "temporary", "cache", "logits")
"""What memory is made of; training has no cache, inference keeps nothing for backward."""


def _terms(case: Case) -> tuple[Term, ...]:
    return peak(case).terms


def _alternatives(case: Case) -> Iterator[tuple[Term, ...]]:
    refuse_what_makes_no_sense(case)
    return (moment.terms for moment in moments_of(case))


def _settle(case: Case) -> Case:
    """Fix the heads and the moment of the peak, so that letters leave them as they are."""
    case = case.settled()
    heads = case.evaluate_at(n_head=case.known_heads)
    if case.positions == "rotary" and case.head_dim is None:
        heads = heads.evaluate_at(head_dim=heads.head_width)
    return with_changes(heads, moment=peak(heads).name)


def _holds(case: Case, free: tuple[str, ...]) -> tuple[str, ...]:
    """Say for which values of a field that is left open the moment is that of the peak."""
    if len(free) != 1:
        return (f"It is the peak of those cases that hold most at {case.moment}.",)
    (field,) = free
    span = range_of_peak(case, field)
    if span == (1, None):
        return (f"It is the peak for every {field}.",)
    flag = field.replace("_", "-")
    return (f"It is the peak for {field} {in_span(*span)}; --{flag} asks for another part.",)


def _notes_on_terms(case: Case) -> tuple[str, ...]:
    block = case.names.module("block")
    return (
        f"A name with {block} is of a tensor in each of the L blocks; its own line is of one.",
        "The first factor is the bytes of a number: 4 in float32, 2 in bfloat16, 8 in int64.",
    )


MEMORY = Quantity(
    name="memory",
    unit="bytes",
    terms=_terms,
    parts=PARTS,
    groups={
        **{part: (part,) for part in STATE},
        "activations": ACTIVATIONS,
        **{part: (part,) for part in ("cache", "logits", "temporary")},
    },
    verb="hold",
    notes_on_terms=_notes_on_terms,
    case=memory_case,
    alternatives=_alternatives,
    holds=_holds,
    settle=_settle,
    has_many_parts=True,
    example="80GB",
    scale=(" kB", " MB", " GB", " TB", " PB"),
)


@dataclass(frozen=True, repr=False)
class Memory(Breakdown):
    """Bytes of one model run in one way, at the peak; ``memory["mlp"]`` is one part of them."""

    quantity: Quantity = MEMORY

    @property
    def moment(self) -> Moment:
        """When the peak is, or the moment that is asked about."""
        asked = (each for each in self._moments if self.config.moment in (None, each.name))
        return max(asked, key=lambda moment: moment.total)

    @property
    def activations(self) -> int:
        """Bytes of what is kept for backward and is still there at the peak."""
        return int(self.coarse["activations"].total)

    @property
    def kept(self) -> int:
        """Bytes of what is kept for backward at the end of the forward pass."""
        return sum(one.term.amount for one in self.operations)

    @property
    def operations(self) -> tuple[Held, ...]:
        """Every tensor that is kept for backward; none in inference."""
        return held(self.config) if self.config.training else ()

    def tables(self) -> tuple[Table, ...]:
        """Return what is held, what of it is kept for backward, and what people estimate."""
        shown = (self.table(), *((self._kept_table(),) if self.config.training else ()))
        return (*shown, estimates_table(estimated(self.config, MEMORY)))

    def table(self) -> Table:
        """Return a row for each thing that memory is made of."""
        always = STATE if self.config.training else ()
        shown = {
            name: part.total for name, part in self.coarse.items() if part.total or name in always
        }
        title = self.config.title() + ("" if self.config.training else ", inference")
        return _table(title, "memory", shown)._replace(notes=self._notes())

    def _kept_table(self) -> Table:
        rows = dict.fromkeys(ACTIVATIONS, 0)
        for one in self.operations:
            rows[one.part] += one.term.amount
        shown = {part: size for part, size in rows.items() if size}
        title = "Activations, kept for backward at the end of forward"
        notes = (GONE_BY_THEN,) if self.activations != self.kept else ()
        return _table(title, "sublayer", shown)._replace(notes=notes)

    def to_dict(self) -> dict[str, Any]:
        """Return bytes as integers: parts, their total, when it is, and each kept tensor."""
        parts = super().to_dict()
        return {
            "config": parts["config"],
            **{name: part.total for name, part in self.coarse.items()},
            "total": self.total,
            "kept": self.kept,
            "moment": self.moment.name,
            "moments": {each.name: each.total for each in self._moments},
            "per_block": parts["per_block"],
            "sublayers": parts["sublayers"],
            "operations": KeptTensors(self.config, self.operations).to_rows(),
            "estimates": [each.to_dict() for each in estimated(self.config, MEMORY)],
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a row for each part that there is: bytes, and their share of the total."""
        return [
            {"part": name, "bytes": part.total, "share": part.share}
            for name, part in self.sublayers.items()
            if part.total
        ]

    def csv(self) -> str:
        """Write a row for each part that there is."""
        return rows_as_csv(self.to_rows())

    def _notes(self) -> tuple[str, ...]:
        total = f"In all {format_bytes(self.total)}, {format_binary_bytes(self.total)}."
        if not self.config.training:
            weights = self["weights"].total
            copies = (IN_16_BITS_TOO,) if self.config.is_mixed else ()
            alone = f"Weights alone: {format_bytes(weights)}, {format_binary_bytes(weights)}."
            family = self.config.of_family
            windows = (OF_ALL_TOKENS.format(family.words),) if self.config.window else ()
            return (f"{total} {alone}", TEMPORARY, *copies, *windows)
        phases = {"forward": "forward", "backward": "backward", "step": "the optimizer's step"}
        most = {
            phase: format_bytes(max(each.total for each in self._moments if each.phase == phase))
            for phase in phases
        }
        said = ", ".join(f"{phases[phase]} {size}" for phase, size in most.items())
        sums = f"{total} The peak is at {self.moment.name}. The most of each phase: {said}."
        return (sums, *self._unproved())

    def _unproved(self) -> tuple[str, ...]:
        """Say what no run has been held against."""
        family = self.config.of_family
        if family.name == GPT2.name:
            return ()
        run = self.config
        plain = (run.attention, run.checkpointing, run.dropout) == ("eager", "none", False)
        is_tested = family.name in KEPT_IS_PROVED and plain and not run.is_mixed
        proved = "what is kept for backward is held against PyTorch by tests, the peak is not"
        unproved = "activations and peak follow from the list of operations, unproved by tests"
        return (f"Of {family.words}, {proved if is_tested else unproved}.",)

    @cached_property
    def _moments(self) -> tuple[Moment, ...]:
        return tuple(moments_of(with_changes(self.config, moment=None)))


def _table(title: str, heading: str, rows: dict[str, int]) -> Table:
    total = sum(rows.values())
    return Table(
        title=title,
        columns=(
            *(Column(heading), Column("bytes", "count"), Column("", "mixed")),
            *(Column("share", "share"), Column("", "bar")),
        ),
        rows=tuple(
            (name, each, format_bytes(each), each / total, each / total)
            for name, each in rows.items()
        ),
        footer=("total", total, format_bytes(total), 1.0, None),
    )


def memory(config: Model | None = None, run: Run | None = None) -> Memory:
    """Count the bytes that training a model holds at its peak, or inference.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: batch, sequence, precision, optimizer and so on; a step of training over one whole
            context if left out, inference with ``training=False``.

    Returns:
        Bytes as Python integers; shares as fractions of the total.

    Raises:
        UserError: the sequence is longer than the model's positions, the number of heads is
            unknown, or two fields make no sense together.

    """
    case = memory_case(case_of(as_config(config), run))
    return Memory(case, MEMORY.shares(MEMORY.terms(case)))
