"""Activation checkpointing: what a block saves is dropped, and recomputed in backward."""

from collections.abc import Callable
from itertools import count
from typing import TypeVar
from weakref import ref

from gpt2calc.tape.autograd import Saved, mark_as_saved
from gpt2calc.tape.recorder import current
from gpt2calc.tape.tensor import Tensor

Result = TypeVar("Result")


class _RecomputedEnoughError(Exception):
    """Everything that was saved is there again; the rest of the block need not run."""


class _Packed:
    """The slots of one operation's saved tensors; lives as long as the operation's node."""

    __slots__ = ("__weakref__", "first", "frame", "number")

    def __init__(self, frame: "_Frame", first: int, number: int) -> None:
        self.frame, self.first, self.number = frame, first, number

    def unpack(self) -> Saved:
        """Return the tensors, recomputed with all others of the block if they are not there."""
        recomputed = self.frame.recomputed
        if not recomputed:
            self.frame.recompute()
        return [recomputed.pop(self.first + place) for place in range(self.number)]


class _Frame:
    """One checkpointed call: a slot for each tensor that its operations saved.

    Non-reentrant: all saved tensors are recomputed together, when the first is unpacked. Source:
    PyTorch, ``torch/utils/checkpoint.py``, ``_CheckpointFrame``.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call
        self.module = current().module
        self.in_autocast = current().autocast_cache is not None
        self.slots: list[ref[_Packed]] = []
        self.recomputed: dict[int, Tensor] = {}

    def pack(self, saved: Saved) -> tuple[Saved, Callable[[], Saved]]:
        """Keep only the slots of saved tensors, not the tensors."""
        packed = _Packed(self, len(self.slots), len(saved))
        self.slots.extend([ref(packed)] * len(saved))
        return [], packed.unpack

    def recompute(self) -> None:
        """Run the block again, up to the last tensor that was saved."""
        places = count()
        goal = len(self.slots)

        def pack(saved: Saved) -> tuple[Saved, None]:
            for tensor in saved:
                place = next(places)
                if self.slots[place]() is not None:  # nobody asks for what a dead node saved
                    self.recomputed[place] = tensor
                if place + 1 == goal:
                    raise _RecomputedEnoughError
            return saved, None

        tape = current()
        before = tape.saved_tensors_hook, tape.grad_enabled, tape.phase, tape.module
        casts, tape.autocast_cache = tape.autocast_cache, {} if self.in_autocast else None
        tape.saved_tensors_hook, tape.grad_enabled = pack, True
        tape.phase, tape.module = "recomputed", self.module
        try:
            self.call()
        except _RecomputedEnoughError:
            pass
        finally:
            tape.saved_tensors_hook, tape.grad_enabled, tape.phase, tape.module = before
            tape.autocast_cache = casts


def checkpoint(function: Callable[[Tensor], Result], x: Tensor) -> Result:
    """Run ``function(x)``; what it saves is recomputed in backward, as ``use_reentrant=False``."""
    tape = current()
    if not tape.grad_enabled:
        return function(x)
    mark_as_saved([x])
    frame = _Frame(lambda: function(x))
    before, tape.saved_tensors_hook = tape.saved_tensors_hook, frame.pack
    try:
        return function(x)
    finally:
        tape.saved_tensors_hook = before
