"""Bytes of number formats, against PyTorch and the layouts of blocks."""

import pytest

from gpt2calc.dtypes import DTYPES, ITEMSIZE

OF_TORCH = {name: name for name in ("int64", "int32", "float32", "bfloat16", "float16", "bool")} | {
    "float8": "float8_e4m3fn"
}


@pytest.mark.parametrize("name", OF_TORCH)
def test_bytes_of_one_number(name):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    itemsize = getattr(torch, OF_TORCH[name]).itemsize
    assert ITEMSIZE[name] == itemsize
    assert DTYPES[name].nbytes(7) == torch.empty(7, dtype=getattr(torch, OF_TORCH[name])).nbytes
