"""What is there all the time: weights, the optimizer's state, and the ids of the batch."""

from collections.abc import Callable, Iterator
from functools import reduce
from math import prod
from typing import NamedTuple

import numpy as np

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError
from gpt2calc.model.names import Names
from gpt2calc.model.tensors import block_tensors, tensors
from gpt2calc.model.terms import ParameterTensor, Term
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.polynomial import Polynomial
from gpt2calc.quantity.quantity import NoFormulaError

SHARED = {
    0: (),
    1: ("optimizer",),
    2: ("optimizer", "gradients"),
    3: ("optimizer", "gradients", "weights"),
}
"""What is sharded over the GPUs, by the stage of ZeRO (Rajbhandari et al. 2020)."""

OF_A_BLOCK = "h.*"
"""How the names of what every block has begin."""

BLOCK_OF_8_BIT = 256
"""Numbers of 8 bits that share a float32 to scale them by, in bitsandbytes."""
TABLES_OF_8_BIT = ("optimizer", "amount", (4, 2, 256), 1)
"""Part, column, shape and copies of bitsandbytes' look-up tables: 256 float32 numbers for each
of the two means."""
LEAST_IN_8_BIT = 4096
"""Numbers of the smallest tensor whose state is in 8 bits, in bitsandbytes."""


class StateTerm(Term):
    """Something stored for parameters as a summand: the bytes of a number, times how many."""

    __slots__ = ()

    def name(self, names: Names) -> str:
        """Return what it is, in words; of a block with the name of blocks before it."""
        return self.role.replace(OF_A_BLOCK, names.module("block"), 1)

    @property
    def in_block(self) -> bool:
        """Whether every block has its own."""
        return self.role.startswith(OF_A_BLOCK)


class Numbers(NamedTuple):
    """How many numbers are stored in each block, and how many outside the blocks.

    Where blocks differ, all are taken to be outside.
    """

    in_block: Number
    outside: Number
    blocks: Number

    @property
    def total(self) -> Number:
        """All of them."""
        return self.in_block * self.blocks + self.outside


def numels_of(case: Case, counted: Callable[[ParameterTensor], Number]) -> Numbers:
    """Add up over the tensors of a model what each of them counts for."""
    listed = tensors(case.model)
    if any(case.model.layer_lists):  # blocks differ, so that nothing can be said of one of them
        every = sum([counted(tensor) * tensor.copies for tensor in listed])
        return Numbers(0, every, case.n_layer)
    in_block = sum([counted(tensor) for tensor in listed if tensor.in_block])
    outside = sum([counted(tensor) for tensor in listed if not tensor.in_block])
    return Numbers(in_block, outside, case.n_layer)


def stored(case: Case, what: str, part: str, width: int, numbers: Numbers) -> Iterator[StateTerm]:
    """Yield numbers of some bytes each, of the blocks and outside; or one GPU's part of them."""
    if is_shared(case, part):
        shape = (width, _shared_out(case, part, numbers.total))
        yield StateTerm(what, part, "amount", shape, 1)
        return
    shapes = (
        (f"{OF_A_BLOCK}, {what}", numbers.in_block, numbers.blocks),
        (what, numbers.outside, 1),
    )
    for name, each, copies in shapes:
        if not is_zero(each) and not is_zero(copies):
            yield StateTerm(name, part, "amount", (width, each), copies)


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
    yield from stored(case, "parameters", "weights", width, _elements(case))


def optimizer(case: Case, sharded: Number | None = None) -> Iterator[StateTerm]:
    """Yield what the optimizer keeps from step to step, or one GPU's part of it.

    Source: the states of ``torch.optim``'s AdamW, SGD and Adafactor; for ``adamw-8bit``
    ``bitsandbytes.optim.AdamW8bit``; for master weights, DeepSpeed's ``BF16_Optimizer``.
    """
    has_master_weights = case.value("master_weights") == "float32"
    width = 4 if has_master_weights else ITEMSIZE[case.weight_type]
    if has_master_weights:
        yield from stored(case, "master weights", "optimizer", width, _elements(case))

    def part(
        what: str, width: int, counted: Callable[[ParameterTensor], Number]
    ) -> Iterator[StateTerm]:
        if sharded is not None and counted is _each:
            shape = (width, sharded)
            return iter([StateTerm(f"{what}, of a shard of each", "optimizer", "amount", shape, 1)])
        return stored(case, what, "optimizer", width, numels_of(case, counted))

    match case.optimizer:
        case "adamw":
            yield from part("means of gradients and squares", 2 * width, _each)
            if not is_shared(case, "optimizer"):  # there all tensors are one, and so is the step
                yield from part("steps of tensors", 4, lambda t: _tensors_in_pytorch(case, t))
        case "momentum":
            yield from part("momentum", width, _each)
        case "adafactor":
            yield from part("mean squares of rows and columns", width, lambda t: _factored(case, t))
            yield from part("steps of tensors", 4, lambda t: _tensors_in_pytorch(case, t))
        case "adamw-8bit":
            yield from part("means in 8 bits", 2, lambda t: t.each if _is_large(t) else 0)
            yield from part("scales of blocks", 8, lambda t: _blocks(t.each) if _is_large(t) else 0)
            yield from part("means of small tensors", 8, lambda t: 0 if _is_large(t) else t.each)
            yield StateTerm("tables of the numbers that 8 bits stand for", *TABLES_OF_8_BIT)


