"""The list of tensors as people and programs read it."""

import json

import pytest
from hypothesis import given
from mathematics import from_text, value
from strategies import LETTERS, configs

from gpt2calc import ModelConfig, count, list_tensors, load, named_shapes, presets
from gpt2calc.model.fields.declared import letters
from gpt2calc.model.names import GPT2_NAMES

OF_UNLIKE_BLOCKS = [
    each.name for each in presets() if each.config.blocks_differ or each.config.has_other_layers
]


@given(configs())
def test_the_list_is_that_of_pytorch_with_copies(config):
    listed = json.loads(json.dumps(list_tensors(config).to_dict()))["tensors"]
    unrolled = [(GPT2_NAMES.pattern(name), list(shape)) for name, shape in named_shapes(config)]
    for each in listed:
        assert unrolled.count((each["name"], each["shape"])) == each["copies"]
    assert sum(each["parameters"] for each in listed) == count(config).total


@given(configs())
def test_the_formulas_give_the_shapes(config):
    values = {LETTERS[name]: getattr(config, name) for name in LETTERS}
    for each in list_tensors(config).to_dict()["tensors"]:
        for formula, size in zip(each["formula"], each["shape"], strict=True):
            number, letter = formula[:-1] or "1", formula[-1]
            assert int(number) * values[letter] == size


def test_every_tensor_says_where_it_belongs():
    listed = list_tensors(ModelConfig(tie_embeddings=False)).to_dict()["tensors"]
    places = {each["name"]: (each["sublayer"], each["kind"]) for each in listed}
    for name, (sublayer, kind) in places.items():
        assert name.endswith(f".{kind}")
        by_name = {"wte": "token_embedding", "wpe": "position_embedding", "lm_head": "lm_head"}
        for part, place in (
            by_name | {"attn": "attention", "mlp": "mlp", "ln_": "layer_norm"}
        ).items():
            if part in name:
                assert sublayer == place


def test_a_given_mlp_width_has_its_own_letter():
    assert "d × f" in str(list_tensors(ModelConfig(n_inner=100)))
    assert "d × 4d" in str(list_tensors(ModelConfig()))


@pytest.mark.parametrize("name", OF_UNLIKE_BLOCKS)
def test_the_formulas_of_unlike_blocks_give_their_shapes(name):
    config = load(name)
    listed = list_tensors(config)
    spelled = config.spelled_out()
    of_letters = {letter: spelled.value(field) for field, letter in letters(ModelConfig).items()}
    for tensor, formula, _ in listed.items():
        assert tuple(value(from_text(size), of_letters) for size in formula) == tensor.shape
    assert listed.total == count(config).total


@pytest.mark.parametrize("family", ["bloom", "mpt"])
def test_blocks_that_make_no_keys_have_a_projection_of_queries_alone(family):
    config = ModelConfig(
        family=family, n_layer=4, n_embd=64, n_head=4, vocab=96, n_ctx=32, shared_kv_layers=[2, 3]
    )
    usual = config.evaluate_at(shared_kv_layers=None)
    in_all = [tensor.amount for tensor in list_tensors(usual).tensors if tensor.role == "qkv"]
    assert list_tensors(config).total == count(config).total
    in_half_the_layers = sum(in_all) // 2
    assert 3 * (count(usual).total - count(config).total) == 2 * in_half_the_layers


@pytest.mark.parametrize("name", OF_UNLIKE_BLOCKS)
def test_tensors_of_unlike_blocks_say_their_layers(name):
    config = load(name)
    names = config.names
    in_blocks = names.in_full(names.blocks.partition("*")[0])
    listed = json.loads(list_tensors(config).json())["tensors"]
    expected = [
        (names.in_full(each["name"].replace("*", str(layer), 1)), tuple(each["shape"]))
        for each in listed
        for layer in each.get("layers") or range(each["copies"])
        if names.in_full(each["name"]).startswith(in_blocks)
    ]
    there = [pair for pair in named_shapes(config) if pair[0].startswith(in_blocks)]
    assert sorted(expected) == sorted(there)


def test_a_table_shows_the_first_layers_of_a_tensor_and_the_last():
    said = list_tensors("qwen3-next-80b-a3b").text()
    assert "0-2, 4-6, 8-10, 12-14, ..., 44-46" in said
    assert "3, 7, 11, 15, ..., 47" in said
    assert "layers " not in list_tensors("llama-3-8b").text().split("\n\n", 1)[1]
