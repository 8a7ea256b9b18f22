"""Sums over the tensors: how many parameters a GPT-2 has, and where they are."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from gpt2calc.architecture import SUBLAYERS, Number, Sublayer, Tensor, pattern_of, tensors
from gpt2calc.config import GPT2Config
from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.render import Result
from gpt2calc.tables import Column, Table


class Tally(NamedTuple):
    """Weights and biases, apart; parameters."""

    weights: Number = 0
    biases: Number = 0

    @property
    def total(self) -> Number:
        """Weights and biases together."""
        return self.weights + self.biases


class Part(NamedTuple):
    """What one sublayer holds, over all its layers: parameters, and their share of the model."""

    weights: int
    biases: int
    total: int
    share: float
    """A fraction of the model's total, from 0 to 1."""


@dataclass(frozen=True)
class Count(Result):
    """Exact parameter counts of one model; ``count["attention"]`` is a :class:`Part`."""

    config: GPT2Config
    parts: tuple[Part, ...]
    """One for each of :data:`gpt2calc.architecture.SUBLAYERS`, in that order."""

    @property
    def total(self) -> int:
        """All parameters, a tied head's matrix once."""
        return sum(part.total for part in self.parts)

    @property
    def weights(self) -> int:
        """All weights: matrices, embeddings, and the scales of the layer norms."""
        return sum(part.weights for part in self.parts)

    @property
    def biases(self) -> int:
        """All biases: those of the linear layers, and the shifts of the layer norms."""
        return sum(part.biases for part in self.parts)

    @property
    def per_block(self) -> int:
        """Parameters of one transformer block: what one more layer adds."""
        return sum(each.parameters_each for each in tensors(self.config) if each.in_block)

    @property
    def sublayers(self) -> dict[Sublayer, Part]:
        """The parts by name; a sublayer that has no parameters is there with zeros."""
        return dict(zip(SUBLAYERS, self.parts, strict=True))

    @property
    def non_embedding(self) -> int:
        """The total less token and position embeddings, and less an untied head.

        This is the N of the scaling laws (Kaplan et al. 2020, section 2.1; biases and layer norms,
        which they drop as small, are counted here).
        """
        embeddings = ("token_embedding", "position_embedding", "lm_head")
        return self.total - sum(self[name].total for name in embeddings)

    def __getitem__(self, sublayer: str) -> Part:
        """What one sublayer holds. Raises ``UserError`` if no sublayer is called that."""
        return self.parts[SUBLAYERS.index(checked_sublayer(sublayer))]

    def __iter__(self) -> Iterator[Sublayer]:
        return iter(SUBLAYERS)

    def __contains__(self, sublayer: object) -> bool:
        return sublayer in SUBLAYERS

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, ready for JSON: counts in parameters, shares as fractions."""
        counts = as_dict(self.config, self.parts)
        sublayers = counts.pop("sublayers")
        more = {"non_embedding": self.non_embedding, "per_block": self.per_block}
        return {**counts, **more, "sublayers": sublayers}

    def table(self) -> Table:
        """A row for each sublayer, the total beneath."""
        notes = [f"One block: {self.per_block:,}. Without embeddings: {self.non_embedding:,}."]
        if self.config.tie_embeddings:
            notes.append("The head is tied: it shares the token embedding's matrix.")
        return as_table(f"GPT-2 with {self.config}", self.parts, tuple(notes))


def count(config: GPT2Config) -> Count:
    """Count the parameters of the GPT-2 that ``config`` defines, exactly, at any size.

    Returns:
        Counts in parameters, as Python integers; shares as fractions of the total.
    """
    return Count(config, parts_of(tally(tensors(config))))


def checked_sublayer(name: str) -> Sublayer:
    """The name itself. Raises ``UserError`` if no sublayer is called that."""
    for sublayer in SUBLAYERS:
        if sublayer == name:
            return sublayer
    hint = did_you_mean(str(name), SUBLAYERS) or f"; they are {', '.join(SUBLAYERS)}"
    raise UserError(f"no sublayer is called {quoted(name)}{hint}")


def tally(listed: Iterable[Tensor]) -> dict[Sublayer, Tally]:
    """Weights and biases of each sublayer, in any arithmetic; all six sublayers are there."""
    weights: dict[Sublayer, Number] = dict.fromkeys(SUBLAYERS, 0)
    biases: dict[Sublayer, Number] = dict.fromkeys(SUBLAYERS, 0)
    for tensor in listed:
        side = weights if tensor.kind == "weight" else biases
        side[tensor.sublayer] = side[tensor.sublayer] + tensor.parameters  # += would write arrays
    return dict(zip(SUBLAYERS, map(Tally, weights.values(), biases.values()), strict=True))


def tally_shapes(
    config: GPT2Config, shapes: Iterable[tuple[str, tuple[int, ...]]]
) -> dict[Sublayer, Tally]:
    """The same for tensors that really exist, sorted by name; names not in the list are left out.

    Args:
        config: tells which names there are; its sizes do not enter.
        shapes: pairs of a parameter's name, as PyTorch says it, and its shape.

    """
    places = {tensor.name: tensor for tensor in tensors(config)}
    named = ((places.get(pattern_of(name)), shape) for name, shape in shapes)
    return tally(place._replace(shape=shape, copies=1) for place, shape in named if place)


def parts_of(tallies: Mapping[Sublayer, Tally]) -> tuple[Part, ...]:
    """The sublayers of one model with their shares of its total, in the order of ``SUBLAYERS``."""
    total = sum(map(sum, tallies.values()))
    return tuple(Part(w, b, w + b, (w + b) / total if total else 0.0) for w, b in tallies.values())


def as_dict(config: GPT2Config, parts: Iterable[Part]) -> dict[str, Any]:
    """A model's parts and their sums as plain numbers, ready for JSON."""
    parts = tuple(parts)
    return {
        "config": config.model_dump(),
        "total": sum(part.total for part in parts),
        "weights": sum(part.weights for part in parts),
        "biases": sum(part.biases for part in parts),
        "sublayers": {name: part._asdict() for name, part in zip(SUBLAYERS, parts, strict=True)},
    }


def as_table(title: str, parts: Iterable[Part], notes: tuple[str, ...]) -> Table:
    """A model's parts as rows, their sums beneath."""
    rows = [(name, *part, part.share) for name, part in zip(SUBLAYERS, parts, strict=True)]
    sums = (sum(column) for column in list(zip(*rows, strict=True))[1:4])
    return Table(
        title=title,
        columns=(
            Column("sublayer"),
            Column("weights", "count"),
            Column("biases", "count"),
            Column("total", "count"),
            Column("share", "share"),
            Column("", "bar"),
        ),
        rows=tuple(rows),
        footer=("total", *sums, 1.0, None),
        notes=notes,
    )
