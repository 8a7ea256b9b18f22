"""The estimates of FLOPs that people use, each with its source, beside the exact figure."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from gpt2calc.metrics.estimates import Estimated
from gpt2calc.metrics.parameters import ACTIVE, breakdown
from gpt2calc.model.derived import HEAD_WIDTH
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.report.sublayers import EMBEDDINGS
from gpt2calc.report.table import Column, Table

Pass = Literal["forward", "training", "checkpointed"]
"""What an estimate is of: one pass, forward and backward, or that with checkpointing."""


class Sizes(NamedTuple):
    """What estimates are made of, in the letters of their papers."""

    N: int
    """All parameters."""
    M: int
    """Parameters without embeddings and head: the N of the scaling laws."""
    E: int
    """Parameters of the token embedding."""
    L: int
    d: int
    h: int
    q: int
    """Width of all queries: the papers' H Q."""
    f: int
    V: int
    T: int
    B: int
    S: int
    """Tokens of a sequence; the papers' T or s."""


class Estimate(NamedTuple):
    """A formula that people use for FLOPs."""

    name: str
    formula: str
    source: str
    of: Pass
    flops: Callable[[Sizes], int]


def _chinchilla(z: Sizes) -> int:
    """Chinchilla's appendix F, which counts the look-up of embeddings as a product with one-hots.

    Where no number of heads is known, they have the width 64.
    """
    attention = 8 * z.S * z.d * z.d + 4 * z.S * z.S * z.d + 3 * z.h * z.S * z.S
    dense = 4 * z.S * z.d * z.f
    return z.B * (2 * z.S * z.V * z.d + z.L * (attention + dense) + 2 * z.S * z.d * z.V)


ESTIMATES = (
    Estimate(
        "2 N a token, all parameters",
        "2 N B S",
        "the usual rule, N all parameters",
        "forward",
        lambda z: 2 * z.N * z.B * z.S,
    ),
    Estimate(
        "2 N a token, without embeddings",
        "2 M B S",
        "the usual rule, N without embeddings",
        "forward",
        lambda z: 2 * z.M * z.B * z.S,
    ),
    Estimate(
        "Kaplan et al. 2020",
        "(2 M + 2 L S d) B S",
        "table 1; its N is without embeddings",
        "forward",
        lambda z: (2 * z.M + 2 * z.L * z.S * z.d) * z.B * z.S,
    ),
    Estimate(
        "Chinchilla, Hoffmann et al. 2022",
        "B (4 S V d + L (8 S d² + 4 S² d + 3 h S² + 4 S d f))",
        "appendix F; the look-up of embeddings counts there, too",
        "forward",
        _chinchilla,
    ),
    Estimate(
        "6 N a token, all parameters",
        "6 N B S",
        "the usual rule, N all parameters",
        "training",
        lambda z: 6 * z.N * z.B * z.S,
    ),
    Estimate(
        "6 N a token, without embeddings",
        "6 M B S",
        "Kaplan et al. 2020, N without embeddings",
        "training",
        lambda z: 6 * z.M * z.B * z.S,
    ),
    Estimate(
        "PaLM, Chowdhery et al. 2022",
        "(6 N + 12 L q S) B S",
        "appendix B: 6 N + 12 L H Q T, N all parameters",
        "training",
        lambda z: (6 * z.N + 12 * z.L * z.q * z.S) * z.B * z.S,
    ),
    Estimate(
        "nanoGPT, estimate_mfu",
        "(6 (N - T d) + 12 L d S) B S",
        "model.py: PaLM's, N without the positions",
        "training",
        lambda z: (6 * (z.N - z.T * z.d) + 12 * z.L * z.d * z.S) * z.B * z.S,
    ),
    Estimate(
        "torchtitan, get_nparams_and_flops",
        "(6 (N - E) + 12 L q S) B S",
        "models/utils.py: PaLM's, N without the token embedding",
        "training",
        lambda z: (6 * (z.N - z.E) + 12 * z.L * z.q * z.S) * z.B * z.S,
    ),
    Estimate(
        "Megatron, Korthikanti et al. 2022",
        "72 B S L d² (1 + S / 6d + V / 12 L d)",
        "appendix A, model FLOPs: an MLP of 4 d, a matrix for the head",
        "training",
        lambda z: z.B * z.S * (72 * z.L * z.d**2 + 12 * z.L * z.d * z.S + 6 * z.d * z.V),
    ),
    Estimate(
        "Narayanan et al. 2021",
        "96 B S L d² (1 + S / 6d + V / 16 L d)",
        "section 3; whole blocks run forward twice, where PyTorch skips each one's last product",
        "checkpointed",
        lambda z: z.B * z.S * (96 * z.L * z.d**2 + 16 * z.L * z.d * z.S + 6 * z.d * z.V),
    ),
)
"""In the order in which tables list them."""


CHECKPOINTED = (
    "Checkpointed: blocks run forward again in backward; PyTorch skips each one's last product, "
    "Narayanan does not. Formulas and sources: --format json."
)

OF_EXPERTS = "N are the parameters that a token goes through, all but experts not chosen."

_RUNS: dict[Pass, dict[str, object]] = {
    "forward": {"training": False},
    "training": {"training": True, "checkpointing": "none"},
    "checkpointed": {"training": True, "checkpointing": "block"},
}


def estimated(case: Case, quantity: Quantity) -> tuple[Estimated, ...]:
    """Return every estimate for a model, a batch and a sequence, beside the exact figure.

    They know of no cache and no causal kernels: they are for a whole pass over the full square. N
    counts the parameters that a token goes through: all of them, but for experts not chosen.
    """
    case = case.settled().evaluate_at(cached=None, last_logits=False, causal=False)
    counted = breakdown(case.model, ACTIVE)
    embeddings = sum(counted[name].total for name in EMBEDDINGS)
    sizes = Sizes(
        *(counted.total, counted.total - embeddings, counted["token_embedding"].total),
        *(case.n_layer, case.n_embd, case.heads or -(-case.n_embd // HEAD_WIDTH)),
        *(case.query_width, case.mlp_width, case.vocab, case.n_ctx),
        *(case.batch, case.q_len),
    )
    exact = {of: quantity.total(case.evaluate_at(**run)) for of, run in _RUNS.items()}
    return tuple(Estimated(each, "flops", each.flops(sizes), exact[each.of]) for each in ESTIMATES)


def estimates_table(found: tuple[Estimated, ...], *, has_experts: bool = False) -> Table:
    """Return a row for each estimate: what it says, and what it is off by."""
    return Table(
        title="What people estimate, against the exact figure of the same pass",
        columns=(
            *(Column("estimate"), Column("of"), Column("FLOPs", "count")),
            Column("error", "signed share"),
        ),
        rows=tuple(
            (each.rule.name, each.rule.of, each.amount, float(each.error)) for each in found
        ),
        notes=(CHECKPOINTED, *((OF_EXPERTS,) if has_experts else ())),
    )
