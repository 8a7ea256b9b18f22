"""Verification of parameters: names, order and shapes against the class in transformers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from gpt2calc.metrics.parameters import ACTIVE, PARAMETERS, Tally, active_said
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.named_parameters import named_shapes
from gpt2calc.model.tensors import tensors
from gpt2calc.quantity.models import Model, as_model
from gpt2calc.report.listing import RowField, counts
from gpt2calc.report.sublayers import SUBLAYERS
from gpt2calc.verification.building import built_on_meta, refuse_what_cannot_be_built
from gpt2calc.verification.proof import Proof, first_few

NamedShapes = Sequence[tuple[str, tuple[int, ...]]]
"""Parameters as ``(name, shape)``, in PyTorch's order."""

NAMES_OF = (
    ("attention", ("attn", "attention")),
    ("mlp", ("mlp", "fc")),
    ("layer_norm", ("ln",)),
)
"""A sublayer, and what the names of its tensors contain: the first match counts.

Source: the lesson "Parameter distribution in GPT-2", section 3.
"""

OTHERS: tuple[tuple[str, str], ...] = (
    ("token_embedding", "wte."),
    ("position_embedding", "wpe."),
    ("lm_head", "lm_head."),
)
"""Beginnings of names in the sublayers that the lesson leaves unsorted."""


@dataclass(frozen=True, repr=False)
class Verification(Proof):
    """Formulas and PyTorch side by side, sublayer by sublayer, and every tensor that differs."""

    tensor_count: int
    """Tensors that PyTorch's model has."""
    formulas: dict[str, Tally]
    pytorch: dict[str, Tally]
    """Parameters, counted over the tensors that PyTorch built."""
    differences: tuple[str, ...]
    """A sentence for each name, shape or place in the order that differs."""

    @property
    def identical(self) -> bool:
        """Whether names, order, shapes and every sublayer's sums agree."""
        return not self.differences and self.formulas == self.pytorch

    def to_dict(self) -> dict[str, Any]:
        """Return counts in parameters; the differences as sentences."""
        return {
            **self.head(),
            "tensors": self.tensor_count,
            "total": sum(part.total for part in self.pytorch.values()),
            "active": int(ACTIVE.total(self.config)),
            "sublayers": {
                name: {
                    "formulas": self.formulas[name]._asdict(),
                    "pytorch": self.pytorch[name]._asdict(),
                }
                for name in SUBLAYERS
            },
            "differences": list(self.differences),
        }

    def items(self) -> tuple[str, ...]:
        """Return the sublayers."""
        return SUBLAYERS

    def fields(self) -> tuple[RowField, ...]:
        """Return weights and biases by the formulas and by PyTorch."""
        ours, theirs = self.formulas, self.pytorch
        return (
            RowField("sublayer", str, "sublayer"),
            counts("weights", lambda part: ours[part].weights),
            counts("biases", lambda part: ours[part].biases),
            counts("PyTorch weights", lambda part: theirs[part].weights),
            counts("PyTorch biases", lambda part: theirs[part].biases),
        )

    def sums(self) -> dict[str, Any]:
        """Add up the sublayers."""
        return self.added_up()

    def notes(self) -> tuple[str, ...]:
        """Return the verdict, and the first differences."""
        return (self._verdict(), *active_said(self.config), *first_few(self.differences))

    def _verdict(self) -> str:
        if self.identical:
            return (
                f"identical: {self.tensor_count:,} tensors, their names, order and shapes, and "
                f"{sum(part.total for part in self.pytorch.values()):,} parameters"
            )
        return f"different: {len(self.differences):,} of the tensors"


def verify(config: Model) -> Verification:
    """Build the family's class in transformers without memory or weights, and compare.

    Raises:
        UserError: torch or transformers is not installed, or they cannot build such a model.

    """
    config = as_model(config)
    refuse_what_cannot_be_built(config)
    model, against = built_on_meta(config)
    shapes = [(name, tuple(each.shape)) for name, each in model.named_parameters()]
    return compare_shapes(config, shapes, against)


def compare_shapes(config: ModelConfig, shapes: NamedShapes, against: str) -> Verification:
    """Compare ``(name, shape)`` pairs, from wherever they are, with the formulas."""
    return Verification(
        config=config,
        against=against,
        tensor_count=len(shapes),
        formulas=PARAMETERS.of(config),
        pytorch=_sorted_by_name(config, shapes),
        differences=tuple(_differences(named_shapes(config), shapes)),
    )


def count_by_name(named_parameters: Iterable[tuple[str, Any]]) -> dict[str, Tally]:
    """Add up any torch module's parameters, sorted into sublayers by substrings of their names.

    Args:
        named_parameters: pairs of a name and what has ``numel()``, such as
            ``module.named_parameters()``.

    Returns:
        Parameters of ``"attention"`` (names with "attn" or "attention"), ``"mlp"`` ("mlp" or "fc"),
        ``"layer_norm"`` ("ln") and ``"other"``, the first rule that fits; biases are the tensors
        whose names end with "bias".

    Source: the lesson "Parameter distribution in GPT-2", section 3.
    """
    sums = {group: [0, 0] for group in (*(rule[0] for rule in NAMES_OF), "other")}
    for name, parameter in named_parameters:
        fitting = (group for group, parts in NAMES_OF if any(part in name for part in parts))
        sums[next(fitting, "other")][name.endswith("bias")] += parameter.numel()
    return {group: Tally(*pair) for group, pair in sums.items()}


def _sorted_by_name(config: ModelConfig, shapes: NamedShapes) -> dict[str, Tally]:
    """Add tensors up by sublayer; for GPT-2 by substrings of names, apart from the formulas."""
    sums: dict[str, list[int]] = {name: [0, 0] for name in SUBLAYERS}
    places = {each.name(config.names): (each.sublayer, each.kind) for each in tensors(config)}
    for name, shape in shapes:
        is_gpt2 = config.family == "gpt2"
        found = _by_the_article(name) if is_gpt2 else places.get(config.names.pattern(name))
        if found is not None:
            group, kind = found
            sums[group][kind == "bias"] += prod(shape)
    return {name: Tally(*sums[name]) for name in SUBLAYERS}


def _by_the_article(name: str) -> tuple[str, str] | None:
    rules = (*NAMES_OF, *((group, (part,)) for group, part in OTHERS))
    group = next((group for group, parts in rules if any(part in name for part in parts)), None)
    return None if group is None else (group, name.rpartition(".")[2])


def _differences(expected: NamedShapes, found: NamedShapes) -> list[str]:
    """Say which names or shapes only one side has, or where the order of names differs."""
    ours, theirs = dict(expected), dict(found)
    sentences = [f"{name}: only the formulas have it" for name in ours if name not in theirs]
    for name, shape in theirs.items():
        if name not in ours:
            sentences.append(f"{name}: only PyTorch has it")
        elif shape != ours[name]:
            sentences.append(f"{name}: {ours[name]} by the formulas, {shape} in PyTorch")
    if not sentences and list(ours) != list(theirs):
        moved = next(pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1])
        sentences.append(f"{moved[1]}: stands where the formulas have {moved[0]}")
    return sentences
