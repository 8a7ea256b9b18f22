"""The rules of thumb that people use for FLOPs and bytes: each with its formula and its source.

The module ``estimates`` compares each of them with the exact figure.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple


class Letters(NamedTuple):
    """The sizes that rules are made of, in the letters of their papers."""

    N: int
    """Parameters; for FLOPs those that a token goes through."""
    M: int
    """Parameters without embeddings and head: the N of the scaling laws."""
    E: int
    """Parameters of the token embedding."""
    P: int
    """Parameters of the position embedding."""
    U: int
    """Parameters of an untied head."""
    L: int
    """Layers."""
    d: int
    """Width of the model."""
    h: int
    """Attention heads."""
    q: int
    """Width of all queries: the papers' H Q."""
    f: int
    """Width of the MLP's hidden layer."""
    V: int
    """Tokens of the vocabulary."""
    B: int
    """Sequences of the batch."""
    S: int
    """Tokens of a sequence, cached ones among them; the papers' T or s."""


class Rule(NamedTuple):
    """A formula that people use for FLOPs or bytes."""

    name: str
    unit: Literal["FLOPs", "bytes"]
    formula: str
    source: str
    of: str
    """What it estimates: a pass (``forward``, ``training``, ``checkpointed``), or bytes of the
    ``state``, of what ``blocks`` keep for backward, of the ``cache``, or in ``total``."""
    run: Mapping[str, str | bool]
    """How the model is run where the rule is meant to hold."""
    amount: Callable[[Letters], int]


FORWARD = {"training": False}
TRAINING: dict[str, str | bool] = {"training": True, "checkpointing": "none"}
CHECKPOINTED: dict[str, str | bool] = {"training": True, "checkpointing": "block"}


def _chinchilla(z: Letters) -> int:
    """Chinchilla's appendix F, which counts the look-up of embeddings as a product with one-hots.

    Where no number of heads is known, they have the width 64.
    """
    attention = 8 * z.S * z.d * z.d + 4 * z.S * z.S * z.d + 3 * z.h * z.S * z.S
    dense = 4 * z.S * z.d * z.f
    return z.B * (2 * z.S * z.V * z.d + z.L * (attention + dense) + 2 * z.S * z.d * z.V)


def _korthikanti(z: Letters) -> int:
    return z.L * z.B * (34 * z.S * z.d + 5 * z.h * z.S**2)


def _cookbook(z: Letters) -> int:
    parameters = 2 * z.V * z.d + z.S * z.d + 8 * z.d * z.L + 2 * z.d + 12 * z.L * z.d**2
    return 18 * parameters + _korthikanti(z)


def _llm_analysis(z: Letters) -> int:
    tokens = z.B * z.S
    block = 12 * z.d**2 + 2 * z.d
    parameters = z.L * block + z.V * z.d + z.d
    squares = 4 * z.h * tokens * z.S
    kept = z.L * (37 * tokens * z.d + squares) + 6 * tokens * z.d + 2 * tokens * z.V
    return 14 * parameters + max(kept, 4 * parameters) + max(4 * block, 2 * tokens * z.V)


