"""Summands of what is stored for parameters: numbers of each block, and outside of the blocks."""

from collections.abc import Callable
from typing import NamedTuple

from gpt2calc.model.names import Names
from gpt2calc.model.tensors import tensors
from gpt2calc.model.terms import ParameterTensor, Term
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Number

OF_A_BLOCK = "h.*"
"""How the names of what every block has begin."""


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


def is_zero(number: Number) -> bool:
    """Tell whether a number is 0 in every case: an integer, or what letters come to."""
    return bool(getattr(number, "is_zero", isinstance(number, int) and number == 0))


def numel_of(case: Case) -> Numbers:
    """Add up the numbers of all parameters."""
    return numels_of(case, each_of)


def each_of(tensor: ParameterTensor) -> Number:
    """Return the numbers of a parameter."""
    return tensor.each
