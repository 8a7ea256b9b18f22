"""The rules of thumb for bytes that people use, each with its source, beside the exact figure."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gpt2calc.case import Case
from gpt2calc.counting import count
from gpt2calc.footprint import state
from gpt2calc.footprint.keeping import held
from gpt2calc.output.table import Column, Table

if TYPE_CHECKING:
    from gpt2calc.footprint.counting import Memory


class Convention(NamedTuple):
    """A formula that people use for bytes, and what it is of."""

    name: str
    formula: str
    source: str
    of: str
    """The state (weights, gradients, optimizer), what the blocks keep, or the cache."""
    run: dict[str, Any]
    """How the model is run where the rule is meant to hold."""
    bytes: Callable[[Case], Fraction]
    exact: Callable[[Case], int]
    in_training: bool = True


def _state(case: Case) -> int:
    """Return weights, as many gradients, and the optimizer's state, in bytes."""
    weights: int = sum(term.amount for term in state.weights(case))
    optimizer: int = sum(term.amount for term in state.optimizer(case))
    return 2 * weights + optimizer


def _kept_by_blocks(case: Case) -> int:
    kept: int = sum(one.term.amount for one in held(case) if one.term.in_block)
    return kept


def _cache(case: Case) -> int:
    from gpt2calc.footprint.serving import serving

    moment = next(serving(case))
    cache: int = sum(term.amount for term in moment.terms if term.sublayer == "cache")
    return cache


_TOKENS = "S B d L"
CONVENTIONS = (
    Convention(
        "16 bytes a parameter",
        "16 N",
        "Rajbhandari et al. 2020 (ZeRO), section 3.1: 2 + 2 + 12 for mixed precision with Adam",
        "state",
        {"precision": "mixed", "optimizer": "adamw"},
        lambda case: Fraction(16 * count(case.model).total),
        _state,
    ),
    Convention(
        "Korthikanti et al. 2022, in 16 bits",
        f"{_TOKENS} (34 + 5 h S / d)",
        "equation 2: a block's activations in 16 bits, masks of a byte; eager, with dropout",
        "blocks",
        {"precision": "bfloat16", "attention": "eager", "dropout": True, "fused_gelu": True},
        lambda case: Fraction(
            case.n_layer
            * case.batch
            * (34 * case.queries * case.n_embd + 5 * case.known_heads * case.queries**2)
        ),
        _kept_by_blocks,
    ),
    Convention(
        "Korthikanti et al. 2022, selective",
        f"34 {_TOKENS}",
        "section 5: attention's square is computed again, as flash attention does",
        "blocks",
        {"precision": "bfloat16", "attention": "flash", "fused_gelu": True},
        lambda case: Fraction(34 * case.n_layer * case.batch * case.queries * case.n_embd),
        _kept_by_blocks,
    ),
    Convention(
        "2 L B S d x 2 bytes",
        "4 L B S d",
        "the usual rule for the cache of keys and values, in 16 bits",
        "cache",
        {"precision": "bfloat16"},
        lambda case: Fraction(
            4 * case.n_layer * case.batch * (case.cache + case.queries) * case.n_embd
        ),
        _cache,
        in_training=False,
    ),
)
"""In the order in which tables list them."""


MEANT = (
    "State is weights, gradients and optimizer; blocks is what they keep for backward. Formulas, "
    "sources, and the run that each is meant for: --format json."
)


@dataclass(frozen=True)
class Estimated:
    """A rule of thumb for one case, and the exact figure of what it is of."""

    convention: Convention
    bytes: int
    exact: int

    @property
    def error(self) -> Fraction:
        """What the rule is off by, as a fraction of the exact figure."""
        return Fraction(self.bytes, self.exact) - 1

    def to_dict(self) -> dict[str, Any]:
        """Return bytes as integers; the error as a fraction."""
        rule = self.convention
        return {
            "name": rule.name,
            "formula": rule.formula,
            "source": rule.source,
            "of": rule.of,
            "run": rule.run,
            "bytes": self.bytes,
            "exact": self.exact,
            "error": float(self.error),
        }


def estimated(counted: "Memory") -> tuple[Estimated, ...]:
    """Return the rules for training, or those for inference, each beside the exact figure."""
    plain = {"checkpointing": "none", "gpus": 1, "shard": "none", "dropout": False}
    case = counted.config.settled().evaluate_at(**plain)
    found = []
    for rule in CONVENTIONS:
        if rule.in_training == bool(counted.config.training):
            meant = case.evaluate_at(**rule.run)
            found.append(Estimated(rule, int(rule.bytes(meant)), rule.exact(meant)))
    return tuple(found)


def estimates_table(counted: "Memory") -> tuple[Table, ...]:
    """Return a row for each rule: what it says, and what it is off by."""
    return (
        Table(
            title="What people estimate, against the exact figure of what it is of",
            columns=(
                *(Column("rule"), Column("of"), Column("bytes", "count")),
                Column("error", "signed share"),
            ),
            rows=tuple(
                (each.convention.name, each.convention.of, each.bytes, float(each.error))
                for each in estimated(counted)
            ),
            notes=(MEANT,),
        ),
    )
