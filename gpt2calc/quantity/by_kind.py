"""A quantity of the layers of each kind, where a model has layers of several kinds."""

from collections.abc import Iterable, Mapping
from operator import sub
from typing import Any, NamedTuple

from gpt2calc.model.kinds import kind_said, kinds_of, mixer_said, mlp_said
from gpt2calc.model.terms import Term
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity, model_of

PARTS = {
    "attention": mixer_said,
    "projections": mixer_said,
    "scores": mixer_said,
    "mlp": mlp_said,
}
"""For each sublayer that may differ, what names its variant in a kind of layer, such as a mixer."""
OUTSIDE = "outside the layers"


class KindPart(NamedTuple):
    """What the layers of one kind have in a sublayer."""

    kind: str
    """What the sublayer is in them, in words."""
    layers: int
    """How many there are; 0 for what the sublayer has outside the layers."""
    part: Any
    """Its amounts, as the quantity has them of a sublayer."""

    @property
    def row(self) -> str:
        """Its name in a table: ``"· 36 × Mamba 2"``."""
        return f"· {self.layers} × {self.kind}" if self.layers else f"· {self.kind}"


def parts_by_kind(
    config: Config, quantity: Quantity, whole: Mapping[str, Any]
) -> dict[str, list[KindPart]]:
    """Return the sublayers that differ from layer to layer, and what they have in each kind.

    Args:
        config: the model, or the model and its run.
        quantity: what is added up.
        whole: what each sublayer has in all layers.

    """
    model = model_of(config)
    _, others = kinds_of(model)
    if not others:
        return {}
    of_kinds = quantity.by_kind(config)
    total = sum(part.total for part in whole.values())
    found = {}
    for sublayer, said in PARTS.items():
        rows, layers = _sums(
            sublayer, [(said(model, kind), *of) for kind, *of in of_kinds], quantity
        )
        if len(rows) > 1:
            sums = [sum(column) for column in zip(*rows.values(), strict=True)]
            rest = list(map(sub, whole[sublayer], sums))
            if any(rest):
                rows[OUTSIDE], layers[OUTSIDE] = rest, 0
            each = zip(layers.items(), quantity.with_shares(rows, of=total), strict=True)
            found[sublayer] = [KindPart(*kind, part) for kind, part in each]
    return found


def holds_at_depths(config: Config, free: tuple[str, ...]) -> tuple[str, ...]:
    """Say which kind of layer a formula adds per layer, where ``n_layer`` is left open."""
    model = model_of(config)
    usual, others = kinds_of(model)
    if not others or (free and "n_layer" not in free):
        return ()
    return (f"Each layer that is added is of one kind: {kind_said(model, usual)}.",)


def _sums(
    sublayer: str, of_kinds: Iterable[tuple[str, int, Iterable[Term]]], quantity: Quantity
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """Add up a sublayer's terms by what it is in words, and how many layers have them."""
    rows: dict[str, list[int]] = {}
    layers: dict[str, int] = {}
    for words, number, terms in of_kinds:
        own = [term for term in terms if term.sublayer == sublayer]
        if own:
            layers[words] = layers.get(words, 0) + number
            row = rows.setdefault(words, [0] * len(quantity.columns))
            for term in own:
                row[quantity.columns.index(term.column)] += number * term.amount
    return rows, layers
