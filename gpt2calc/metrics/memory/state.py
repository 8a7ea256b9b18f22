"""What is there all the time: weights, the optimizer's state, and the ids of the batch."""

from collections.abc import Iterator

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.metrics.memory.optimizer_state import optimizer
from gpt2calc.metrics.memory.state_terms import (
    StateTerm,
    numel_of,
)
from gpt2calc.metrics.memory.zero import gathered_weights, is_shared, shared_out, stored
from gpt2calc.model.terms import Term
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Number


def weights(case: Case, sharded: Number | None = None) -> Iterator[StateTerm]:
    """Yield the weights, or one GPU's part of them.

    Args:
        case: the model, and how it is trained.
        sharded: numbers of one GPU's shards under FSDP; None without it.

    """
    width = ITEMSIZE[case.weight_type]
    if sharded is not None:
        yield StateTerm("parameters, a shard of each", "weights", "amount", (width, sharded), 1)
        return
    yield from stored(case, "parameters", "weights", width, numel_of(case))


def inputs(case: Case) -> Term:
    """Return the ids of the tokens that are run, int64."""
    return StateTerm("ids of the tokens", "inputs", "amount", (8, case.batch, case.q_len), 1)


def standing(case: Case, sharded: Number | None = None) -> Iterator[Term]:
    """Yield all that is there at every moment, beside what is on the tape."""
    yield from weights(case, sharded)
    yield inputs(case)
    yield from gathered_weights(case)
    if case.training:
        yield from optimizer(case, sharded)


def state_bytes(case: Case, sharded: Number | None = None) -> int:
    """Return the bytes of weights, of the gradients of all of them, and of the optimizer's state.

    Args:
        case: the model, and how it is trained.
        sharded: numbers of one GPU's shards under FSDP; None without it.

    """
    numbers = numel_of(case).total if sharded is None else sharded
    if is_shared(case, "gradients"):
        numbers = shared_out(case, "gradients", numbers)
    parts = (*weights(case, sharded), *optimizer(case, sharded))
    return int(ITEMSIZE[case.weight_type] * numbers + sum(part.amount for part in parts))


RULES = {
    "zero_stage": (
        "ZeRO by rule (Rajbhandari et al. 2020): what GPUs share out is divided evenly, and "
        "DeepSpeed's buckets are not counted."
    ),
    "master_weights": (
        "Master weights by rule, as in DeepSpeed's BF16_Optimizer: a float32 copy, and the "
        "optimizer's state in float32."
    ),
    "flash": (
        "Attention by rule, in one kernel of a GPU as FlashAttention's: no mask and no scores are "
        "held, and of a prompt windowed layers keep the last tokens alone."
    ),
    "float16": "float16 is counted as bfloat16.",
    "adafactor": "Adafactor by rule: mean squares of rows and columns; its step is not followed.",
    "adamw-8bit": "8-bit AdamW by rule, as in bitsandbytes' AdamW8bit; its step is not followed.",
}
"""What is said of bytes that no run was compared with."""


def rules_of(case: Case) -> tuple[str, ...]:
    """Return a sentence for each rule by which bytes of a run are counted."""
    used = {
        "zero_stage": bool(case.zero_stage),
        "master_weights": case.value("master_weights") == "float32",
        "flash": case.attention == "flash",
        "float16": case.dtype == "float16",
        case.optimizer: case.optimizer in RULES and bool(case.training),
    }
    return tuple(RULES[name] for name, is_used in used.items() if is_used)
