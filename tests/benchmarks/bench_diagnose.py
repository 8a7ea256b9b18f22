"""A diagnosis that finds nothing, the slowest there is, against one count of a model."""

import pytest

from gpt2calc import ModelConfig, count, diagnose


@pytest.mark.benchmark(group="diagnose a number that nothing explains")
def bench_diagnose(benchmark):
    """Aim: well under a second."""
    assert not benchmark(diagnose, 130_000_001).explanations


@pytest.mark.benchmark(group="diagnose a number that nothing explains")
def bench_one_count(benchmark):
    benchmark(count, ModelConfig())
