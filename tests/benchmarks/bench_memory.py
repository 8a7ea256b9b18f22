"""Memory: the whole command against the plain count, and a grid against NumPy's arithmetic."""

import subprocess
import sys

import numpy as np
import pytest

from gpt2calc import sweep

BATCHES, DEPTHS = range(1, 1_001), range(1, 1_001)


def process(*arguments):
    command = [sys.executable, "-m", "gpt2calc", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.benchmark(group="gpt2calc memory, whole process", min_rounds=15)
def bench_the_count(benchmark):
    benchmark(process, "--n-layer", "48")


@pytest.mark.benchmark(group="gpt2calc memory, whole process", min_rounds=15)
def bench_the_bytes(benchmark):
    """Aim: not much slower than the count, though it looks at dozens of moments."""
    benchmark(process, "memory", "--n-layer", "48")


@pytest.mark.benchmark(group="bytes over a grid of 1,000 x 1,000")
def bench_numpys_multiply_and_add(benchmark):
    a = np.arange(1, 1_001).reshape(-1, 1)
    b = np.arange(1, 1_001).reshape(1, -1)
    benchmark(lambda: a * b + b)


@pytest.mark.benchmark(group="bytes over a grid of 1,000 x 1,000")
def bench_a_sweep(benchmark):
    """Each of the moments that may be the peak is a multiply and an add, and a maximum."""
    benchmark(lambda: sweep(of="memory", batch=BATCHES, n_layer=DEPTHS).total)