RULES = (
    Rule(
        "2 N a token, all parameters",
        "FLOPs",
        "2 N B S",
        "the usual rule, N all parameters",
        "forward",
        FORWARD,
        lambda z: 2 * z.N * z.B * z.S,
    ),
    Rule(
        "2 N a token, without embeddings",
        "FLOPs",
        "2 M B S",
        "the usual rule, N without embeddings",
        "forward",
        FORWARD,
        lambda z: 2 * z.M * z.B * z.S,
    ),
    Rule(
        "Kaplan et al. 2020",
        "FLOPs",
        "(2 M + 2 L S d) B S",
        "table 1; its N is without embeddings",
        "forward",
        FORWARD,
        lambda z: (2 * z.M + 2 * z.L * z.S * z.d) * z.B * z.S,
    ),
    Rule(
        "Chinchilla, Hoffmann et al. 2022",
        "FLOPs",
        "B (4 S V d + L (8 S d² + 4 S² d + 3 h S² + 4 S d f))",
        "appendix F; the look-up of embeddings counts there, too",
        "forward",
        FORWARD,
        _chinchilla,
    ),
    Rule(
        "6 N a token, all parameters",
        "FLOPs",
        "6 N B S",
        "the usual rule, N all parameters",
        "training",
        TRAINING,
        lambda z: 6 * z.N * z.B * z.S,
    ),
    Rule(
        "6 N a token, without embeddings",
        "FLOPs",
        "6 M B S",
        "Kaplan et al. 2020, N without embeddings",
        "training",
        TRAINING,
        lambda z: 6 * z.M * z.B * z.S,
    ),
    Rule(
        "PaLM, Chowdhery et al. 2022",
        "FLOPs",
        "(6 N + 12 L q S) B S",
        "appendix B: 6 N + 12 L H Q T, N all parameters",
        "training",
        TRAINING,
        lambda z: (6 * z.N + 12 * z.L * z.q * z.S) * z.B * z.S,
    ),
    Rule(
        "nanoGPT, estimate_mfu",
        "FLOPs",
        "(6 (N - P) + 12 L d S) B S",
        "model.py: PaLM's, N without the positions",
        "training",
        TRAINING,
        lambda z: (6 * (z.N - z.P) + 12 * z.L * z.d * z.S) * z.B * z.S,
    ),
    Rule(
        "torchtitan, get_nparams_and_flops",
        "FLOPs",
        "(6 (N - E) + 12 L q S) B S",
        "models/utils.py: PaLM's, N without the token embedding",
        "training",
        TRAINING,
        lambda z: (6 * (z.N - z.E) + 12 * z.L * z.q * z.S) * z.B * z.S,
    ),
    Rule(
        "Megatron, Korthikanti et al. 2022",
        "FLOPs",
        "72 B S L d² (1 + S / (6 d) + V / (12 L d))",
        "appendix A, model FLOPs: an MLP of 4 d, a matrix for the head",
        "training",
        TRAINING,
        lambda z: z.B * z.S * (72 * z.L * z.d**2 + 12 * z.L * z.d * z.S + 6 * z.d * z.V),
    ),
    Rule(
        "Narayanan et al. 2021",
        "FLOPs",
        "96 B S L d² (1 + S / (6 d) + V / (16 L d))",
        "section 3; whole blocks run forward twice, where PyTorch skips each one's last product",
        "checkpointed",
        CHECKPOINTED,
        lambda z: z.B * z.S * (96 * z.L * z.d**2 + 16 * z.L * z.d * z.S + 6 * z.d * z.V),
    ),
    Rule(
        "16 bytes a parameter",
        "bytes",
        "16 N",
        "Rajbhandari et al. 2020 (ZeRO), section 3.1: 2 + 2 + 12 for mixed precision with Adam",
        "state",
        {"dtype": "mixed", "optimizer": "adamw"},
        lambda z: 16 * z.N,
    ),
    Rule(
        "Korthikanti et al. 2022",
        "bytes",
        "S B d L (34 + 5 h S / d)",
        "equation 1: a block's activations in 16 bits, masks of a byte; eager, with dropout",
        "blocks",
        {"dtype": "bfloat16", "attention": "eager", "dropout": True, "fused_gelu": True},
        _korthikanti,
    ),
    Rule(
        "Korthikanti, selective",
        "bytes",
        "34 S B d L",
        "equation 6: attention's square is computed again, as flash attention does",
        "blocks",
        {"dtype": "bfloat16", "attention": "sdpa", "fused_gelu": True},
        lambda z: 34 * z.L * z.B * z.S * z.d,
    ),
    Rule(
        "EleutherAI cookbook",
        "bytes",
        "18 N + S B d L (34 + 5 h S / d), N = 2 V d + S d + 8 d L + 2 d + 12 L d²",
        "calc_transformer_mem.py, mixed precision: the head untied, no biases, no logits; all of "
        "the gradients beside all activations",
        "total",
        {"dtype": "mixed", "attention": "eager", "dropout": True, "fused_gelu": True},
        _cookbook,
    ),
    Rule(
        "llm-analysis",
        "bytes",
        "14 N + max(A, 4 N) + max(4 D, 2 B S V), N = L D + V d + d, D = 12 d² + 2 d, "
        "A = L (37 B S d + 4 h B S²) + 6 B S d + 2 B S V",
        "LLMAnalysis.training, 16-bit weights and activations: no biases, no positions; "
        "logits in 16 bits, and never gradients beside activations",
        "total",
        {"dtype": "mixed", "attention": "eager", "fused_gelu": True},
        _llm_analysis,
    ),
    Rule(
        "accelerate estimate-memory",
        "bytes",
        "16 (N - U), U = V d if the head is untied, else 0",
        "commands/estimate.py, float32: four times the weights but an untied head's, whatever the "
        "batch",
        "total",
        {"dtype": "float32"},
        lambda z: 16 * (z.N - z.U),
    ),
    Rule(
        "2 L B S d x 2 bytes",
        "bytes",
        "4 L B S d",
        "the usual rule for the cache of keys and values, in 16 bits",
        "cache",
        {"dtype": "bfloat16"},
        lambda z: 4 * z.L * z.B * z.S * z.d,
    ),
)
"""In the order in which tables list them."""
