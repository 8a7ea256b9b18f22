"""Dtypes and quantization formats, and the bytes that each takes.

Source: ``torch.dtype``; bitsandbytes 0.50.2, ``functional.py`` (nf4: one float32 for each block of
64 numbers, without double quantization); gguf 0.19, ``GGML_QUANT_SIZES``.
"""

from typing import NamedTuple


class DType(NamedTuple):
    """A format that stores ``block`` numbers in ``size`` bytes, scales included."""

    block: int
    size: int

    def nbytes(self, numel: int) -> int:
        """Return the bytes of ``numel`` numbers; a last block that is not full counts whole."""
        return -(-numel // self.block) * self.size


ALSO_CALLED = {
    "bf16": "bfloat16",
    "fp16": "float16",
    "half": "float16",
    "fp32": "float32",
    "f32": "float32",
    "f16": "float16",
    "float": "float32",
    "tf32": "tfloat32",
    "fp8": "float8",
    "amp": "mixed",
}
"""Aliases of dtypes, of precisions of products, and of mixed precision."""


def dtype_called(word: object) -> object:
    """Return the dtype that a word stands for, in capitals or not; anything else unchanged."""
    if not isinstance(word, str):
        return word
    plain = word.strip().lower().removeprefix("torch.")
    is_name = plain in DTYPES or plain in ALSO_CALLED.values()
    return ALSO_CALLED.get(plain, plain if is_name else word)


DTYPES = {
    "int64": DType(block=1, size=8),
    "int32": DType(block=1, size=4),
    "float32": DType(block=1, size=4),
    "bfloat16": DType(block=1, size=2),
    "float16": DType(block=1, size=2),
    "float8": DType(block=1, size=1),
    "bool": DType(block=1, size=1),
    "nf4": DType(block=64, size=36),
    "q4_0": DType(block=32, size=18),
    "q4_K": DType(block=256, size=144),
    "q6_K": DType(block=256, size=210),
    "q8_0": DType(block=32, size=34),
}
"""All formats by name."""

ITEMSIZE = {name: dtype.size for name, dtype in DTYPES.items() if dtype.block == 1}
"""Bytes of one number, for the formats that store numbers one by one."""
