"""Presets against the tables they come from, and every kind of file against every kind of fault."""

import json

import pytest

from gpt2calc import ModelConfig, load


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_name_and_its_alias_the_alias_holds_as_in_transformers(tmp_path, order):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    both = [("n_layer", 5), ("num_hidden_layers", 3), ("n_embd", 64), ("hidden_size", 128)][::order]
    contents = {"model_type": "gpt2", "n_head": 4, **dict(both)}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(contents))
    theirs = transformers.GPT2Config.from_pretrained(tmp_path)
    assert (load(path).n_layer, load(path).n_embd) == (theirs.n_layer, theirs.n_embd) == (3, 128)


def test_a_config_saved_by_transformers_itself(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    transformers.GPT2Config(n_layer=5, n_embd=128, n_head=8, vocab_size=77).save_pretrained(
        tmp_path
    )
    assert load(tmp_path) == ModelConfig(n_layer=5, n_embd=128, n_head=8, vocab=77)
