"""What training holds whatever the batch: weights, gradients, and the optimizer's state."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from gpt2calc.case import Case
from gpt2calc.errors import UserError
from gpt2calc.kept import BYTES
from gpt2calc.model.names import Names
from gpt2calc.model.tensors import tensors
from gpt2calc.model.terms import Tensor, Term
from gpt2calc.number import Number
from gpt2calc.polynomial import NoPolynomialError

SHARDED = {
    "none": (),
    "optimizer": ("optimizer",),
    "gradients": ("optimizer", "gradients"),
    "parameters": ("optimizer", "gradients", "weights"),
}
"""What each GPU holds a part of alone: stages 1, 2 and 3 of ZeRO (Rajbhandari et al. 2020)."""

OF_A_BLOCK = "h.*"
"""How the names of what every block has begin."""

BLOCK_OF_8_BIT = 256
"""Numbers of 8 bits that share a float32 to scale them by, in bitsandbytes."""
TABLES_OF_8_BIT = ("optimizer", "amount", (4, 2, 256), 1)
"""One of 256 numbers for each mean, in bitsandbytes."""
LEAST_IN_8_BIT = 4096
"""Numbers of the smallest tensor whose state is in 8 bits, in bitsandbytes."""


class Stored(Term):
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
    """How many numbers are stored in each block, and how many outside the blocks."""

    in_block: Number
    outside: Number
    blocks: Number

    @property
    def total(self) -> Number:
        """All of them."""
        return self.in_block * self.blocks + self.outside


def numbers_of(case: Case, counted: Callable[[Tensor], Number]) -> Numbers:
    """Add up over the tensors of a model what each of them counts for."""
    listed = tensors(case.model)
    if case.dense_layers:  # blocks differ, so that nothing can be said of one of them
        every = sum([counted(tensor) * tensor.copies for tensor in listed])
        return Numbers(0, every, case.n_layer)
    in_block = sum([counted(tensor) for tensor in listed if tensor.in_block])
    outside = sum([counted(tensor) for tensor in listed if not tensor.in_block])
    return Numbers(in_block, outside, case.n_layer)


def stored(case: Case, what: str, part: str, width: int, numbers: Numbers) -> Iterator[Stored]:
    """Yield numbers of some bytes each, of the blocks and outside; or one GPU's part of them."""
    if case.gpus > 1 and part in SHARDED[case.shard]:
        shape = (width, _shared_out(case, part, numbers.total))
        yield Stored(what, part, "amount", shape, 1)
        return
    shapes = (
        (f"{OF_A_BLOCK}, {what}", numbers.in_block, numbers.blocks),
        (what, numbers.outside, 1),
    )
    for name, each, copies in shapes:
        if not is_zero(each) and not is_zero(copies):
            yield Stored(name, part, "amount", (width, each), copies)


def weights(case: Case) -> Iterator[Stored]:
    """Yield the weights, or one GPU's part of them."""
    yield from stored(case, "parameters", "weights", BYTES[case.weight_type], _elements(case))


def gradients(case: Case, numbers: Numbers | None = None) -> Iterator[Stored]:
    """Yield the gradients of all parameters, or those that are made."""
    made = _elements(case) if numbers is None else numbers
    yield from stored(case, "gradients", "gradients", BYTES[case.weight_type], made)


def optimizer(case: Case) -> Iterator[Stored]:
    """Yield what the optimizer keeps from step to step, or one GPU's part of it.

    Source: the states of ``torch.optim``'s AdamW, SGD and Adafactor; for ``adamw-8bit``
    ``bitsandbytes.optim.AdamW8bit``.
    """
    width = BYTES[case.weight_type]

    def part(what: str, width: int, counted: Callable[[Tensor], Number]) -> Iterator[Stored]:
        return stored(case, what, "optimizer", width, numbers_of(case, counted))

    match case.optimizer:
        case "adamw":
            yield from part("means of gradients and squares", 2 * width, _each)
            yield from part("steps of tensors", 4, lambda _: 1)
        case "momentum":
            yield from part("momentum", width, _each)
        case "adafactor":
            yield from part("mean squares of rows and columns", 4, lambda t: sum(t.shape))
            yield from part("steps of tensors", 4, lambda _: 1)
        case "adamw-8bit":
            yield from part("means in 8 bits", 2, lambda t: t.each if _is_large(t) else 0)
            yield from part("scales of blocks", 8, lambda t: _blocks(t.each) if _is_large(t) else 0)
            yield from part("means of small tensors", 8, lambda t: 0 if _is_large(t) else t.each)
            yield Stored("tables of the numbers that 8 bits stand for", *TABLES_OF_8_BIT)


def gathered_weights(case: Case) -> Iterator[Stored]:
    """Yield what is gathered of weights that are shared out: one block's, and what is outside.

    As in FSDP with a unit a block: the root's parameters stay gathered from forward to backward.
    """
    if case.gpus > 1 and "weights" in SHARDED[case.shard]:
        numbers = _elements(case)
        shape = (BYTES[case.weight_type], numbers.in_block + numbers.outside)
        yield Stored("weights of a block and outside, gathered", "temporary", "amount", shape, 1)


def unsharded_gradients(case: Case, role: str, is_inside: bool) -> Iterator[Stored]:
    """Yield gradients before they are added up and shared out: a block's, and those outside.

    Outside the blocks the first is the head's, and they stay whole until backward ends.
    """
    if case.gpus > 1 and "gradients" in SHARDED[case.shard] and role != "loss":
        numbers = _elements(case)
        whole = numbers.outside + (numbers.in_block if is_inside else 0)
        shape = (BYTES[case.weight_type], whole)
        yield Stored("gradients before they are shared out", "temporary", "amount", shape, 1)


def optimizer_needs(case: Case) -> Iterator[Stored]:
    """Yield what a step needs besides: the roots of all mean squares at once.

    Source: the ``foreach`` implementation, PyTorch's default on GPUs.
    """
    if case.optimizer in ("adamw", "adafactor"):
        width, numbers = BYTES[case.weight_type], _elements(case)
        for one in stored(case, "roots of mean squares", "optimizer", width, numbers):
            yield one._replace(sublayer="temporary")


def is_zero(number: Number) -> bool:
    """Tell whether a number is 0 in every case: an integer, or what letters come to."""
    return bool(getattr(number, "is_zero", isinstance(number, int) and number == 0))


def _shared_out(case: Case, part: str, numbers: Number) -> Number:
    """Return what one GPU holds of so many numbers, rounded up."""
    if getattr(numbers, "free_symbols", None):
        raise UserError(
            f"{part} are shared out among {case.gpus} GPUs and rounded up: there is no formula of "
            "them in the model's fields; leave out --shard, or leave other fields open"
        )
    return -(-numbers // case.gpus)


def _elements(case: Case) -> Numbers:
    return numbers_of(case, _each)


def _each(tensor: Tensor) -> Number:
    return tensor.each


def _is_large(tensor: Tensor) -> bool:
    """Tell whether the state of a tensor is in 8 bits."""
    if hasattr(tensor.each, "envelope"):
        raise NoPolynomialError("small tensors have another state")
    if not isinstance(tensor.each, int):
        raise UserError(
            f"adamw-8bit keeps tensors of fewer than {LEAST_IN_8_BIT:,} numbers in 32 bits: it has "
            "no formula in the model's sizes, and cannot be swept over them"
        )
    return tensor.each >= LEAST_IN_8_BIT


def _blocks(numbers: int) -> int:
    return -(-numbers // BLOCK_OF_8_BIT)