def gathered_weights(case: Case) -> Iterator[StateTerm]:
    """Yield what is gathered of weights that are shared out: the largest block's, and the rest."""
    if is_shared(case, "weights"):
        shape = (ITEMSIZE[case.weight_type], _together(case))
        yield StateTerm("weights of a block and outside, gathered", "gathered", "amount", shape, 1)


def _together(case: Case) -> Number:
    """Return the parameters of the largest block, with all that are outside of the blocks."""
    blocks = [sum([t.each for t in listed]) for listed in block_tensors(case.model)]
    outside = [t.each for t in tensors(case.model) if not t.in_block]
    return sum(outside) + _largest(blocks)


def _largest(numbers: list[Number]) -> Number:
    """Return the largest of some numbers, or of arrays of them."""
    first, *others = numbers
    if not others:
        return first
    if any(isinstance(each, Polynomial) or hasattr(each, "free_symbols") for each in numbers):
        raise NoFormulaError("which block is the largest depends on the sizes")
    if any(hasattr(each, "dtype") for each in numbers):
        return reduce(np.maximum, numbers)
    return max(numbers)


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
    numbers = _elements(case).total if sharded is None else sharded
    if is_shared(case, "gradients"):
        numbers = _shared_out(case, "gradients", numbers)
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
        "float16": case.dtype == "float16",
        case.optimizer: case.optimizer in RULES and bool(case.training),
    }
    return tuple(RULES[name] for name, is_used in used.items() if is_used)


def is_shared(case: Case, part: str) -> bool:
    """Tell whether ZeRO shards a part: the weights, gradients or optimizer's state."""
    return bool(case.gpus > 1 and part in SHARED[case.zero_stage])


def shared_gradients(case: Case, made: Number, in_backward: bool) -> Iterator[Term]:
    """Yield one GPU's part of gradients of so many bytes, and those that are not shared out yet.

    A block's are whole until it is done, and those outside the blocks until backward ends.
    """
    yield StateTerm("gradients", "gradients", "amount", (_shared_out(case, "gradients", made),), 1)
    if in_backward:
        shape = (unshared_gradients(case),)
        yield StateTerm("gradients before they are shared out", "gathered", "amount", shape, 1)


def unshared_gradients(case: Case) -> Number:
    """Return the bytes of gradients before they are shared out: a block's, and those outside."""
    return ITEMSIZE[case.weight_type] * _together(case)


def shared_roots(case: Case, made: Number) -> Term:
    """Return one GPU's part of the roots of mean squares, of so many bytes."""
    part = (_shared_out(case, "roots of mean squares", made),)
    return StateTerm("roots of mean squares", "temporary", "amount", part, 1)


def is_zero(number: Number) -> bool:
    """Tell whether a number is 0 in every case: an integer, or what letters come to."""
    return bool(getattr(number, "is_zero", isinstance(number, int) and number == 0))


def _shared_out(case: Case, part: str, numbers: Number) -> Number:
    """Return what one GPU holds of so many numbers, rounded up."""
    if isinstance(numbers, Polynomial):
        raise NoFormulaError("what GPUs share out is rounded up")
    if getattr(numbers, "free_symbols", None):
        raise UserError(
            f"ZeRO shares {part} out among {case.gpus} GPUs and rounds up: there is no formula of "
            "that in the model's fields; leave out --zero-stage, or leave other fields open"
        )
    return -(-numbers // case.gpus)


def _elements(case: Case) -> Numbers:
    return numels_of(case, _each)


def _each(tensor: ParameterTensor) -> Number:
    return tensor.each


def _tensors_in_pytorch(case: Case, tensor: ParameterTensor) -> Number:
    """Return how many parameters a tensor is: one, or one for each head of StableLM's norms."""
    return tensor.shape[0] if _is_one_by_one(case, tensor) else 1


def _is_one_by_one(case: Case, tensor: ParameterTensor) -> bool:
    module: str = case.names.modules.get(tensor.role, "")
    return module.endswith("*")


def _factored(case: Case, tensor: ParameterTensor) -> Number:
    """Return how many mean squares Adafactor keeps: of rows and of columns, or of all numbers."""
    if len(tensor.shape) == 1 or _is_one_by_one(case, tensor):
        return tensor.each
    *rows, columns = tensor.shape
    *batches, _ = rows
    return prod(rows) + prod(batches) * columns


def _is_large(tensor: ParameterTensor) -> bool:
    """Tell whether the state of a tensor is in 8 bits."""
    if isinstance(tensor.each, Polynomial):
        raise NoFormulaError("small tensors have another state")
    if not isinstance(tensor.each, int):
        raise UserError(
            f"adamw-8bit keeps tensors of fewer than {LEAST_IN_8_BIT:,} numbers in 32 bits, so it "
            "has no formula in the model's sizes: give numbers for them"
        )
    return tensor.each >= LEAST_IN_8_BIT


def _blocks(numbers: int) -> int:
    return -(-numbers // BLOCK_OF_8_BIT)
