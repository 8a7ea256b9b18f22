"""Parameters: how many a model has, where they are, and which are active for a token."""

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import NamedTuple

from gpt2calc.model.config import ModelConfig
from gpt2calc.model.letters import Structure, network_in_letters, structure_of
from gpt2calc.model.tensors import active_tensors, tensors, tensors_by_kind, tensors_of
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.quantity.by_kind import holds_at_depths
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.display import Display
from gpt2calc.quantity.formula_rules import FormulaRules
from gpt2calc.quantity.models import Model, as_model
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.quantity import OfKind, Quantity
from gpt2calc.report.sublayers import EMBEDDINGS, SUBLAYERS
from gpt2calc.tape.symbolic import Formula


class Tally(NamedTuple):
    """Numbers of parameters: weights and biases, apart."""

    weights: Number = 0
    biases: Number = 0

    @property
    def total(self) -> Number:
        """Weights and biases together."""
        return self.weights + self.biases


class SublayerCount(NamedTuple):
    """What one sublayer holds, over all its layers: parameters, and their share of the model."""

    weights: int
    biases: int
    total: int
    share: float
    """A fraction of the model's total, from 0 to 1."""


def _notes_on_tensors(config: ModelConfig | Case) -> tuple[str, ...]:
    block = config.names.module("block")
    which = config.blocks_said
    notes = [f"A name with {block} is of a tensor in {which}; its own line counts one."]
    if config.norm == "rms":
        notes.append("RMS norms divide by the root of the mean square: no mean, and no shift.")
    if config.tie_embeddings:
        embedding = config.names.of_tensor("token_embedding", "weight")
        has = "no weights" if config.head_bias else "no parameters"
        notes.append(f"The head is tied: it uses {embedding} again, and has {has}.")
    return (*notes, *active_said(config))


def more_than_active(config: ModelConfig | Case, quantity: Quantity) -> tuple[str, ...]:
    """Say, of parameters of models with experts, how to ask for those that are active."""
    if config.n_expert is None or quantity is not PARAMETERS:
        return ()
    return ("All experts are counted; --of active counts those that a token goes through.",)


def kinds_said(config: ModelConfig | Case) -> tuple[str, ...]:
    """Say how many layers there are of each kind, where they have different parts."""
    others, dense = config.other_mixers, len(config.dense_layers)
    with_mlps = config.n_layer if config.mlp_layers is None else len(config.mlp_layers)
    words = config.known["mixer"].said[config.mixer]
    kinds = []
    if others and config.has_mixers_beside:
        kinds.append(f"{config.attentions} with {words} beside attention")
        if config.attentions < others:
            kinds.append(f"{others - config.attentions} with {words} alone")
    elif others:
        attentions = f", {config.attentions} with attention" if config.has_attention else ""
        kinds.append(f"{others} with {words}{attentions}")
    if dense:
        kinds.append(f"{with_mlps - dense} with experts, {dense} with one MLP")
    elif config.mlp_layers:
        kinds.append(f"{with_mlps} with {'an MLP' if config.n_expert is None else 'experts'}")
    full = config.full_attentions
    if config.window is not None and full:
        windowed = f"{config.attentions - full} with a window"
        kinds.append(", ".join([windowed, f"{full} without", *_of_full(config)]))
    if config.shared_kv_layers:
        kinds.append(f"{len(config.shared_kv_layers)} with the keys and values of earlier ones")
    if config.index_n_heads is not None and config.indexers < config.n_layer:
        kinds.append(f"{config.indexers} with an indexer of their own")
    said = (f"Of {config.n_layer} layers: {'; '.join(kinds)}.",) if kinds else ()
    if config.per_layer_dim is not None:
        said = (*said, "The token embedding row includes the per-layer embeddings.")
    if config.altup_inputs is not None:
        said = (*said, "AltUp's matrices are in the rows of token embedding, MLP and head.")
    all_alike = others if config.has_mixers_beside else config.n_layer
    has_rows = 0 < config.attentions < all_alike
    return said if has_rows or not others else (*said, f"The attention row includes {words}.")


