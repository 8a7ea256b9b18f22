"""Bytes: what training holds at its peak, as PyTorch allocates it, and what serving holds."""

from dataclasses import dataclass
from dataclasses import replace as with_changes
from functools import cached_property

from gpt2calc.metrics.estimates import estimated, estimates_table
from gpt2calc.metrics.memory.cache import cache_bytes
from gpt2calc.metrics.memory.events import Events
from gpt2calc.metrics.memory.exactness import how_exact, of_few_experts
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.naming import PART_WORDS, name_of
from gpt2calc.metrics.memory.quantity import ACTIVATIONS, HELD, MEMORY, STATE, memory_case
from gpt2calc.metrics.memory.state import state_bytes
from gpt2calc.metrics.memory.timeline import Moment
from gpt2calc.quantity.assumptions import assumed
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.quantity import Quantity, Share
from gpt2calc.quantity.run import Run
from gpt2calc.report.listing import RowField, listed
from gpt2calc.report.table import Table
from gpt2calc.units import format_binary_bytes, format_bytes

OF_ONE_GPU = "All of this table is of one GPU that has the whole model."
NO_TOKEN_FOLLOWS = "The prompt fills the context: no token follows."


@dataclass(frozen=True, repr=False)
class Memory(Breakdown):
    """Bytes of one model run in one way, at the peak; ``memory["mlp"]`` is one part of them."""

    quantity: Quantity = MEMORY

    @property
    def moment(self) -> str:
        """When the peak is, in words."""
        return name_of(self._moments.peak(), self.config.names)

    @property
    def activations(self) -> int:
        """Bytes of what is kept for backward and is still there at the peak."""
        return int(self.coarse["activations"].total)

    @property
    def kept(self) -> int:
        """Bytes of what is kept for backward at the end of the forward pass; 0 in serving."""
        return sum(self._kept_by_part.values())

    @property
    def state(self) -> int:
        """Bytes of weights, of the gradients of all of them, and of the optimizer's state."""
        return state_bytes(self.config, self._moments.sharded)

    @property
    def events(self) -> Events:
        """What allocates, in order: operations with their modules and bytes."""
        return Events.of(self.config)

    @property
    def phases(self) -> dict[str, int]:
        """The most bytes of each part of the run, by the part's name.

        In training the parts are ``"forward"``, ``"backward"`` and ``"step"``, the optimizer's. In
        serving they are ``"prefill"``, ``"token 1"`` and ``"token 2"``, the first tokens after it;
        or ``"decoding"`` alone, if ``cached`` says that tokens are in the cache before.
        """
        return {part: size for part, (size, _) in self._all_moments.phases.items()}

    @property
    def held_after_prefill(self) -> int:
        """Bytes of keys, values and counters once a prompt is run and its logits are gone.

        0 in training.
        """
        held = self._all_moments.timeline.base.held
        call = "prefill" if "prefill" in held else "decoding"
        return self._all_moments.timeline.held(call) if call in held else 0

    @property
    def cache(self) -> int:
        """Bytes of keys and values that a run needs to go on: in a windowed layer the last ones.

        0 in training, and where the class has no cache.
        """
        has_cache = self.config.model.architecture.decoder.has_cache
        return cache_bytes(self.config) if has_cache and not self.config.training else 0

    def tables(self) -> tuple[Table, ...]:
        """Return what is held, what of it is kept for backward, and what people estimate."""
        shown = (self.table(), *((self._kept_table(),) if self.config.training else ()))
        estimates = estimated(self.config, MEMORY, HELD)
        if not estimates:
            return shown
        table = estimates_table(estimates)
        if self.config.gpus > 1:
            table = table._replace(notes=(*table.notes, OF_ONE_GPU))
        return (*shown, table)

    def items(self) -> list[tuple[str, Share]]:
        """Return the parts that there are."""
        return [(name, part) for name, part in self.sublayers.items() if part.total]

    def fields(self) -> tuple[RowField, ...]:
        """Return bytes, and their share of the total."""
        return _fields("memory")

    def sums(self) -> dict[str, object]:
        """Return none: CSV has the parts alone."""
        return {}

    def title(self) -> str:
        return f"{self.config.title()}{'' if self.config.training else ', inference'}"

    def table(self) -> Table:
        """Return a row for each thing that memory is made of."""
        always = STATE if self.config.training else ()
        shown = {
            name: part.total for name, part in self.coarse.items() if part.total or name in always
        }
        return _table(self.title(), "memory", shown)._replace(notes=self.notes())

    def _kept_table(self) -> Table:
        shown = {part: size for part, size in self._kept_by_part.items() if size}
        title = "Activations, kept for backward at the end of forward"
        still = f"At the peak {format_bytes(self.activations)} of it are there."
        notes = (still,) if self.activations != self.kept else ()
        return _table(title, "sublayer", shown)._replace(notes=notes)

    def to_dict(self) -> dict[str, object]:
        """Return bytes as integers: parts, their total, when it is, and the most of each phase."""
        parts = super().to_dict()
        moments: dict[str, int] = {}
        for each in self._all_moments.named():
            name = name_of(each, self.config.names)
            moments[name] = max(moments.get(name, 0), self._all_moments.bytes_at(each))
        return {
            "config": parts["config"],
            **{name: part.total for name, part in self.coarse.items()},
            "total": self.total,
            **self._between(),
            "moment": self.moment,
            "phases": self.phases,
            "peaks": {
                part: {"bytes": size, "moment": moment}
                for part, (size, moment) in self._peaks().items()
            },
            "moments": moments,
            "per_block": parts["per_block"],
            "sublayers": parts["sublayers"],
            "kept_by": self._kept_by_part,
            "estimates": [each.to_dict() for each in estimated(self.config, MEMORY, HELD)],
        }

    def _peaks(self) -> dict[str, tuple[int, str]]:
        """Return the most bytes of each part of the run, with the moment."""
        names = self.config.names

        def called(part: str, moment: Moment) -> str:
            begins = moment.place.part != part  # nothing that the part allocates is as large
            return f"the start of {PART_WORDS[part]}" if begins else name_of(moment, names)

        return {
            part: (size, called(part, moment))
            for part, (size, moment) in self._all_moments.phases.items()
        }

    def _between(self) -> dict[str, object]:
        """Return what is held between the parts of a run, and what a run in the middle needs."""
        if self.config.training:
            return {"kept": self.kept, "state": self.state}
        return {"held_after_prefill": self.held_after_prefill, "cache_needed": self.cache}

    def notes(self) -> tuple[str, ...]:
        total = f"In all {format_bytes(self.total)}, {format_binary_bytes(self.total)}."
        assumptions = assumed(self.config, "memory")
        if self.config.training:
            said = ", ".join(
                f"{PART_WORDS[part]} {format_bytes(n)}" for part, n in self.phases.items()
            )
            sums = f"{total} The peak is at {self.moment}. The most of each phase: {said}."
            held = f"{sums} {self._state_said()}"
            uneven = of_few_experts(self.config)
            return (held, *uneven, *assumptions, how_exact(self.config))
        said = "; ".join(
            f"{format_bytes(size)} at {moment}" for size, moment in self._peaks().values()
        )
        sums = f"{total} The most of each phase: {said}."
        has_cache = self.config.model.architecture.decoder.has_cache
        words, weights = self.config.of_family.words, self["weights"].total
        alone = f"Weights alone: {format_bytes(weights)}, {format_binary_bytes(weights)}."
        after, cache = format_bytes(self.held_after_prefill), format_bytes(self.cache)
        has_prefill = "prefill" in self.phases
        beside = f"; held after prefill: {after}." if has_prefill and after != cache else "."
        held = f"{self._cache_of()}: {cache}"
        last = f" {NO_TOKEN_FOLLOWS}" if set(self.phases) == {"prefill"} and has_cache else ""
        cached = (held + beside + last,) if has_cache else (f"{words}'s class has no cache.",)
        return (f"{sums} {alone}", *cached, *assumptions, how_exact(self.config))

    def _cache_of(self) -> str:
        """Say when the cache is counted, as the table above has the peak, and of which tokens."""
        what = "prompt" if self.config.run.cached is None else "run"
        windowed = ", in windowed layers of the last tokens only"
        window = self.config.model.window
        has_window = window is not None and window <= self.config.kv_len
        return f"KV cache at the end of the {what}{windowed if has_window else ''}"

    def _state_said(self) -> str:
        size = f"{format_bytes(self.state)}, {format_binary_bytes(self.state)}"
        return f"State (weights, all gradients, optimizer): {size}."

    @cached_property
    def _moments(self) -> Moments:
        """Those of the case, whose peak is at the moment that is asked about."""
        return Moments(self.config)

    @cached_property
    def _all_moments(self) -> Moments:
        """Those of the whole run, whatever moment is asked about."""
        return Moments(with_changes(self.config, moment=None))

    @cached_property
    def _kept_by_part(self) -> dict[str, int]:
        if not self.config.training:
            return {}
        rows = dict.fromkeys(ACTIVATIONS, 0)
        for term in self._moments.saved():
            if term.sublayer in rows:
                rows[term.sublayer] += term.amount
        return rows


