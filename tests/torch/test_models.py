"""One way to name a model, taken by everything that takes a model; and what was changed is said."""

import pytest

import gpt2calc
from gpt2calc import ModelConfig, UserError, count
from gpt2calc.quantity.models import as_config

EVERY = {
    "count": lambda model: gpt2calc.count(model).total,
    "tensors": lambda model: len(gpt2calc.tensors(model)),
    "named_shapes": lambda model: len(gpt2calc.named_shapes(model)),
    "list_tensors": lambda model: gpt2calc.list_tensors(model).total,
    "compare": lambda model: gpt2calc.compare([model, model]).counts[1].total,
    "compare one": lambda model: gpt2calc.compare(model, n_layer=3).counts[1].total,
    "solve": lambda model: gpt2calc.solve(model, "1B").shapes[0].counted.total,
    "solve_for": lambda model: gpt2calc.solve_for("vocab", model, "1B").common,
    "sweep": lambda model: gpt2calc.sweep(model, n_layer=[2, 3]).total.tolist(),
    "explain": lambda model: gpt2calc.explain(model).total[-1],
    "formula": lambda model: str(gpt2calc.formula(model, free="vocab")),
    "diagnose": lambda model: gpt2calc.diagnose(124_439_808, model).config,
}
"""Something that depends on the model, from every function that takes one."""


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
