"""Counts against published figures, and the laws that hold between counts."""

import json

import pytest
from hypothesis import given
from strategies import configs

from gpt2calc import SUBLAYERS, ModelConfig, UserError, count, load

PYTORCH = {
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
}
"""Sum of ``numel`` over ``GPT2LMHeadModel.named_parameters()``, tied head."""
WITHOUT_BIASES = {
    "gpt2": 124_337_664,
    "gpt2-medium": 354_551_808,
    "gpt2-large": 773_521_920,
    "gpt2-xl": 1_556_764_800,
}
"""nanoGPT's transformer_sizing.ipynb, which has neither biases nor shifts in its layer norms."""


@pytest.mark.parametrize("name", PYTORCH)
def test_the_four_gpt2_to_the_last_parameter(name):
    assert count(load(name)).total == PYTORCH[name]


@pytest.mark.parametrize("name", WITHOUT_BIASES)
def test_without_biases_as_nanogpt_counts_them(name):
    assert count(load(name).replace(bias=False)).total == WITHOUT_BIASES[name]
    assert count(load(name)).weights == WITHOUT_BIASES[name]


@pytest.mark.parametrize(
    ("fields", "total"),
    [
        ({"tie_embeddings": False}, 163_037_184),  # "my GPT-2 has 163M parameters"
        ({"vocab": 50_304}, 124_475_904),  # nanoGPT's padded vocabulary
    ],
)
def test_numbers_that_people_asked_about(fields, total):
    assert count(ModelConfig(**fields)).total == total


def test_attention_and_mlp_matrices_are_the_folklore():
    counted = count(ModelConfig())
    assert counted["attention"].weights + counted["mlp"].weights == 84_934_656  # TransformerLens


def test_exact_where_floats_are_not():
    wide = count(ModelConfig(n_layer=1, n_embd=10**9, vocab=1, n_ctx=1))
    assert wide.total == 12_000_000_017_000_000_000  # 12 d^2 + 17 d, written out


@given(configs(largest_depth=10**6))
def test_the_parts_make_the_whole(config):
    counted = count(config)
    parts = list(counted.sublayers.values())
    assert list(counted.sublayers) == list(SUBLAYERS)
    assert sum(part.weights for part in parts) == counted.weights
    assert sum(part.biases for part in parts) == counted.biases
    assert sum(part.total for part in parts) == counted.total == counted.weights + counted.biases
    assert sum(part.share for part in parts) == pytest.approx(1)
    assert all(type(number) is int for part in parts for number in part[:3])
    assert counted.non_embedding == sum(
        counted[name].total for name in ("attention", "mlp", "layer_norm")
    )
    assert hash(counted) == hash(count(config))


@given(configs(largest_depth=10**6))
def test_one_more_layer_adds_one_block(config):
    more = count(config.replace(n_layer=config.n_layer + 1)).total
    assert more - count(config).total == count(config).per_block


@given(configs())
def test_no_biases_leaves_the_weights(config):
    bare = count(config.replace(bias=False, qkv_bias=False))
    assert bare.biases == 0
    assert bare.total == count(config).weights


def test_an_unknown_sublayer_is_refused_with_the_nearest():
    with pytest.raises(UserError, match="no part is called 'atention'; did you mean 'atten"):
        count(ModelConfig())["atention"]
    with pytest.raises(UserError, match="they are token_embedding, position_embedding"):
        count(ModelConfig())["xyz"]


def test_a_count_is_a_container_of_its_sublayers():
    counted = count(ModelConfig())
    assert list(counted) == list(SUBLAYERS)
    assert "attention" in counted
    assert "atention" not in counted
    with pytest.raises(UserError, match="no part is called 0"):
        counted[0]


def test_json_has_everything():
    counts = json.loads(json.dumps(count(ModelConfig()).to_dict()))
    assert list(counts) == [
        "config",
        "total",
        "weights",
        "biases",
        "active",
        "non_embedding",
        "per_block",
        "sublayers",
    ]
    assert list(counts["sublayers"]) == list(SUBLAYERS)
    assert counts["sublayers"]["lm_head"] == {"weights": 0, "biases": 0, "total": 0, "share": 0.0}
    assert counts["sublayers"]["attention"] == {
        "weights": 12 * (768 * 2304 + 768 * 768),
        "biases": 12 * (2304 + 768),
        "total": 28_348_416,
        "share": 28_348_416 / 124_439_808,
    }
    assert (counts["total"], counts["weights"], counts["biases"]) == (
        124_439_808,
        124_337_664,
        102_144,
    )
    assert counts["per_block"] == (124_439_808 - 768 * (50_257 + 1_024 + 2)) // 12
    assert ModelConfig(**counts["config"]).effective() == ModelConfig().effective()
    assert (counts["config"]["n_head"], counts["config"]["n_inner"]) == (12, 3_072)
    assert counts["non_embedding"] == 124_439_808 - 50_257 * 768 - 1_024 * 768


def test_the_tied_head_is_noted_where_it_is_tied_alone():
    assert "The head is tied" in count("gpt2").text()
    assert "The head is tied" not in count("gpt2,tie_embeddings=no").text()


def test_a_bare_row_of_text_is_as_wide_as_its_bars_allow():
    lines = count("gpt2").text().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[6] == ("attention            28,311,552   36,864   28,348,416   22.78%  ███▎")


def test_layers_with_a_window_and_without_are_said():
    assert "22 with a window, 4 without" in count("gemma-3-1b").text()
