"""Weights quantized to 8 or 4 bits, by rule: the matrices of blocks, with a scale for every 64."""

from fractions import Fraction
from math import ceil

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError, quoted
from gpt2calc.model.terms import ParameterTensor

BITS = (8, 4)
IN_16_BITS = ITEMSIZE["bfloat16"]
PER_SCALE = 64
"""Weights that share a scale in float32."""
PACKED = (
    "8 and 4 bits, by rule: each weight of the blocks' matrices takes 8 or 4 bits, every 64 of "
    "them share a 32-bit scale; everything else takes 16 bits."
)


def is_packed(tensor: ParameterTensor) -> bool:
    """Tell whether a tensor is quantized: a matrix of a block, experts included."""
    return tensor.in_block and len(tensor.shape) > 1


def packed_bytes(matrices: int, rest: int, bits: int) -> int:
    """Return the bytes of weights.

    Args:
        matrices: numbers in matrices that are packed.
        rest: all other parameters.
        bits: of each packed number; 16 for none that is packed.

    """
    each = IN_16_BITS if bits == 16 else _with_scale(bits)
    return IN_16_BITS * rest + ceil(matrices * each)


def bytes_each(tensor: ParameterTensor, bits: int | None) -> Fraction:
    """Return the bytes that each number of a tensor takes, its part of a scale included."""
    if bits is None or not is_packed(tensor):
        return Fraction(IN_16_BITS)
    return _with_scale(bits)


def _with_scale(bits: int) -> Fraction:
    """Return the bytes of a packed number, with its part of a scale."""
    return Fraction(bits, 8) + Fraction(ITEMSIZE["float32"], PER_SCALE)


def refuse_bits(bits: object, dtype: str) -> None:
    """Raise ``UserError`` for numbers of bits other than 8 and 4, or beside another dtype."""
    if bits is None:
        return
    if type(bits) is not int or bits not in BITS:
        raise UserError(
            f"weight_bits is {quoted(bits)}: it must be 8 or 4; for weights in 16 or 32 leave it "
            "out, and give dtype"
        )
    if dtype not in ("bfloat16", "float16"):
        raise UserError(
            f"weight_bits is {bits} and dtype is {dtype}: what is not quantized is in 16 bits; "
            "leave dtype out, or give bfloat16"
        )
