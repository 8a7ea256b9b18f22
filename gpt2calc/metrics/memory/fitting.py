"""Does it fit: a case against a device's memory, and the largest batch and sequence that do."""

from dataclasses import dataclass

import numpy as np

from gpt2calc.errors import UserError
from gpt2calc.metrics.devices import Device, device
from gpt2calc.metrics.memory.points import Regions
from gpt2calc.metrics.memory.quantity import MEMORY, PARTS, memory_case
from gpt2calc.metrics.memory.result import Memory, memory
from gpt2calc.quantity.bisection import largest_that
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.run import Run
from gpt2calc.report.result import Result
from gpt2calc.report.table import Column, Row, Table
from gpt2calc.units import format_bytes, parse_bytes

MARGIN = 10**9
"""Bytes of a device that are not counted on: the driver's context, workspaces of kernels, and what
the allocator cannot use. About what a process of PyTorch holds beyond its tensors."""

ENDLESS = 2**30
"""The longest context that is searched for in models without one, in tokens."""
CLOSE = 0.05
"""The part of a device's memory within which a verdict is not sure."""
NEAR = (
    "That is within 5 % of the limit: drivers report some percent more or less than a data sheet, "
    "so try it before you count on it."
)
SAVING = {"dtype": "bfloat16", "optimizer": "adamw-8bit", "checkpointing": "block"}
"""What takes less memory in training, by field."""
BESIDES = (
    "Margin: the driver's context, workspaces and fragmentation, which no formula has (--margin). "
    "GB are 10^9 bytes, GiB 2^30; a device has what its data sheet says, and drivers report some "
    "percent more or less."
)


@dataclass(frozen=True, repr=False)
class Fit(Result):
    """Whether what a case holds fits on a device, and the most that would."""

    memory: Memory
    device: Device
    margin: int
    """Bytes of the device that are not counted on."""
    largest_batch: int
    """Sequences of this length that fit at once; 0 if not even one does."""
    longest_seq: int
    """Tokens of the longest sequence that fits at this batch; 0 if none does.

    At most what the cache leaves of the model's context, or the length of the case where that is
    longer and the class has no last position.
    """

    @property
    def left(self) -> int:
        """Bytes that are left; negative where it does not fit."""
        return self.device.memory - self.margin - self.memory.total

    @property
    def fits(self) -> bool:
        """Whether it fits."""
        return self.left >= 0

    def to_dict(self) -> dict[str, object]:
        """Return what ``Memory.to_dict`` has, and under ``fit`` the device, in bytes."""
        return {**self.memory.to_dict(), "fit": self._fit()}

    def to_rows(self) -> list[dict[str, object]]:
        """Return one flat row."""
        return [{"total": self.memory.total, **self._fit()}]

    def _fit(self) -> dict[str, object]:
        return {
            "gpu": self.device.name,
            "memory": self.device.memory,
            "margin": self.margin,
            "left": self.left,
            "fits": self.fits,
            "largest_batch": self.largest_batch,
            "longest_seq": self.longest_seq,
        }

    def tables(self) -> tuple[Table, ...]:
        """Return whether it fits, and beneath it what is held."""
        return (self.table(), self.memory.table())

    def summary(self) -> str:
        verdict = self._verdict().removesuffix(",")
        return f"{format_bytes(self.memory.total)} on {self.device.name}: {verdict}"

    def table(self) -> Table:
        """Return the device's memory line by line, and what would fit."""
        sizes: tuple[tuple[str, int], ...] = (
            ("the device has", self.device.memory),
            ("held at the peak", self.memory.total),
            ("margin", self.margin),
            ("left" if self.fits else "missing", abs(self.left)),
        )
        case = self.memory.config
        rows: list[Row] = [(name, size, format_bytes(size)) for name, size in sizes]
        is_whole = self.longest_seq >= case.n_ctx - case.past_len and not case.model.is_endless
        longest = "all positions" if is_whole else ""
        rows += [
            (f"largest batch of {case.q_len:,} tokens", self.largest_batch, ""),
            (f"longest sequence at batch {case.batch:,}", self.longest_seq, longest),
        ]
        return Table(
            title=f"{self._verdict()} on {self._where()}",
            columns=(Column(""), Column("bytes", "count"), Column("")),
            rows=tuple(rows),
            notes=(*((NEAR,) if self.is_close else ()), *self._least(), BESIDES),
        )

    def _least(self) -> tuple[str, ...]:
        """Say what the smallest batch takes, where not even that fits."""
        if self.largest_batch:
            return ()
        case = self.memory.config
        least = MEMORY.total(case.evaluate_at(batch=1))
        said = f"One sequence of {case.q_len:,} tokens takes {format_bytes(least)} at the least."
        return (said, _savings(case)) if case.training else (said,)

    @property
    def is_close(self) -> bool:
        """Whether it is too near the device's memory to be sure whether it fits."""
        return is_near_limit(self.left, self.device)

    def _where(self) -> str:
        gpus = self.memory.config.gpus
        return f"each of {gpus:,} x {self.device.name}" if gpus > 1 else f"one {self.device.name}"

    def _verdict(self) -> str:
        verdict = "It fits" if self.fits else "It does not fit"
        return f"{verdict}, if only just," if self.is_close else verdict


