"""What training holds whatever the batch: weights, gradients, and the optimizer's state."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from gpt2calc.architecture import tensors
from gpt2calc.case import Case
from gpt2calc.errors import UserError
from gpt2calc.kept import BYTES
from gpt2calc.terms import Number, Tensor, Term

SHARDED = {
    "none": (),
    "optimizer": ("optimizer",),
    "gradients": ("optimizer", "gradients"),
    "parameters": ("optimizer", "gradients", "weights"),
}
"""What each GPU holds a part of alone: stages 1, 2 and 3 of ZeRO (Rajbhandari et al. 2020)."""

BLOCK_OF_8_BIT = 256
"""Numbers of 8 bits that share a float32 to scale them by, in bitsandbytes."""
LEAST_IN_8_BIT = 4096
"""Numbers of the smallest tensor whose state is in 8 bits, in bitsandbytes."""


class Stored(Term):
    """Something stored for parameters as a summand: the bytes of a number, times how many."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """What it is, in words."""
        return self.role

    @property
    def in_block(self) -> bool:
        """Return False: it is counted for the whole model at once."""
        return False


def stored(what: str, part: str, width: int, numbers: Number) -> Stored:
    """Make a summand of some numbers of some bytes each."""
    return Stored(what, part, "amount", (width, numbers), 1)


def elements(of: Iterable[Tensor]) -> Number:
    """Return the parameters of some tensors in all their copies."""
    return sum([tensor.amount for tensor in of])


def weights(case: Case) -> Stored:
    """Return the weights, or one GPU's part of them."""
    numbers = shared_out(case, "weights", elements(tensors(case.model)))
    return stored("every parameter", "weights", BYTES[case.weight_type], numbers)


def gradients(case: Case, numbers: Number) -> Iterator[Stored]:
    """Yield so many gradients, or one GPU's part of them; nothing where there are none yet."""
    if not isinstance(numbers, int) or numbers:
        numbers = shared_out(case, "gradients", numbers)
        yield stored("gradients", "gradients", BYTES[case.weight_type], numbers)


def optimizer(case: Case) -> Iterator[Stored]:
    """Yield what the optimizer keeps from step to step, or one GPU's part of it.

    Source: the states of ``torch.optim``'s AdamW, SGD and Adafactor; for ``adamw-8bit``
    ``bitsandbytes.optim.AdamW8bit``.
    """
    listed, width = tensors(case.model), BYTES[case.weight_type]

    def part(what: str, width: int, numbers: Number) -> Stored:
        return stored(what, "optimizer", width, shared_out(case, "optimizer", numbers))

    match case.optimizer:
        case "adamw":
            yield part("mean and mean square of gradients", 2 * width, elements(listed))
            yield part("step of every tensor", 4, _count(listed))
        case "momentum":
            yield part("momentum", width, elements(listed))
        case "adafactor":
            yield part("mean squares of rows and columns", 4, _rows_and_columns(listed))
            yield part("step of every tensor", 4, _count(listed))
        case "adamw-8bit":
            large, small = _by_size(listed)
            yield part("means in 8 bits", 2, elements(large))
            yield part("scales of blocks", 8, sum(_blocks(t.each) * t.copies for t in large))
            yield part("means of small tensors", 8, elements(small))


def optimizer_needs(case: Case) -> Iterator[Stored]:
    """Yield what a step needs besides: the roots of all mean squares at once, in AdamW.

    Source: the ``foreach`` implementation, PyTorch's default on GPUs.
    """
    if case.optimizer in ("adamw", "adafactor"):
        numbers = shared_out(case, "optimizer", elements(tensors(case.model)))
        yield stored("roots of mean squares", "temporary", BYTES[case.weight_type], numbers)


def shared_out(case: Case, part: str, numbers: Number) -> Number:
    """Return what one GPU holds of so many numbers, rounded up."""
    if case.gpus == 1 or part not in SHARDED[case.shard]:
        return numbers
    if hasattr(numbers, "free_symbols") and numbers.free_symbols:
        raise UserError(
            f"{part} are shared out among {case.gpus} GPUs and rounded up: there is no formula of "
            "them in the model's fields; leave out --shard, or leave other fields open"
        )
    return -(-numbers // case.gpus)


def _count(listed: Iterable[Tensor]) -> Number:
    """Return how many tensors there are, in all their copies."""
    return sum([tensor.copies for tensor in listed])


def _rows_and_columns(listed: Iterable[Tensor]) -> Number:
    """Return the rows and columns of all matrices, and the numbers of all vectors."""
    return sum([sum(tensor.shape) * tensor.copies for tensor in listed])


def _by_size(listed: Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Part the tensors whose state is in 8 bits from the smaller ones."""

    def is_large(tensor: Tensor) -> bool:
        if not isinstance(tensor.each, int):
            raise UserError(
                f"adamw-8bit keeps tensors of fewer than {LEAST_IN_8_BIT:,} numbers in 32 bits: "
                "it has no formula in the model's sizes, and cannot be swept over them"
            )
        return tensor.each >= LEAST_IN_8_BIT

    groups: dict[bool, list[Tensor]] = {True: [], False: []}
    for size, run in groupby(listed, key=is_large):
        groups[size].extend(run)
    return groups[True], groups[False]


def _blocks(numbers: Any) -> Any:
    return -(-numbers // BLOCK_OF_8_BIT)