def _fields(heading: str) -> tuple[RowField, ...]:
    """Return the columns of parts that hold bytes, each with its name."""
    return (
        RowField("part", lambda pair: pair[0], heading),
        RowField("bytes", lambda pair: pair[1].total, "bytes", "count"),
        RowField(None, lambda pair: format_bytes(pair[1].total), "", "mixed"),
        RowField("share", lambda pair: pair[1].share, "share", "share"),
        RowField(None, lambda pair: pair[1].share, "", "bar"),
    )


def _table(title: str, heading: str, sizes: dict[str, int]) -> Table:
    total = sum(sizes.values())
    parts = [(name, Share(size, size, size / total)) for name, size in sizes.items()]
    footer = ("total", total, format_bytes(total), 1.0, None)
    return listed(_fields(heading), parts, title)._replace(footer=footer)


def memory(config: Model | None = None, run: Run | None = None) -> Memory:
    """Count the bytes that training a model holds at its peak, or inference.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: batch, sequence, dtype, optimizer and so on; a step of training over one whole
            context if left out, inference with ``training=False``.

    Returns:
        Bytes as Python integers; shares as fractions of the total.

    Raises:
        UserError: the sequence is longer than the model's positions, the number of heads is
            unknown, or two fields make no sense together.

    """
    case = memory_case(case_of(as_config(config), run))
    return Memory(case, MEMORY.shares(MEMORY.terms(case)))
