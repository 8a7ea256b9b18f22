"""Totals over a grid, against NumPy's own ``a * b + c`` with the same output, and a plain loop."""

import numpy as np
import pytest

from gpt2calc import ModelConfig, count, sweep

DEPTHS, WIDTHS = range(1, 1_001), range(64, 64 + 10_000)


@pytest.mark.benchmark(group="totals over a grid of 1,000 x 10,000")
def bench_numpys_multiply_and_add(benchmark):
    a = np.arange(1, 1_001).reshape(-1, 1)
    b = np.arange(64, 10_064).reshape(1, -1)
    c = np.arange(10_000).reshape(1, -1)
    benchmark(lambda: a * b + c)


@pytest.mark.benchmark(group="totals over a grid of 1,000 x 10,000")
def bench_a_sweep(benchmark):
    """Aim: at most twice NumPy's own."""
    benchmark(lambda: sweep(n_layer=DEPTHS, n_embd=WIDTHS).total)


@pytest.mark.benchmark(group="totals over a grid of 1,000 x 10,000")
def bench_a_sweep_over_vocabularies(benchmark):
    benchmark(lambda: sweep(vocab=DEPTHS, n_embd=WIDTHS).total)


@pytest.mark.benchmark(group="totals over a grid of 100 x 100")
def bench_a_small_sweep(benchmark):
    benchmark(lambda: sweep(n_layer=DEPTHS[:100], n_embd=WIDTHS[:100]).total)


@pytest.mark.benchmark(group="totals over a grid of 100 x 100")
def bench_a_loop_over_count(benchmark):
    configs = [ModelConfig(n_layer=n, n_embd=d) for n in DEPTHS[:100] for d in WIDTHS[:100]]
    benchmark.pedantic(lambda: [count(each).total for each in configs], rounds=3)


@pytest.mark.benchmark(group="a sweep's time is linear in its points")
@pytest.mark.parametrize("points", [10**6, 10**7])
def bench_points(benchmark, points):
    benchmark(lambda: sweep(n_layer=range(1, points // 1_000 + 1), n_embd=WIDTHS[:1_000]).total)
