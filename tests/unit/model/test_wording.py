"""A model in its class's own words, read again, is the same model."""

import pytest
from drawing import FAMILIES, draw
from strategies import some_or_all

from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.model.sources.to_config_json import in_their_words


@pytest.mark.by_turns
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_model_in_its_own_words_is_read_as_the_same_model(family):
    for seed in some_or_all(range(100, 130), 6):
        drawn = from_contents(draw(family, seed), "drawn")
        words = in_their_words(drawn) | {"model_type": family.model_type}
        again = from_contents(words, "again")
        for name in ModelConfig.known:
            if drawn.heads or name not in ("n_head", "n_kv_head", "head_dim"):
                assert again.value(name) == drawn.value(name), (seed, name)


@pytest.mark.parametrize(
    ("family", "fields", "said"),
    [
        ("llama", {"qk_norm": "head"}, "cannot be built with QK norm"),
        ("llama", {"bias": True}, "cannot be built with biases"),
        ("mistral", {"window": 5, "full_layers": [1]}, "with no window in layer 1"),
        ("gemma2", {"parallel_residual": True}, "with parallel residual"),
    ],
)
def test_what_a_class_has_not_is_named(family, fields, said):
    model = ModelConfig(family=family, n_layer=2, n_embd=64, n_head=4, head_dim=16, **fields)
    with pytest.raises(UserError, match=said):
        in_their_words(model)
