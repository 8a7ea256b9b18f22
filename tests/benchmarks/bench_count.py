"""How long a count takes, against building the same model on PyTorch's meta device."""

import pytest

from gpt2calc import ModelConfig, count

CONFIG = ModelConfig()


@pytest.mark.benchmark(group="count GPT-2 small")
def bench_count(benchmark):
    """Aim: at most 15 microseconds."""
    assert benchmark(count, CONFIG).total == 124_439_808


@pytest.mark.benchmark(group="count GPT-2 small")
def bench_building_it_on_meta(benchmark):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")

    def build():
        with torch.device("meta"):
            return transformers.GPT2LMHeadModel(transformers.GPT2Config())

    assert sum(each.numel() for each in benchmark(build).parameters()) == 124_439_808
