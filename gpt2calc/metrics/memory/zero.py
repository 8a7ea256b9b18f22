"""ZeRO: what GPUs share out, and what each gathers of it.

Source: Rajbhandari et al. 2020, "ZeRO: Memory Optimizations Toward Training Trillion Parameter
Models".
"""

from collections.abc import Iterator
from functools import reduce

import numpy as np

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.state_terms import (
    OF_A_BLOCK,
    Numbers,
    StateTerm,
    is_zero,
)
from gpt2calc.model.tensors import block_tensors, tensors
from gpt2calc.model.terms import Term
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.polynomial import Polynomial
from gpt2calc.quantity.quantity import NoFormulaError
from gpt2calc.tape.numeric import is_array, is_symbolic, symbols_in

SHARED = {
    0: (),
    1: ("optimizer",),
    2: ("optimizer", "gradients"),
    3: ("optimizer", "gradients", "weights"),
}
"""What is sharded over the GPUs, by the stage of ZeRO (Rajbhandari et al. 2020)."""


def stored(case: Case, what: str, part: str, width: int, numbers: Numbers) -> Iterator[StateTerm]:
    """Yield numbers of some bytes each, of the blocks and outside; or one GPU's part of them."""
    if is_shared(case, part):
        shape = (width, shared_out(case, part, numbers.total))
        yield StateTerm(what, part, "amount", shape, 1)
        return
    shapes = (
        (f"{OF_A_BLOCK}, {what}", numbers.in_block, numbers.blocks),
        (what, numbers.outside, 1),
    )
    for name, each, copies in shapes:
        if not is_zero(each) and not is_zero(copies):
            yield StateTerm(name, part, "amount", (width, each), copies)


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
    if any(isinstance(each, Polynomial) or is_symbolic(each) for each in numbers):
        raise NoFormulaError("which block is the largest depends on the sizes")
    if any(map(is_array, numbers)):
        return reduce(np.maximum, numbers)
    return max(numbers)


def is_shared(case: Case, part: str) -> bool:
    """Tell whether ZeRO shards a part: the weights, gradients or optimizer's state."""
    return bool(case.gpus > 1 and part in SHARED[case.zero_stage])


def shared_gradients(case: Case, made: Number, in_backward: bool) -> Iterator[Term]:
    """Yield one GPU's part of gradients of so many bytes, and those that are not shared out yet.

    A block's are whole until it is done, and those outside the blocks until backward ends.
    """
    yield StateTerm("gradients", "gradients", "amount", (shared_out(case, "gradients", made),), 1)
    if in_backward:
        shape = (unshared_gradients(case),)
        yield StateTerm("gradients before they are shared out", "gathered", "amount", shape, 1)


def unshared_gradients(case: Case) -> Number:
    """Return the bytes of gradients before they are shared out: a block's, and those outside."""
    return ITEMSIZE[case.weight_type] * _together(case)


def shared_roots(case: Case, made: Number) -> Term:
    """Return one GPU's part of the roots of mean squares, of so many bytes."""
    part = (shared_out(case, "roots of mean squares", made),)
    return StateTerm("roots of mean squares", "temporary", "amount", part, 1)


def shared_out(case: Case, part: str, numbers: Number) -> Number:
    """Return what one GPU holds of so many numbers, rounded up."""
    if isinstance(numbers, Polynomial):
        raise NoFormulaError("what GPUs share out is rounded up")
    if symbols_in(numbers):
        raise UserError(
            f"ZeRO shares {part} out among {case.gpus} GPUs and rounds up: there is no formula of "
            "that in the model's fields; leave out --zero-stage, or leave other fields open"
        )
    return -(-numbers // case.gpus)
