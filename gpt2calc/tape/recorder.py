"""The record of a run: the bytes alive, and an event for each operation that allocates."""

from math import prod
from types import TracebackType
from typing import Literal, NamedTuple, Self

from gpt2calc.dtypes import ITEMSIZE

Phase = Literal["forward", "backward", "recomputed", "step"]


class Matmul(NamedTuple):
    """``batch`` products of an m x k with a k x n matrix."""

    batch: int
    m: int
    k: int
    n: int
    gradient_of: Literal["", "left", "right"] = ""
    """In backward, the factor whose gradient it is."""

    @property
    def flops(self) -> int:
        """FLOPs, a multiply and an add being two. Source: ``torch/utils/flop_counter.py``."""
        return 2 * self.batch * self.m * self.k * self.n


class Event(NamedTuple):
    """One operation that allocated memory."""

    op: str
    """What PyTorch calls it: ``"addmm"``."""
    module: tuple[str, ...]
    """The modules it ran in, from the outermost to the innermost."""
    phase: Phase
    born: int
    """Bytes it allocated."""
    died: int
    """Bytes that were freed since the event before it."""
    live: int
    """Bytes that are alive once it has allocated."""
    gradients: int = 0
    """Bytes of ``live`` that are gradients of parameters, where storages are followed."""
    matmuls: tuple[Matmul, ...] = ()

    @property
    def flops(self) -> int:
        """FLOPs of its matrix products."""
        return sum(matmul.flops for matmul in self.matmuls)


class Lifetime:
    """From which event to which a storage was alive, and what it held.

    It is alive at an event ``at`` if ``born <= at < died``.
    """

    __slots__ = (
        "born", "cache_from", "died", "dtype", "gradient_from",
        "module", "saved_from", "shape", "whole_gradient_from",
    )  # fmt: skip

    @property
    def nbytes(self) -> int:
        """Its bytes."""
        return prod(self.shape) * ITEMSIZE[self.dtype]

    def __init__(self, shape: tuple[int, ...], dtype: str, born: int) -> None:
        self.shape = shape
        self.dtype = dtype
        self.born = born
        self.died = NEVER
        self.saved_from = NEVER
        """The event from which on it is saved for backward."""
        self.module: tuple[str, ...] = ()
        """The modules of the operation that saves it first."""
        self.gradient_from = NEVER
        """The event from which on it is a parameter's gradient."""
        self.whole_gradient_from = NEVER
        """The event from which on it is the whole gradient of a parameter that FSDP shards."""
        self.cache_from = NEVER
        """The event from which on it is keys or values of a cache."""


NEVER = 1 << 60
"""The number of an event that never comes: larger than any other."""


class Tape:
    """Records a run: ``with Tape() as tape:`` makes it the one that operations write to.

    Args:
        follows: whether the lifetime of each storage is recorded as well.

    """

    def __init__(self, *, follows: bool = False) -> None:
        self.lifetimes: list[Lifetime] | None = [] if follows else None
        """Of all storages, in the order of their births; None if they are not followed."""
        self.live = 0
        """Bytes that are alive now."""
        self.peak = 0
        """The most bytes that were alive at once."""
        self.peak_event = -1
        """The number of the event at which the peak was reached; -1 before the first event."""
        self.events: list[Event] = []
        self.gradients = 0
        """Bytes of parameters' gradients that are alive now, where storages are followed."""
        self.grad_enabled = True
        """Whether operations on tensors that require a gradient are recorded for backward."""
        self.phase: Phase = "forward"
        self.module: tuple[str, ...] = ()
        """The modules that the current operation runs in."""
        self.saved_tensors_hook: object = None
        """Packs what is saved for backward, a ``SavedTensorsHook``; None outside of checkpoints."""
        self.autocast_cache: dict[int, object] | None = None
        """Casts of parameters to 16 bits, by the parameter's id; None outside of autocast."""
        self._sequence = 0
        self._died = 0
        self._outer: Tape | None = None

    def allocate(self, nbytes: int) -> None:
        """Count bytes that are alive from now on, as part of the event to come."""
        self.live += nbytes

    def free(self, nbytes: int) -> None:
        """Count bytes that are gone."""
        self.live -= nbytes
        self._died += nbytes

    def lifetime_of(self, shape: tuple[int, ...], dtype: str) -> Lifetime | None:
        """Begin the lifetime of a storage, if storages are followed."""
        if self.lifetimes is None:
            return None
        lifetime = Lifetime(shape, dtype, len(self.events))
        self.lifetimes.append(lifetime)
        return lifetime

    def record(self, op: str, born: int, matmuls: tuple[Matmul, ...] = ()) -> None:
        """Add the event of an operation whose outputs have been allocated."""
        live = self.live
        self.events.append(
            Event(op, self.module, self.phase, born, self._died, live, self.gradients, matmuls)
        )
        self._died = 0
        if int(live) > int(self.peak):  # int: sizes would note a decision
            self.peak = live
            self.peak_event = len(self.events) - 1

    def next_sequence_number(self) -> int:
        """Return the next number of autograd's nodes, which backward runs from the highest."""
        self._sequence += 1
        return self._sequence

    def __enter__(self) -> Self:
        global _current
        self._outer, _current = _current, self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        global _current
        assert self._outer is not None
        _current, self._outer = self._outer, None


_current = Tape()


def current() -> Tape:
    """Return the tape that operations write to."""
    return _current


class no_grad:  # noqa: N801 (PyTorch's name)
    """Record nothing for backward, as ``torch.no_grad``."""

    def __enter__(self) -> None:
        self._tape = current()
        self._before, self._tape.grad_enabled = self._tape.grad_enabled, False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tape.grad_enabled = self._before


class module:  # noqa: N801 (a context manager, as no_grad)
    """Name the module, inside the current one, that operations run in."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._tape = current()
        self._outer = self._tape.module
        self._tape.module = (*self._outer, self._name)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._tape.module = self._outer
