"""FLOPs over a grid, against NumPy's own arithmetic."""

import numpy as np
import pytest

from gpt2calc import sweep

BATCHES, SEQUENCES, WIDTHS = range(1, 101), range(1, 1_001), range(64, 64 + 100)


@pytest.mark.benchmark(group="FLOPs over a grid of 100 x 1,000 x 100")
def bench_numpys_multiply_and_add(benchmark):
    a = np.arange(1, 101).reshape(-1, 1, 1)
    b = np.arange(1, 1_001).reshape(1, -1, 1)
    c = np.arange(64, 164).reshape(1, 1, -1)
    benchmark(lambda: a * b * c + b)


@pytest.mark.benchmark(group="FLOPs over a grid of 100 x 1,000 x 100")
def bench_a_sweep(benchmark):
    """Aim: at most twice NumPy's own."""
    benchmark(lambda: sweep(of="flops", batch=BATCHES, seq=SEQUENCES, n_embd=WIDTHS).total)
