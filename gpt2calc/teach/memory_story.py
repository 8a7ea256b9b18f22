"""The memory of a run in sentences, from beginning to end: what is held, and the peak."""

from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.naming import START, name_of
from gpt2calc.metrics.memory.quantity import ACTIVATIONS
from gpt2calc.metrics.memory.refusals import FOLLOWED
from gpt2calc.metrics.memory.state import state_bytes
from gpt2calc.model.terms import Term
from gpt2calc.quantity.case import Case
from gpt2calc.report.sublayers import words_of
from gpt2calc.units import format_bytes

MOST = 2
"""How many of the storages that come and go are named at the peak."""


def story_of_memory(case: Case) -> tuple[str, ...]:
    """Return a sentence or more for each part of the run; the last one is on the peak."""
    return _Training(case).points() if case.training else _Serving(case).points()


class _Story:
    """What training and serving share: what is held from the beginning, and a peak."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.moments = Moments(case)
        self.standing = _by_part(self.moments.standing())
        self.peak = self.moments.peak()
        self.at_peak = self.moments.terms(self.peak)

    def begins(self) -> str:
        there = [f"{words_of(name)} {format_bytes(size)}" for name, size in self.standing.items()]
        whole = format_bytes(sum(self.standing.values()))
        shards = " This GPU has a shard of each parameter." if self.case.shard == "fsdp" else ""
        return f"There from beginning to end: {', '.join(there)}; {whole} in all.{shards}"

    def most_of(self, part: str) -> str:
        """Say the most bytes of a part of the run, and when."""
        size, moment = self.moments.phases[part]
        return f"{format_bytes(size)} at most, at {name_of(moment, self.case.names)}"

    def worst(self) -> str:
        """Say what is held at the peak, and why that is the peak."""
        parts = _by_part(self.at_peak)
        kept = sum(parts.pop(name, 0) for name in ACTIVATIONS)
        shown = parts | ({"activations": kept} if kept else {})
        there = ", ".join(f"{words_of(n)} {format_bytes(size)}" for n, size in shown.items())
        name = name_of(self.peak, self.case.names)
        whole = format_bytes(sum(term.amount for term in self.at_peak))
        return f"The worst moment is {name}: {whole}. There are {there}. {self.why(kept)}"

    def why(self, kept: int) -> str:
        """Say why this moment is the peak, given the bytes that forward has kept."""
        largest = self.largest()
        size = format_bytes(kept)
        still = f"Of what forward kept {size} is there still. " if kept else ""
        return f"{still}The largest that come and go: {largest}." if largest else still.strip()

    def largest(self) -> str:
        """Name the largest of what comes and goes at the peak."""
        passing = [t for t in self.at_peak if t.sublayer in ("temporary", "logits", "gathered")]
        largest = sorted(passing, key=lambda term: -term.amount)[:MOST]
        names = self.case.names
        return " and ".join(f"{t.name(names)} ({format_bytes(t.amount)})" for t in largest)


class _Training(_Story):
    def points(self) -> tuple[str, ...]:
        """Return forward, backward, the step, the peak."""
        return (self.begins(), self.forward(), self.backward(), self.step(), self.worst())

    def forward(self) -> str:
        saved = [term for term in self.moments.saved() if term.sublayer in ACTIVATIONS]
        is_checkpointed = self.case.checkpointing == "block"
        inside = sum(
            term.amount
            for term in saved
            if (term.sublayer == "checkpoints" if is_checkpointed else term.in_block)
        )
        whole = sum(term.amount for term in saved)
        of_each = format_bytes(inside // self.case.n_layer)
        what = "its input alone" if is_checkpointed else "what backward needs"
        return (
            f"Forward keeps of each block {what}, {of_each}, and {format_bytes(whole - inside)} "
            f"outside of them: {format_bytes(whole)} when it ends. All else comes and goes; with "
            f"it there are {self.most_of('forward')}."
        )

    def backward(self) -> str:
        again = "runs each one again, " if self.case.checkpointing == "block" else ""
        made = state_bytes(self.case, self.moments.sharded) - sum(
            self.standing.get(name, 0) for name in ("weights", "optimizer")
        )
        shared = ""
        if self.case.shard == "fsdp":
            shared = (
                " A block's whole weights are gathered before, its whole gradients scattered after."
            )
        return (
            f"Backward goes from the last block to the first. It {again}lets go of what each kept "
            f"and makes the gradients, {format_bytes(made)} in all when backward ends."
            f"{shared} There are {self.most_of('backward')}."
        )

    def step(self) -> str:
        if self.case.optimizer not in FOLLOWED:
            return "The optimizer's step is not followed: its state is counted by a rule."
        what = "works in place, and then gradients go"
        if self.case.optimizer == "adamw":
            what = "makes the roots of all mean squares at once, and then gradients go"
        size = self.moments.phases.get("step")
        most = f"; there are {format_bytes(size[0])} at most" if size else ""
        return f"The optimizer's step {what}{most}."

    def why(self, kept: int) -> str:
        name = name_of(self.peak, self.case.names)
        if name == START:
            return (
                "Forward has kept all that it keeps, backward has freed nothing, and beside it are "
                f"the largest that come and go: {self.largest()}."
            )
        if self.peak.place.part == "step" and self.case.optimizer == "adamw":
            return "All gradients are there still, and the roots, as many bytes again, beside them."
        return super().why(kept)


class _Serving(_Story):
    def points(self) -> tuple[str, ...]:
        """Return the prompt, a new token, the peak."""
        said = (self.begins(), self.prompt(), self.token(), self.worst())
        return tuple(each for each in said if each)

    def prompt(self) -> str:
        case, held = self.case, self.moments.timeline.base.held
        call = "prefill" if "prefill" in held else "decoding"
        cache = self.moments.timeline.held(call)
        kept = "keys and values"
        if case.model.has_other_layers:
            kept = "keys, values or states" if case.model.has_attention else "states"
        left = f" Of each it leaves {kept}, {format_bytes(cache)} in all." if cache else ""
        what = "The prompt" if call == "prefill" else "What follows the cache"
        number = case.batch * case.q_len
        tokens = f"{number:,} tokens" if number > 1 else "1 token"
        return (
            f"{what}, {tokens}, goes through one layer after the other.{left} All else comes and "
            f"goes; with it there are {self.most_of(call)}."
        )

    def token(self) -> str:
        if "token 1" not in self.moments.phases:
            return ""
        most = f"there are {self.most_of('token 1')}"
        if not self.case.model.has_attention:
            return f"A new token changes the states, which stay as large as they are; {most}."
        which = "each layer with attention" if self.case.model.has_other_layers else "each layer"
        return (
            f"For a new token {which} copies its cache to one that is a token longer, and the "
            f"old one goes; {most}."
        )


def _by_part(terms: list[Term]) -> dict[str, int]:
    found: dict[str, int] = {}
    for term in terms:
        found[term.sublayer] = found.get(term.sublayer, 0) + term.amount
    return {name: size for name, size in found.items() if size}
