"""Bytes over a grid, against NumPy's own arithmetic."""

import numpy as np
import pytest

from gpt2calc import sweep

BATCHES, DEPTHS = range(1, 1_001), range(1, 1_001)


@pytest.mark.benchmark(group="bytes over a grid of 1,000 x 1,000")
def bench_numpys_multiply_and_add(benchmark):
    a = np.arange(1, 1_001).reshape(-1, 1)
    b = np.arange(1, 1_001).reshape(1, -1)
    benchmark(lambda: a * b + b)


@pytest.mark.benchmark(group="bytes over a grid of 1,000 x 1,000")
def bench_a_sweep(benchmark):
    """Each of the moments that may be the peak is a multiply and an add, and a maximum."""
    benchmark(lambda: sweep(of="memory", batch=BATCHES, n_layer=DEPTHS).total)
