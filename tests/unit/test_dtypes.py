"""Bytes of number formats, against PyTorch and the layouts of blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2calc.dtypes import DTYPES, ITEMSIZE, DType, dtype_called

OF_TORCH = {name: name for name in ("int64", "int32", "float32", "bfloat16", "float16", "bool")} | {
    "float8": "float8_e4m3fn"
}
BLOCKS = {
    # Numbers of a block, and the bytes of its parts.
    "nf4": (64, 64 * 4 // 8, 4),  # four bits each; the largest as float32
    "q4_0": (32, 32 * 4 // 8, 2),  # four bits each; a scale as float16
    "q8_0": (32, 32, 2),  # eight bits each; a scale as float16
    "q4_K": (256, 256 * 4 // 8, 8 * 2 * 6 // 8, 2, 2),  # 8 scales and minima of 6 bits; two float16
    "q6_K": (256, 256 * 4 // 8, 256 * 2 // 8, 16, 2),  # 4 and 2 bits; 16 scales; a float16
}


def test_all_formats_are_tested():
    assert set(OF_TORCH) | set(BLOCKS) == set(DTYPES)


def test_blocks_have_no_bytes_of_one_number():
    assert set(ITEMSIZE) == set(OF_TORCH)


@pytest.mark.parametrize("name", BLOCKS)
def test_bytes_of_a_block(name):
    block, *parts = BLOCKS[name]
    assert DTYPES[name] == DType(block, sum(parts))


@pytest.mark.parametrize(
    ("name", "block", "size"),
    [
        ("q4_0", 32, 18),
        ("q8_0", 32, 34),
        ("q4_K", 256, 144),
        ("q6_K", 256, 210),
        ("nf4", 64, 36),
    ],
)
def test_published_sizes_of_blocks(name, block, size):
    assert (DTYPES[name].block, DTYPES[name].size) == (block, size)


@given(st.sampled_from(sorted(DTYPES)), st.integers(0, 2000))
def test_a_block_that_is_not_full_counts_whole(name, numel):
    dtype = DTYPES[name]
    assert dtype.nbytes(numel) == sum(dtype.size for _ in range(0, numel, dtype.block))


def test_examples_of_blocks_that_are_not_full():
    assert [DTYPES["q4_0"].nbytes(numel) for numel in (0, 1, 31, 32, 33, 64)] == [
        0,
        18,
        18,
        18,
        36,
        36,
    ]
    assert DTYPES["q6_K"].nbytes(257) == 420
    assert DTYPES["nf4"].nbytes(65) == 72


@pytest.mark.parametrize(
    ("word", "dtype"),
    [
        ("bf16", "bfloat16"),
        (" BF16 ", "bfloat16"),
        ("BFloat16", "bfloat16"),
        ("tf32", "tfloat32"),
        ("TFloat32", "tfloat32"),
        ("fp8", "float8"),
        ("Mixed", "mixed"),
        ("q4_K", "q4_K"),
        ("Banana", "Banana"),
        (16, 16),
    ],
)
def test_a_dtype_goes_by_many_names(word, dtype):
    assert dtype_called(word) == dtype