def fit(
    config: Model | None = None,
    run: Run | None = None,
    *,
    gpu: str | Device = "a100-80gb",
    margin: int | str = MARGIN,
) -> Fit:
    """Say whether a case fits into a device's memory, and what the most is that would.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: batch, sequence, dtype and so on, as for :func:`memory`.
        gpu: a device of :func:`gpt2calc.metrics.devices.devices`, or a file of one.
        margin: bytes of the device that are not counted on: an integer, or text such as "2GB".

    Raises:
        UserError: the device is unknown, or the margin is no number of bytes.

    """
    case = memory_case(case_of(as_config(config), run))
    chosen = device(gpu)
    kept_free = margin_of(chosen, margin)
    held = memory(case)
    room = chosen.memory - kept_free
    batch = _most(case, "batch", room)
    seq = min(_most(case, "seq", room), longest_of(case))
    return Fit(held, chosen, kept_free, batch, seq)


def _savings(case: Case) -> str:
    """Say what takes less memory than a run of training, of what it does not do yet."""
    flags = [f"--{name} {value}" for name, value in SAVING.items() if case.value(name) != value]
    if case.gpus == 1:
        flags.append("--gpus with --shard fsdp")
    less = f"What takes less: {', '.join(flags)}, or a shorter --seq. " if flags else ""
    return f"{less}'gpt2calc guide saving' compares what saves memory. LoRA is not counted."


def longest_of(case: Case) -> int:
    """Return the tokens of the longest sequence that is looked for: the context, or the case's."""
    if case.model.is_endless:
        return ENDLESS
    within = case.n_ctx - case.past_len
    return int(within if case.model.has_last_position else max(within, case.q_len))


def is_near_limit(left: int, chosen: Device) -> bool:
    """Tell whether what is left, or missing, is too little of a device's memory to be sure of."""
    return abs(left) <= CLOSE * chosen.memory


def margin_of(chosen: Device | None, margin: float | str) -> int:
    """Read the bytes of a device that are not counted on. Raises ``UserError`` for all of them."""
    kept_free = parse_bytes(margin)
    if chosen is not None and kept_free >= chosen.memory:
        raise UserError(
            f"margin is {format_bytes(kept_free)}, and {chosen.name} has "
            f"{format_bytes(chosen.memory)}: give less"
        )
    return kept_free


def _most(case: Case, field: str, room: int) -> int:
    """Return the largest value of a field that fits, 0 if none does."""
    regions = Regions(case, PARTS)

    def fits(value: int) -> bool:
        parts = regions.at({field: np.array([value])})
        return sum(int(amount[0]) for amount in parts.values()) <= room

    return largest_that(fits)
