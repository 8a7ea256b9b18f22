"""A model's memory at one glance: weights, serving, fine-tuning, and the cards they take."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, log10

from gpt2calc.metrics.devices import Device, device, devices
from gpt2calc.metrics.memory.fitting import MARGIN, is_near_limit, margin_of
from gpt2calc.metrics.memory.result import memory
from gpt2calc.metrics.packed import BITS, PACKED, is_packed, packed_bytes
from gpt2calc.metrics.serving import as_engines_run, serve
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.tensors import tensors
from gpt2calc.quantity.case import USUAL_SEQ
from gpt2calc.quantity.models import Model, as_model
from gpt2calc.quantity.run import Run
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.units import format_bytes

MANY = 32
"""Users in the row about several users."""
SEQUENCES, LENGTH = 8, 2_048
"""Sequences of the fine-tuning step, and tokens of each, or the context where that is less."""
CARDS = ("rtx-3060-12gb", "t4", "rtx-4090", "rtx-5090", "a100-40gb", "l40s", "h100-sxm", "h200")
"""A common card of each memory size, from the smallest to the largest."""
SEVERAL = "h100-sxm"
"""Cards of this kind are counted where no single one is large enough."""
HOW = (
    "Serving, in {dtype}, is weights, full caches and one prompt being read ('gpt2calc serve'); "
    "fine-tuning is a step of AdamW in mixed precision, of all weights ('gpt2calc memory "
    "--training')."
)
ROUNDED = "Two digits are shown: --exact has all, and so has --format json."
OF_CARDS = (
    f"The card is the smallest of {len(CARDS)} common ones (12 to 141 GB) that leaves {{}} free. "
    "Where none is large enough: how many H100s at least, if the bytes are divided evenly."
)


@dataclass(frozen=True)
class Need:
    """A use of a model, and the bytes that it takes."""

    what: str
    size: int
    """Bytes."""


@dataclass(frozen=True, repr=False)
class Glance(Listing):
    """What a model takes in memory, from its weights alone to training all of it."""

    config: ModelConfig
    needs: tuple[Need, ...]
    device: Device | None
    """The device that each use is compared with; None to name the smallest card for each."""
    margin: int
    """Bytes of a device that are not counted on."""
    is_exact: bool

    def items(self) -> tuple[Need, ...]:
        """Return the uses."""
        return self.needs

    def fields(self) -> tuple[RowField, ...]:
        """Return the columns: use, bytes, and the smallest card, or whether it fits."""
        return (
            RowField("what", lambda need: need.what, ""),
            RowField("bytes", lambda need: need.size, "memory", "mixed", self._size),
            RowField("card", self._card, "smallest card")
            if self.device is None
            else RowField("fits", self._fits, "fits", "text", self._verdict),
        )

    def _size(self, need: Need) -> str | int:
        return need.size if self.is_exact else two_digits(need.size)

    def _fits(self, need: Need) -> bool:
        assert self.device is not None
        return need.size + self.margin <= self.device.memory

    def _verdict(self, need: Need) -> str:
        assert self.device is not None
        verdict = "yes" if self._fits(need) else "no"
        left = self.device.memory - self.margin - need.size
        return f"{verdict}, only just" if is_near_limit(left, self.device) else verdict

    @cached_property
    def _known(self) -> dict[str, Device]:
        return devices().devices

    def _card(self, need: Need) -> str:
        """Return the smallest card that holds the bytes, or how many of ``SEVERAL`` do."""
        known, room = self._known, need.size + self.margin
        for name in CARDS:
            if room <= known[name].memory:
                return f"{known[name].memory / 10**9:g} GB ({name})"
        return f"{-(-need.size // (known[SEVERAL].memory - self.margin)):,} x {SEVERAL}"

    def to_dict(self) -> dict[str, object]:
        """Return a row for each use, with its exact bytes."""
        return {
            "config": self.config.effective(),
            "gpu": self.device.name if self.device else None,
            "needs": self.to_rows(),
        }

    def title(self) -> str:
        on = f", on one {self.device.name}" if self.device else ""
        return f"{self.config.title()}{on}"

    def summary(self) -> str:
        return f"{self.config.title()}: {two_digits(self.needs[0].size)} of weights"

    def notes(self) -> tuple[str, ...]:
        how = HOW.format(dtype=as_engines_run(self.config, Run()).dtype)
        cards = () if self.device else (OF_CARDS.format(format_bytes(self.margin)),)
        rounded = () if self.is_exact else (ROUNDED,)
        return (how, PACKED, *cards, *rounded)


def two_digits(size: int) -> str:
    """Say a number of bytes in GB, or less, with two significant digits."""
    step = 10 ** max(ceil(log10(size + 1)) - 2, 0)
    words = format_bytes(round(Fraction(size, step)) * step)
    number, _, unit = words.partition(" ")
    return f"{float(number.replace(',', '')):,.{0 if step >= 10 ** _power(unit) else 1}f} {unit}"


def _power(unit: str) -> int:
    return {"B": 0, "kB": 3, "MB": 6, "GB": 9, "TB": 12, "PB": 15}[unit]


def glance(
    config: Model | None = None,
    *,
    gpu: str | Device | None = None,
    margin: int | str = MARGIN,
    exact: bool = False,
) -> Glance:
    """Say what a model takes in memory: its weights, serving it, and fine-tuning all of it.

    Args:
        config: the model, a config or its name; GPT-2 small if left out. The run of a case is
            not read.
        gpu: a device, to say of each use whether it fits; None to name the smallest common card
            that each would fit on.
        margin: bytes of a device that are not counted on.
        exact: whether tables have exact bytes, and not two digits.

    Raises:
        UserError: the device is unknown, or nothing says how many heads the model has.

    """
    model = as_model(config)
    chosen = None if gpu is None else device(gpu)
    kept_free = margin_of(chosen or device(SEVERAL), margin)
    return Glance(model, tuple(_needs(model)), chosen, kept_free, exact)


def _needs(model: ModelConfig) -> Iterator[Need]:
    matrices = sum(tensor.amount for tensor in tensors(model) if is_packed(tensor))
    rest = sum(tensor.amount for tensor in tensors(model)) - matrices
    for bits in (16, *BITS):
        yield Need(f"weights in {bits} bits", packed_bytes(matrices, rest, bits))
    tokens = min(model.n_ctx, USUAL_SEQ)
    for users in (1, MANY) if model.architecture.decoder.has_cache else (1,):
        served = serve(model, users=users)
        said = "1 user" if users == 1 else f"{users} users"
        yield Need(f"serving {said} of {tokens:,} tokens", served.total)
    length = min(model.n_ctx, LENGTH)
    has_it = model.architecture.decoder.has_checkpointing
    run = Run(
        batch=SEQUENCES, seq=length, training=True, checkpointing="block" if has_it else "none"
    )
    said = ", checkpointed" if has_it else ""
    yield Need(f"fine-tuning on {SEQUENCES} x {length:,} tokens{said}", memory(model, run).total)
