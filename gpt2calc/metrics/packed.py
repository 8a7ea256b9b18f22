"""Weights packed in 8 or 4 bits, by rule: the matrices of blocks, with a scale for every 64."""

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError, quoted
from gpt2calc.model.terms import ParameterTensor

BITS = (8, 4)
PER_SCALE = 64
"""Weights that share a scale in float32."""
PACKED = (
    "8 and 4 bits, by rule: each weight of the blocks' matrices takes 8 or 4 bits, every 64 of "
    "them share a 32-bit scale; everything else takes 16 bits."
)


def is_packed(tensor: ParameterTensor) -> bool:
    """Tell whether a tensor is packed: a matrix of a block, experts included."""
    return tensor.in_block and len(tensor.shape) > 1


def packed_bytes(matrices: int, rest: int, bits: int) -> int:
    """Return the bytes of weights.

    Args:
        matrices: numbers in matrices that are packed.
        rest: all other parameters.
        bits: of each packed number; 16 for none that is packed.

    """
    scale = 0 if bits == 16 else ITEMSIZE["float32"]
    each = PER_SCALE * bits // 8 + scale
    return ITEMSIZE["bfloat16"] * rest + -(-matrices * each // PER_SCALE)


def refuse_other_bits(bits: int | None) -> None:
    """Raise ``UserError`` for weights in other numbers of bits."""
    if bits is not None and bits not in BITS:
        raise UserError(
            f"weight_bits is {quoted(bits)}: it must be 8 or 4; for weights in 16 or 32 leave it "
            "out, and give dtype"
        )
