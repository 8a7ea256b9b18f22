"""The moments of a run of any depth, from runs of a few layers.

Layers that are alike allocate alike: what is there at an operation of the first layers, or of the
last ones, changes by the same bytes with each layer more, and between them it changes evenly. So
the most is there at one of them, and two short runs tell the bytes of a model of any depth. Where
several kinds of layers take turns, this holds for as many layers more as a turn has.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple, TypeAlias

from gpt2calc.metrics.memory.runs import Followed
from gpt2calc.tape.recorder import Event, Lifetime
from gpt2calc.tape.symbolic import Coefficient, Monomial, SymInt, terms_of

LOSS = "nll_loss_forward"
"""The operation whose outcome is the loss."""


class Place(NamedTuple):
    """Where an event stands in a run of any depth."""

    part: str
    """Of the run: forward, backward, step; prefill, token 1, token 2."""
    phase: str
    block: tuple[str, int] | None
    """Which block it is in, counted from the first or from the last; None outside of all."""
    number: int
    """How many events of the same part, phase and block come before it."""


class Moment(NamedTuple):
    """An event of a run of any depth: what allocates, and all that is on the tape by then."""

    place: Place
    event: Event
    live: int
    """Bytes on the tape."""
    gradients: int
    """Bytes of them that are gradients."""
    born: int
    """Bytes that the event allocates."""


class Allocation(NamedTuple):
    """Storages that are alike: what they are for, which operation made them, and their shape."""

    part: str
    """Of what memory is made of: gradients, temporary, cache, logits, or what saves it."""
    role: str
    """The module that saves it, or made it."""
    op: str
    dtype: str
    shape: tuple[int, ...]
    formulas: tuple[frozenset[tuple[Monomial, Coefficient]], ...]
    """Of those sizes that have one: two may be the same number, and not the same formula."""


Kind: TypeAlias = Callable[[Lifetime, Event, int], str]
"""Says what a storage is for: of its lifetime, the event that made it, and a moment's number."""


@dataclass(frozen=True)
class Timeline:
    """A run of ``depth`` layers, told by one of few layers and one of some more."""

    depth: int
    base: Followed
    longer: Followed | None = None
    """None where ``base`` has all layers, and ``depth`` is a number."""
    period: int = 1
    """Layers that ``longer`` has more, after which their kinds repeat."""

    @cached_property
    def moments(self) -> list[Moment]:
        """Every moment that may be the one of the most bytes, in order."""
        events = {place: self.base.events[at] for place, at in self._places.items()}
        if self.longer is None:
            return [
                Moment(place, event, event.live, event.gradients, event.born)
                for place, event in events.items()
            ]
        longer = {place: self.longer.events[at] for place, at in self._places_in_longer.items()}
        at_depth, found = self._at_depth, []
        for place, event in events.items():
            other = longer.get(place)
            if other is not None:
                live = at_depth(event.live, other.live)
                gradients = at_depth(event.gradients, other.gradients)
                found.append(
                    Moment(place, event, live, gradients, at_depth(event.born, other.born))
                )
        return found

    def held(self, part: str) -> int:
        """Return the bytes on the tape at the end of a part of the run."""
        here = self.base.held[part]
        return here if self.longer is None else self._at_depth(here, self.longer.held[part])

    @property
    def sharded(self) -> int:
        """Numbers of one GPU's shards, where parameters are shared out."""
        here = self.base.sharded
        return here if self.longer is None else self._at_depth(here, self.longer.sharded)

    def stored_at(self, place: Place, kind: Kind) -> dict[Allocation, int]:
        """Return the storages that are alive at a moment, and how many there are of each."""
        here = _alive(self.base, self._places[place], kind)
        if self.longer is None:
            return dict(here)
        return self._extended(here, _alive(self.longer, self._places_in_longer[place], kind))

    def saved(self, kind: Kind) -> dict[Allocation, int]:
        """Return the storages that are there for backward when forward ends: all but the loss."""
        here = _saved(self.base, kind)
        return (
            dict(here) if self.longer is None else self._extended(here, _saved(self.longer, kind))
        )

    @cached_property
    def _places(self) -> dict[Place, int]:
        return _placed(self.base)

    @cached_property
    def _places_in_longer(self) -> dict[Place, int]:
        return {} if self.longer is None else _placed(self.longer)

    def _at_depth(self, here: int, there: int) -> int:
        """Return a number at the depth, from that of the base and that of the longer run."""
        return here + self._further_turns * (there - here)

    @cached_property
    def _further_turns(self) -> int:
        """How many times the layers that the longer run has more are to be added to the base."""
        return (self.depth - self.base.depth) // self.period

    def _extended(
        self, here: Counter[Allocation], there: Counter[Allocation]
    ) -> dict[Allocation, int]:
        keys = dict.fromkeys((*here, *there))
        return {key: self._at_depth(here[key], there[key]) for key in keys}


def _placed(run: Followed) -> dict[Place, int]:
    """Return the number of each event by its place."""
    begins = sorted((first, part) for part, first in run.parts.items())
    numbers: Counter[tuple[str, str, tuple[str, int] | None]] = Counter()
    placed, part, at = {}, "", 0
    for index, event in enumerate(run.events):
        while at < len(begins) and begins[at][0] <= index:
            part, at = begins[at][1], at + 1
        block = _block(event.module[0], run.depth) if event.module else None
        key = (part, event.phase, block)
        placed[Place(part, event.phase, block, numbers[key])] = index
        numbers[key] += 1
    return placed


@cache
def _block(module: str, depth: int) -> tuple[str, int] | None:
    """Return which block a module is in, counted from the first or the last; None outside."""
    if not module.startswith("block."):
        return None
    number = int(module.removeprefix("block."))
    return ("first", number) if number < depth - number else ("last", depth - 1 - number)


def role_of(module: tuple[str, ...]) -> str:
    """Return the innermost module that has a role of its own; empty for a block's own lines."""
    return next((each for each in reversed(module) if not each.startswith("block.")), "")


def _alive(run: Followed, index: int, kind: Kind) -> Counter[Allocation]:
    there = [each for each in run.lifetimes if each.born <= index < each.died]
    return _counted(run, there, index, kind)


def _saved(run: Followed, kind: Kind) -> Counter[Allocation]:
    end = run.parts["backward"]
    alive = [each for each in run.lifetimes if each.born < end < each.died]
    there = [each for each in alive if each.saved_from <= end or run.events[each.born].op != LOSS]
    return _counted(run, there, end, kind)


def _counted(run: Followed, there: list[Lifetime], index: int, kind: Kind) -> Counter[Allocation]:
    found: Counter[Allocation] = Counter()
    for each in there:
        event = run.events[each.born]
        module = each.module if each.saved_from <= index else event.module
        role = role_of(module) or ("block" if module else "model")
        formulas = tuple(
            frozenset(terms_of(size).items()) for size in each.shape if isinstance(size, SymInt)
        )
        part = kind(each, event, index)
        found[Allocation(part, role, event.op, each.dtype, each.shape, formulas)] += 1
    return found
