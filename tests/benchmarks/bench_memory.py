"""Bytes of a thousand runs at once, against one run by itself."""

from itertools import count

import pytest

from gpt2calc import load, sweep
from gpt2calc.metrics.memory.quantity import MEMORY, memory_case
from gpt2calc.quantity.case import case_of

BATCHES = count(2)


@pytest.mark.benchmark(group="bytes of training GPT-2")
def bench_one_run(benchmark):
    case = memory_case(case_of(load("gpt2")))
    benchmark(lambda: MEMORY.total(case.evaluate_at(batch=next(BATCHES))))


@pytest.mark.benchmark(group="bytes of training GPT-2")
def bench_a_thousand_runs(benchmark):
    """Runs on letters serve all points at which they decide alike."""
    benchmark(lambda: sweep(of="memory", batch=range(1, 1_001)).total)
