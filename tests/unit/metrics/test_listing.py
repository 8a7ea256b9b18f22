"""The list of tensors as people and programs read it."""

import json

from hypothesis import given
from strategies import LETTERS, configs

from gpt2calc import ModelConfig, count, list_tensors, named_shapes
from gpt2calc.model.names import GPT2_NAMES


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
