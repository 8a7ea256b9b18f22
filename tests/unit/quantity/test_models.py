"""One way to name a model, taken by everything that takes a model; and what was changed is said."""

from pathlib import Path

import pytest
from every_function import EVERY

import gpt2calc
from gpt2calc import ModelConfig, UserError, case_of, count, load
from gpt2calc.quantity.models import labelled


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("n_layer = 5\nn_embd = 128\nvocab = 1000\n")
    return path


@pytest.mark.parametrize("name", EVERY)
def test_every_function_takes_every_kind_of_model(name, file):
    config = ModelConfig(n_layer=5, n_embd=128, vocab=1_000)
    of_config = EVERY[name](config)
    assert EVERY[name](str(file)) == of_config
    assert EVERY[name](file) == of_config
    assert EVERY[name](f"{file},n_layer=5") == of_config
    assert EVERY[name]("openai-community/gpt2-xl") == EVERY[name]("gpt2-xl")
    assert EVERY[name]("gpt2-xl") == EVERY[name](load("gpt2-xl"))
    assert EVERY[name]("gpt2-xl") != of_config or name == "tensors"


@pytest.mark.parametrize("model", [3, ["gpt2"], {"n_layer": 3}, object(), ModelConfig])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(UserError, match="is no model: give a preset's name, a file, a ModelConfig"):
        count(model)


@pytest.mark.parametrize("name", [b"gpt2", None, ModelConfig()])
def test_what_is_no_name_is_not_loaded(name):
    with pytest.raises(UserError, match="is no model's name: give a preset's, or that of a file"):
        load(name)


@pytest.mark.parametrize("name", ["openai-community/gpt2", "cerebras/Cerebras-GPT-111M"])
def test_the_hubs_name_of_a_preset(name):
    own = name.partition("/")[2].lower()
    assert load(name) == load(name.lower()) == load(own)


def test_every_preset_of_the_hub_is_called_as_its_preset():
    hubs = {preset.hub: preset for preset in gpt2calc.presets() if preset.hub}
    assert len(hubs) > 100
    of_gpt2 = {hub: each.name for hub, each in hubs.items() if each.config.family == "gpt2"}
    assert len(of_gpt2) == 12
    assert all(hub.partition("/")[2].lower() == name for hub, name in of_gpt2.items())
    assert load("meta-llama/Llama-2-7b-hf") == hubs["meta-llama/Llama-2-7b-hf"].config
    with pytest.raises(UserError, match="openai-community/gpt3"):
        load("openai-community/gpt3")


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("gpt2,n_layer=24", {"n_layer": 24}),
        ("gpt2, n-layer = 24 ,bias=false", {"n_layer": 24, "bias": False}),
        ("gpt2,tie_embeddings=no", {"tie_embeddings": False}),
        ("deep=gpt2,n_layer=24", {"n_layer": 24}),
        ("gpt2-xl,n_embd=1024", None),
    ],
)
def test_changes_are_written_after_a_model(word, fields):
    expected = load("gpt2-xl").replace(n_embd=1024) if fields is None else ModelConfig(**fields)
    assert load(word).effective() == expected.effective()


def test_a_label_says_what_was_changed():
    names = [model.name for model in labelled(["gpt2", "gpt2,n_layer=24"], tie_embeddings=False)]
    assert names == ["gpt2, tie_embeddings no", "gpt2, n_layer 24, tie_embeddings no"]
    (many,) = labelled("gpt2", n_layer=24, n_embd=1024, n_head=16, vocab=50_304)
    assert many.name == "gpt2, 4 changes"
    (same,) = labelled("gpt2", n_layer=12)
    assert (same.name, same.changed) == ("gpt2", frozenset())
    (own,) = labelled({"deep": load("gpt2").replace(n_layer=24)})
    assert own.name == "deep"
    assert [m.name for m in labelled([Path("gpt2"), ModelConfig()])] == ["gpt2", "12 x 768"]


def test_a_path_with_an_equals_sign_has_changes_and_labels_too(tmp_path):
    folder = tmp_path / "lr=1e-4"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "gpt2", "n_layer": 3}')
    for word, name, layers in [
        (f"{folder}", "lr=1e-4", 3),
        (f"{folder}/config.json,n_layer=5", "lr=1e-4, n_layer 5", 5),
        (f"mine={folder},n_layer=5", "mine", 5),
    ]:
        (found,) = labelled([word])
        assert (found.name, found.config.n_layer) == (name, layers)


@pytest.mark.parametrize("model", [5, 1.5, object(), [None, 3]])
def test_what_is_no_model_is_said(model):
    with pytest.raises(UserError, match="is no model: give a preset's name"):
        labelled(model)


@pytest.mark.parametrize("name", EVERY)
def test_every_function_takes_a_case(name):
    config = load("gpt2-medium")
    assert EVERY[name](case_of(config)) == EVERY[name](config)


@pytest.mark.parametrize("model", ["gpt2", None, 3])
def test_a_case_is_of_a_config(model):
    with pytest.raises(UserError, match="is no config: give a ModelConfig"):
        case_of(model)


def test_what_a_labelled_model_changes_is_known():
    (named,) = labelled({"mine": "gpt2,n_head=12,n_layer=24"})
    assert (named.name, named.given, named.changed) == (
        "mine",
        {"n_head", "n_layer"},
        {"n_layer"},
    )


def test_labels_need_not_be_text():
    assert [each.name for each in labelled({1: "gpt2", 2: "gpt2-xl"})] == ["1", "2"]


def test_none_is_gpt2_small_wherever_models_are_taken():
    assert [each.config for each in labelled(None)] == [ModelConfig()]
