"""Parameters: how many a GPT-2 has, and where they are."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from gpt2calc.architecture import tensors
from gpt2calc.models import Model, as_config
from gpt2calc.quantity import Breakdown, Quantity
from gpt2calc.sublayers import EMBEDDINGS, SUBLAYERS
from gpt2calc.terms import Number


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


def _notes_on_tensors(config: Any) -> tuple[str, ...]:
    notes = ["A name with h.* is of a tensor in each of the L blocks; its own line counts one."]
    if config.tie_embeddings:
        notes.append("The head is tied: it uses wte.weight again, and has no parameters.")
    return tuple(notes)


PARAMETERS = Quantity(
    name="parameters",
    unit="parameters",
    terms=tensors,
    parts=SUBLAYERS,
    tally=Tally,
    part=Part,
    notes_on_terms=_notes_on_tensors,
    groups={"embeddings": EMBEDDINGS, "attention": ("attention",), "mlp": ("mlp",)},
)


@dataclass(frozen=True, repr=False)
class Count(Breakdown):
    """Exact parameter counts of one model; ``count["attention"]`` is a :class:`Part`."""

    quantity: Quantity = PARAMETERS

    @property
    def weights(self) -> int:
        """All weights: matrices, embeddings, and the scales of the layer norms."""
        return sum(part.weights for part in self.parts)

    @property
    def biases(self) -> int:
        """All biases: those of the linear layers, and the shifts of the layer norms."""
        return sum(part.biases for part in self.parts)

    @property
    def non_embedding(self) -> int:
        """The total less token and position embeddings, and less an untied head.

        This is the N of the scaling laws (Kaplan et al. 2020, section 2.1; biases and layer norms,
        which they drop as small, are counted here). It is not what nanoGPT prints under that name,
        which leaves out the positions alone.
        """
        embeddings: int = sum(self[name].total for name in EMBEDDINGS)
        return self.total - embeddings

    def _more(self) -> dict[str, int]:
        return {"non_embedding": self.non_embedding, "per_block": self.per_block}

    def _notes(self) -> tuple[str, ...]:
        sums = f"One block: {self.per_block:,}. Without embeddings: {self.non_embedding:,}."
        if not self.config.tie_embeddings:
            return (sums,)
        return (sums, "The head is tied: it shares the token embedding's matrix.")


def count(config: Model) -> Count:
    """Count the parameters of a GPT-2, exactly, at any size.

    Args:
        config: the model, a config or its name.

    Returns:
        Counts in parameters, as Python integers; shares as fractions of the total.
    """
    config = as_config(config)
    return Count(config, PARAMETERS.shares(tensors(config)))


def breakdown(config: Any, quantity: Quantity = PARAMETERS) -> Breakdown:
    """Return any quantity of one model, part by part; parameters as a :class:`Count`."""
    parts = quantity.shares(quantity.terms(config))
    if quantity is PARAMETERS:
        return Count(config, parts)
    return Breakdown(config, parts, quantity)
