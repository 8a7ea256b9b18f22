"""The rules of thumb for bytes that people use, each with its source, beside the exact figure."""

from collections.abc import Callable
from typing import NamedTuple

from gpt2calc.metrics.estimates import Estimated
from gpt2calc.metrics.memory import state
from gpt2calc.metrics.memory.cache import cache_bytes
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.refusals import writes_gelu_out
from gpt2calc.metrics.parameters import count
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.report.table import Column, Table


class Convention(NamedTuple):
    """A formula that people use for bytes, and what it is of."""

    name: str
    formula: str
    source: str
    of: str
    """The state (weights, gradients, optimizer), what the blocks keep, the cache, or all of it."""
    run: dict[str, str | bool]
    """How the model is run where the rule is meant to hold."""
    bytes: Callable[[Case], int]
    exact: Callable[[Case, Quantity], int]
    in_training: bool = True


def _state(case: Case, _: Quantity) -> int:
    return state.state_bytes(case)


def _kept_by_blocks(case: Case, _: Quantity) -> int:
    return sum(term.amount for term in Moments(case).saved() if term.in_block)


def _cache(case: Case, _: Quantity) -> int:
    return cache_bytes(case)


def _total(case: Case, memory: Quantity) -> int:
    total: int = memory.total(case)
    return total


def _cookbook(case: Case) -> int:
    L, d, V, h = case.n_layer, case.n_embd, case.vocab, case.known_heads
    B, S = case.batch, case.q_len
    parameters = 2 * V * d + S * d + 8 * d * L + 2 * d + 12 * L * d**2
    total: int = 18 * parameters + L * (34 * S * B * d + 5 * h * B * S**2)
    return total


def _llm_analysis(case: Case) -> int:
    L, d, V, h = case.n_layer, case.n_embd, case.vocab, case.known_heads
    tokens = case.batch * case.q_len
    block = 12 * d**2 + 2 * d
    parameters = L * block + V * d + d
    squares = 4 * h * tokens * case.q_len
    kept = L * (37 * tokens * d + squares) + 6 * tokens * d + 2 * tokens * V
    besides: int = max(kept, 4 * parameters) + max(4 * block, 2 * tokens * V)
    return 14 * int(parameters) + besides


_TOKENS = "S B d L"
CONVENTIONS = (
    Convention(
        "16 bytes a parameter",
        "16 N",
        "Rajbhandari et al. 2020 (ZeRO), section 3.1: 2 + 2 + 12 for mixed precision with Adam",
        "state",
        {"dtype": "mixed", "optimizer": "adamw"},
        lambda case: 16 * count(case.model).total,
        _state,
    ),
    Convention(
        "Korthikanti et al. 2022",
        f"{_TOKENS} (34 + 5 h S / d)",
        "equation 1: a block's activations in 16 bits, masks of a byte; eager, with dropout",
        "blocks",
        {"dtype": "bfloat16", "attention": "eager", "dropout": True, "fused_gelu": True},
        lambda case: (
            case.n_layer
            * case.batch
            * (34 * case.q_len * case.n_embd + 5 * case.known_heads * case.q_len**2)
        ),
        _kept_by_blocks,
    ),
    Convention(
        "Korthikanti, selective",
        f"34 {_TOKENS}",
        "equation 6: attention's square is computed again, as flash attention does",
        "blocks",
        {"dtype": "bfloat16", "attention": "sdpa", "fused_gelu": True},
        lambda case: 34 * case.n_layer * case.batch * case.q_len * case.n_embd,
        _kept_by_blocks,
    ),
    Convention(
        "EleutherAI cookbook",
        "18 N + S B d L (34 + 5 h S / d), N = 2 V d + S d + 8 d L + 2 d + 12 L d²",
        "calc_transformer_mem.py, mixed precision: the head untied, no biases, no logits; all of "
        "the gradients beside all activations",
        "total",
        {"dtype": "mixed", "attention": "eager", "dropout": True, "fused_gelu": True},
        _cookbook,
        _total,
    ),
    Convention(
        "llm-analysis",
        "14 N + max(A, 4 N) + 2 B S V, N = L (12 d² + 2 d) + V d + d, "
        "A = L (37 B S d + 4 h B S²) + 6 B S d + 2 B S V",
        "LLMAnalysis.training, 16-bit weights and activations: no biases, no positions; "
        "logits in 16 bits, and never gradients beside activations",
        "total",
        {"dtype": "mixed", "attention": "eager", "fused_gelu": True},
        _llm_analysis,
        _total,
    ),
    Convention(
        "accelerate estimate-memory",
        "16 N",
        "commands/estimate.py, float32: four times the weights, whatever the batch",
        "total",
        {"dtype": "float32"},
        lambda case: 16 * (count(case.model).total - count(case.model)["lm_head"].total),
        _total,
    ),
    Convention(
        "2 L B S d x 2 bytes",
        "4 L B S d",
        "the usual rule for the cache of keys and values, in 16 bits",
        "cache",
        {"dtype": "bfloat16"},
        lambda case: 4 * case.n_layer * case.batch * (case.past_len + case.q_len) * case.n_embd,
        _cache,
        in_training=False,
    ),
)
"""In the order in which tables list them."""


PARTS_MEANT = "State: weights, gradients and optimizer; blocks: what they keep for backward."
MEANT = (
    "Exact is of the run that a rule is meant for, 16 bits mostly, which may not be the one above: "
    "--format json names it, with formulas and sources."
)


def estimated(case: Case, memory: Quantity) -> tuple[Estimated, ...]:
    """Return the rules for training, or those for inference, each beside the exact figure."""
    plain = {
        "checkpointing": "none",
        "gpus": 1,
        "shard": "none",
        "reduce_dtype": "float32",
        "zero_stage": 0,
        "master_weights": None,
        "dropout": False,
        "optimizer": "adamw",
        "grad_accumulation": 1,
    }
    is_training, case = bool(case.training), case.settled().evaluate_at(**plain)
    found = []
    for rule in CONVENTIONS:
        has_kernel = case.model.architecture.has_sdpa or rule.run.get("attention") != "sdpa"
        has_cache = case.model.architecture.decoder.has_cache or rule.of != "cache"
        if rule.in_training == is_training and has_kernel and has_cache:
            fuses = bool(rule.run.get("fused_gelu")) and writes_gelu_out(case)
            meant = case.evaluate_at(**rule.run | {"fused_gelu": fuses})
            found.append(Estimated(rule, "bytes", rule.bytes(meant), rule.exact(meant, memory)))
    return tuple(found)


def estimates_table(found: tuple[Estimated, ...]) -> Table:
    """Return a row for each rule: what it says, and what it is off by."""
    return Table(
        title="What people estimate, against the exact figure of the same",
        columns=(
            *(Column("rule"), Column("of"), Column("bytes", "count")),
            *(Column("exact", "count"), Column("error", "signed share")),
        ),
        rows=tuple(
            (
                *(each.rule.name, each.rule.of, each.amount),
                *(each.exact, float(each.error)),
            )
            for each in found
        ),
        notes=(MEANT,) if len(found) == 1 else (PARTS_MEANT, MEANT),
    )
