"""The bytes of each part at every event of a run: what the picture of its timeline shows."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gpt2calc.metrics.memory.events import whole_run
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.naming import of_serving, of_training
from gpt2calc.metrics.memory.quantity import MEMORY
from gpt2calc.metrics.memory.runs import Followed
from gpt2calc.quantity.case import Case
from gpt2calc.tape.recorder import Lifetime

Bytes: TypeAlias = NDArray[np.int64]

ORDER = (
    "weights", "optimizer", "inputs", "gradients", "gathered", "cache", "activations",
    "logits", "temporary",
)  # fmt: skip
"""Parts from the bottom to the top: what stays is beneath what comes and goes."""
GROUP_OF = {part: group for group, parts in MEMORY.display.groups.items() for part in parts}


class Stacked(NamedTuple):
    """Bytes of each part at every event, or at some of them."""

    parts: Mapping[str, Bytes]
    """In the order of :data:`ORDER`; those that there are."""
    begins: Mapping[str, int]
    """The place of the first event of each part of the run: forward, backward, step; prefill ..."""
    stands_for: Bytes
    """How many events each of them stands for: one, or a few of which it is the highest."""

    @property
    def total(self) -> Bytes:
        """All bytes at each event."""
        return _sum(self.parts)

    def thinned(self, most: int) -> "Stacked":
        """Return some events of many, the highest of each few, so that no peak is lost."""
        total, begins = self.total, {}
        picked: list[int] = []
        stands_for: list[int] = []
        edges = pairwise([*self.begins.values(), len(total)])
        for phase, (start, end) in zip(self.begins, edges, strict=True):
            begins[phase] = len(picked)
            bins = min(end - start, max(most * (end - start) // len(total), 2))
            few = np.array_split(np.arange(start, end), max(bins, 1))
            picked += [int(each[total[each].argmax()]) for each in few]
            stands_for += [int(self.stands_for[each].sum()) for each in few]
        parts = {name: part[picked] for name, part in self.parts.items()}
        return Stacked(parts, begins, np.array(stands_for, np.int64))


def stacked(case: Case) -> Stacked:
    """Return the bytes of each part at every event of a run.

    Raises:
        UserError: the run makes no sense, or has too many layers to list their events.

    """
    case = replace(case.settled(), moment=None)
    run, moments = whole_run(case), Moments(case)
    parts = _by_part(run, training=bool(case.training))
    for term in moments.standing():
        parts[GROUP_OF[term.sublayer]] += term.amount
    if case.zero_stage:
        _share_out(moments, run, parts)
    begins = _begins(run)
    shown = {name: parts[name] for name in ORDER if parts[name].any()}
    return Stacked(shown, begins, np.ones(len(run.events), np.int64))


def _begins(run: Followed) -> dict[str, int]:
    """Return the place of the first event of each part of a run that has events."""
    begins = dict(sorted(run.parts.items(), key=lambda each: each[1]))
    edges = pairwise([*begins.values(), len(run.events)])
    has_events = zip(begins, edges, strict=True)
    return {part: start for part, (start, end) in has_events if start < end}


def _by_part(run: Followed, *, training: bool) -> dict[str, Bytes]:
    """Add up the storages that are alive at each event, by what each is for then."""
    kind = of_training if training else of_serving
    changes = {name: np.zeros(len(run.events) + 1, np.int64) for name in ORDER}
    for lifetime in run.lifetimes:
        event = run.events[lifetime.born]
        cuts = _cuts(lifetime, len(run.events))
        for start, end in pairwise(cuts):
            change = changes[GROUP_OF[kind(lifetime, event, start)]]
            change[start] += lifetime.nbytes
            change[end] -= lifetime.nbytes
    return {name: change.cumsum()[:-1] for name, change in changes.items()}


def _cuts(lifetime: Lifetime, events: int) -> list[int]:
    """Return the events at which a storage is made, becomes something else, and is gone."""
    end = min(lifetime.died, events)
    changes = (
        lifetime.saved_from,
        lifetime.gradient_from,
        lifetime.whole_gradient_from,
        lifetime.cache_from,
    )
    return [lifetime.born, *sorted({each for each in changes if lifetime.born < each < end}), end]


def _sum(parts: Mapping[str, Bytes]) -> Bytes:
    return np.asarray(np.sum([*parts.values()], axis=0, dtype=np.int64))


def _share_out(moments: Moments, run: Followed, parts: dict[str, Bytes]) -> None:
    """Replace by ZeRO's rule what GPUs share out by one GPU's part of it."""
    case = moments.case
    by_rule = np.array([moments.bytes_at(each) for each in moments.of_run(run)], np.int64)
    if case.zero_stage > 1:
        parts["gradients"] = -(-parts["gradients"] // case.gpus)
    beside = by_rule - _sum(parts)
    parts["gathered"] += np.maximum(beside, 0)
    parts["temporary"] += np.minimum(beside, 0)
