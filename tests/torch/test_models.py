"""One way to name a model, taken by everything that takes a model; and what was changed is said."""

import pytest
from every_function import EVERY

from gpt2calc import ModelConfig, UserError, count
from gpt2calc.quantity.models import as_config


@pytest.mark.parametrize("name", EVERY)
def test_a_config_of_transformers_is_a_model(name):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    theirs = transformers.GPT2Config(n_layer=5, n_embd=128, n_head=2, vocab_size=1_000, n_inner=300)
    ours = ModelConfig(n_layer=5, n_embd=128, n_head=2, vocab=1_000, n_inner=300)
    assert as_config(theirs) == ours
    assert EVERY[name](theirs) == EVERY[name](ours)


def test_a_config_of_another_family_is_refused():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    with pytest.raises(UserError, match="model_type is 't5': out of reach here, an encoder"):
        count(transformers.T5Config())


def test_a_config_of_transformers_is_read_in_its_familys_words():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    assert count(transformers.LlamaConfig()).total == 6_738_415_616
