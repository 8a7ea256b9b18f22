"""FLOPs of the matrix products of a pass, as PyTorch's ``FlopCounterMode`` counts them.

A multiply and an add are two FLOPs. Embeddings, norms, softmax and activation functions are not
counted. Recurrences of linear attention and Mamba are counted by the rules in ``BY_RULE``.
"""

from dataclasses import dataclass
from typing import NamedTuple

from gpt2calc.metrics.absorption import absorbed_flops
from gpt2calc.metrics.estimates import Estimated, estimated, estimates_table
from gpt2calc.metrics.matmul_table import Operations
from gpt2calc.metrics.matmuls import Product, products, terms, terms_by_kind
from gpt2calc.metrics.windows import holds_behind_a_cache
from gpt2calc.model.terms import Number
from gpt2calc.quantity.assumptions import assumed
from gpt2calc.quantity.breakdown import Breakdown
from gpt2calc.quantity.by_kind import holds_at_depths
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.display import Display
from gpt2calc.quantity.formula_rules import FormulaRules
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.run import Run
from gpt2calc.report.sublayers import FLOP_SUBLAYERS
from gpt2calc.report.table import Table
from gpt2calc.units import format_flops


class Passes(NamedTuple):
    """FLOPs of each pass: forward; backward; and what checkpointing does again in backward."""

    forward: Number = 0
    backward: Number = 0
    recomputed: Number = 0

    @property
    def total(self) -> Number:
        """All passes together."""
        return self.forward + self.backward + self.recomputed


class Work(NamedTuple):
    """FLOPs of one sublayer over all its layers, and their share of the total."""

    forward: int
    backward: int
    recomputed: int
    total: int
    share: float
    """A fraction of the total, from 0 to 1."""


def _passes(case: Case) -> tuple[str, ...]:
    if not case.training:
        return ()
    return ("forward", "backward", *(("recomputed",) if case.checkpointing == "block" else ()))


def _notes_on_products(case: Case) -> tuple[str, ...]:
    block = case.names.module("block")
    which = case.model.blocks_said
    return (
        f"A name with {block} is of a product in {which}; its own line is of one.",
        "The product of an m x k with a k x n matrix takes 2 m k n: a multiply and an add are two.",
    )


def _holds(case: Case, free: tuple[str, ...]) -> tuple[str, ...]:
    return (*holds_at_depths(case, free), *holds_behind_a_cache(case, free))


BY_RULE = {
    "gated_delta": "a token takes three products of the size of each head's state",
    "kda": "a token takes three products of the size of each head's state",
    "lightning": "a token takes two products of the size of each head's state",
    "mamba": "a token takes two products of the size of each feature's state",
    "mamba2": "a token takes two products of the size of each head's state",
}
"""The rule by which a recurrence is counted, in words, by the mixer that has it."""
FLOPS = Quantity(
    name="flops",
    unit="FLOPs",
    terms=terms,
    by_kind=terms_by_kind,
    parts=FLOP_SUBLAYERS,
    tally=Passes,
    part=Work,
    case=case_of,
    formulas=FormulaRules(notes=_notes_on_products, holds=_holds),
    display=Display(
        verb="take",
        apart=_passes,
        groups={part: (part,) for part in FLOP_SUBLAYERS},
        example="1e15",
        scale=(" k", " M", " G", " T", " P", " E", " Z"),
    ),
)
OF_A_PASS = dict.fromkeys(("forward", "training", "checkpointed"), FLOPS.total)
"""The function that counts exactly what rules of thumb estimate, by their pass."""


@dataclass(frozen=True, repr=False)
class Flops(Breakdown):
    """FLOPs of one model run in one way; ``flops["mlp"]`` is one sublayer's :class:`Work`."""

    quantity: Quantity = FLOPS

    @property
    def per_token(self) -> int | float:
        """FLOPs per token that is run: an integer where it is whole, else a float."""
        tokens: int = self.config.tokens
        whole, rest = divmod(self.total, tokens)
        return self.total / tokens if rest else whole

    @property
    def operations(self) -> tuple[Product, ...]:
        """Every matrix product of the pass in order, a block's once."""
        return tuple(products(self.config))

    @property
    def estimates(self) -> tuple[Estimated, ...]:
        """What people estimate for this model, batch and sequence, beside the exact figures."""
        return estimated(self.config, FLOPS, OF_A_PASS)

    def tables(self) -> tuple[Table, ...]:
        """Return the sublayers; beneath them the estimates, where they are for such a run."""
        if self.config.last_logits or self.config.cached or self.config.causal:
            return (self.table(),)
        return (
            self.table(),
            estimates_table(self.estimates, has_experts=self.config.n_expert is not None),
        )

    def to_dict(self) -> dict[str, object]:
        """Return FLOPs as integers, shares as fractions; every product with its sizes."""
        return {
            **super().to_dict(),
            "operations": Operations(self.config, self.operations).to_rows(),
            "estimates": [each.to_dict() for each in self.estimates],
        }

    def _more(self) -> dict[str, object]:
        return {"per_token": self.per_token, **super()._more()}

    def notes(self) -> tuple[str, ...]:
        scores = "the lower triangle alone" if self.config.causal else "the full square"
        model = self.config.model
        sums = f"In all {format_flops(self.total)}. Per token: {self.per_token:,}."
        over = f", attention's scores over {scores}" if model.has_attention else ""
        counted = f"A multiply and an add are 2 FLOPs; matrix products alone are counted{over}."
        states = BY_RULE.get(self.config.mixer)
        by_rule = () if states is None else (f"By rule, in the row of scores: {states}.",)
        scored = ("The head scores the last token alone.",) if self.config.last_logits else ()
        return (
            " ".join((sums, *self.block_said())),
            *assumed(self.config, "flops"),
            counted,
            *by_rule,
            *_absorbed_said(self.config),
            *scored,
        )


def _absorbed_said(case: Case) -> tuple[str, ...]:
    """Say what a step with a cache takes in engines that absorb latent attention's matrix."""
    if not case.model.is_latent or not case.cached or case.training:
        return ()
    absorbed = format_flops(absorbed_flops(case))
    said = "Keys and values of all cached latents are made anew, as in transformers. With their "
    return (f"{said}matrix absorbed into the queries, a step takes {absorbed}.",)


def flops(config: Model | None = None, run: Run | None = None) -> Flops:
    """Count the FLOPs of running a model, exactly, at any size.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: batch, sequence, training and so on; one forward pass over the context, of at most
            8,192 tokens, if left out.

    Returns:
        FLOPs as Python integers; shares as fractions of the total.

    Raises:
        UserError: the sequence is longer than the model's positions.

    """
    case = case_of(as_config(config), run)
    return Flops(case, FLOPS.shares(terms(case)))