def _of_full(config: ModelConfig | Case) -> list[str]:
    """Say what layers without a window have that others have not."""
    has = {
        "with other heads": config.has_full_sizes,
        "without a matrix of values": config.full_values_are_keys,
        "without sinks": config.attention_sinks and not config.full_sinks,
    }
    return [words for words, is_so in has.items() if is_so]


def active_said(config: ModelConfig | Case) -> tuple[str, ...]:
    """Say how many parameters a token goes through, in a model with experts."""
    if config.n_expert is None:
        return ()
    chosen = f"{config.chosen_experts:,} of {config.n_expert:,} experts"
    return (f"Active for a token, {chosen}: {ACTIVE.total(config):,}.",)


def _by_kind(config: ModelConfig, *, only_active: bool = False) -> list[OfKind]:
    return [OfKind(*each) for each in tensors_by_kind(config, only_active=only_active)]


PARAMETERS = Quantity(
    name="parameters",
    unit="parameters",
    terms=tensors,
    by_kind=_by_kind,
    parts=SUBLAYERS,
    tally=Tally,
    part=SublayerCount,
    formulas=FormulaRules(notes=_notes_on_tensors, holds=holds_at_depths),
    display=Display(
        groups={"embeddings": EMBEDDINGS, "attention": ("attention",), "mlp": ("mlp",)}
    ),
)
ACTIVE = replace(
    PARAMETERS,
    name="active",
    unit="active parameters",
    terms=active_tensors,
    by_kind=partial(_by_kind, only_active=True),
    formulas=FormulaRules(
        notes=lambda _: ("Of the experts, those are counted that a token goes through.",),
        holds=holds_at_depths,
    ),
)
"""The parameters that a token goes through: all of them, less the experts not chosen for it."""


@dataclass(frozen=True, repr=False)
class Count(Breakdown):
    """Exact parameter counts of one model; ``count["attention"]`` is a :class:`SublayerCount`."""

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

    @property
    def active(self) -> int:
        """The total less the experts that a token does not go through; all without experts."""
        return self.total if self.config.n_expert is None else int(ACTIVE.total(self.config))

    def _more(self) -> dict[str, object]:
        return {
            "active": self.active,
            "non_embedding": self.non_embedding,
            "per_block": self.per_block,
        }

    def notes(self) -> tuple[str, ...]:
        sums = f"Without embeddings: {self.non_embedding:,}."
        sums = " ".join((*self.block_said(), sums))
        notes = (*kinds_said(self.config), *active_said(self.config), sums)
        if not self.config.tie_embeddings:
            return notes
        return (*notes, "The head is tied: it shares the token embedding's matrix.")


def count(config: Model) -> Count:
    """Count the parameters of a GPT-2 or one of its descendants, exactly, at any size.

    Args:
        config: the model, a config or its name.

    Returns:
        Counts in parameters, as Python integers; shares as fractions of the total.
    """
    config = as_model(config)
    numbers = config.__dict__
    rows = {part: [0, 0] for part in SUBLAYERS}
    for part, column, formula in _closed_form(structure_of(config)):
        rows[part][column] = formula.at(numbers)
    return Count(config, PARAMETERS.with_shares(rows))


@cache
def _closed_form(structure: Structure) -> tuple[tuple[str, int, Formula], ...]:
    """Return weights (column 0) and biases (1) of each sublayer, as formulas in the fields.

    They hold for every model of the structure.
    """
    sums: dict[tuple[str, int], int] = {}
    for tensor in tensors_of(network_in_letters(structure)):
        place = tensor.sublayer, Tally._fields.index(tensor.column)
        sums[place] = sums.get(place, 0) + tensor.parameters
    return tuple((part, column, Formula(size)) for (part, column), size in sums.items())


def breakdown(config: ModelConfig | Case, quantity: Quantity = PARAMETERS) -> Breakdown:
    """Return any quantity of one model, part by part; parameters as a :class:`Count`."""
    parts = quantity.shares(quantity.terms(config))
    if quantity is PARAMETERS:
        return Count(config, parts)
    return Breakdown(config, parts, quantity)
