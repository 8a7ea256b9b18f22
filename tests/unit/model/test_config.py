"""What a config accepts, refuses and derives."""

import sys

import numpy as np
import pytest
from hypothesis import given
from strategies import configs

from gpt2calc import ModelConfig, UserError


def test_the_defaults_are_gpt2_small():
    config = ModelConfig()
    assert (config.n_layer, config.n_embd, config.vocab, config.n_ctx) == (12, 768, 50257, 1024)
    assert (config.heads, config.mlp_width) == (12, 3072)
    assert (config.bias, config.value("qkv_bias"), config.tie_embeddings) == (True, True, True)


@pytest.mark.parametrize("width", [768, 1024, 1280, 1600])
def test_heads_follow_gpt2s_rule(width):
    assert ModelConfig(n_embd=width).heads == {768: 12, 1024: 16, 1280: 20, 1600: 25}[width]


def test_a_width_that_is_no_multiple_of_64_has_no_heads_by_rule():
    assert ModelConfig(n_embd=100).heads is None
    assert ModelConfig(n_embd=100, n_head=5).heads == 5


@pytest.mark.parametrize("value", [True, 12.5, 12.0, "twelve", "12", float("nan"), 0, -1, [12]])
@pytest.mark.parametrize("field", ["n_layer", "n_head", "n_embd", "vocab", "n_ctx", "n_inner"])
def test_a_number_must_be_a_positive_integer(field, value):
    with pytest.raises(UserError) as refusal:
        ModelConfig(**{field: value})
    line = str(refusal.value)
    assert line.startswith(f"{field} is {value!r}: it must be a positive whole number, such as ")
    assert int(line.rpartition(" ")[2]) > 0


@pytest.mark.parametrize("field", ["n_layer", "n_embd", "vocab", "n_ctx"])
def test_a_number_cannot_be_left_empty(field):
    with pytest.raises(UserError, match=f"{field} is None"):
        ModelConfig(**{field: None})


@pytest.mark.parametrize("value", [1, 0, "yes", "true", 1.0])
@pytest.mark.parametrize("field", ["bias", "qkv_bias", "tie_embeddings"])
def test_a_switch_must_be_true_or_false(field, value):
    with pytest.raises(UserError, match=f"{field} is {value!r}: it must be true or false"):
        ModelConfig(**{field: value})


def test_heads_must_divide_the_width():
    with pytest.raises(UserError, match="n_head is 7: it must divide n_embd, which is 768, as 12"):
        ModelConfig(n_head=7)
    with pytest.raises(UserError, match="which is 100, as 1 does"):
        ModelConfig(n_head=64, n_embd=100)


def test_an_unknown_field_names_the_nearest():
    with pytest.raises(UserError, match="unknown field 'n_layers'; did you mean 'n_layer'"):
        ModelConfig(n_layers=12)
    with pytest.raises(
        UserError, match="unknown field 'zzz'; the fields are family, n_layer, n_embd"
    ):
        ModelConfig(zzz=True)


def test_a_long_value_is_cut_so_that_the_message_stays_short():
    with pytest.raises(UserError) as refusal:
        ModelConfig(n_layer="9" * 10_000)
    assert len(str(refusal.value)) < 120


def test_a_number_of_thousands_of_digits_is_refused_like_any_other():
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(4300)
    try:
        with pytest.raises(UserError, match="n_layer is a number of thousands of digits: it must"):
            ModelConfig(n_layer=-(10**5000))
    finally:
        sys.set_int_max_str_digits(limit)


def test_numpy_integers_are_integers():
    config = ModelConfig(n_layer=np.int64(24))
    assert config.n_layer == 24
    assert type(config.n_layer) is int
    with pytest.raises(UserError):
        ModelConfig(n_layer=np.bool_(True))


def test_it_is_frozen():
    with pytest.raises(Exception, match="frozen"):
        ModelConfig().n_layer = 24


@given(configs())
def test_it_survives_a_round_trip(config):
    assert ModelConfig(**config.model_dump()) == config
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


def test_replacing_a_field_keeps_the_rest_and_its_rules():
    config = ModelConfig(n_layer=24).replace(n_embd=1024)
    assert (config.n_layer, config.n_embd, config.mlp_width, config.heads) == (24, 1024, 4096, 16)
    with pytest.raises(UserError, match="n_layer is 0"):
        config.replace(n_layer=0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "12 layers, width 768, 12 heads, vocabulary 50,257, context 1,024"),
        ({"n_embd": 100}, "width 100, vocabulary"),
        ({"n_inner": 100}, "MLP width 100"),
        ({"bias": False}, "no biases"),
        ({"qkv_bias": False}, "no QKV bias"),
        ({"bias": False, "qkv_bias": True}, "no biases, QKV bias"),
        ({"tie_embeddings": False}, "untied head"),
    ],
)
def test_it_says_itself_in_words(fields, words):
    assert words in str(ModelConfig(**fields))


def test_every_field_is_described_for_the_command_line():
    assert all(known.description for known in ModelConfig.known.values())


LIGHTNING = {"mixer": "lightning", "mixer_heads": 4, "mixer_key_heads": 4}
LIGHTNING |= {"mixer_head_dim": 8, "mixer_state_dim": 8}
SHORT = {"mixer": "short_conv", "mixer_kernel": 3}
LATENT = {"kv_lora_rank": 64, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"qk_rope_head_dim": 8},
            "qk_rope_head_dim needs latent attention .MLA.: give kv_lora_rank",
        ),
        ({"indexer_layers": [0]}, "indexer_layers needs latent attention .MLA.: give kv_lora_rank"),
        (LATENT | {"v_head_dim": None}, "v_head_dim is missing: latent attention"),
        (LATENT | {"n_kv_head": 2}, "n_kv_head does not go with latent attention: leave out"),
        (LATENT | {"index_head_dim": 8}, "index_head_dim needs an indexer: give index_n_heads"),
        (LATENT | {"index_n_heads": 2}, "an indexer has index_head_dim"),
        (
            LATENT
            | {"index_n_heads": 2, "index_head_dim": 8, "q_lora_rank": 8, "indexer_layers": [12]},
            "indexer_layers has 12: layers are numbered from 0, and the last of 12 is 11",
        ),
        ({"attention_gate": True, "qk_norm": "width"}, "attention_gate cuts queries by head"),
        ({**LATENT, "qk_norm": "head"}, "qk_norm does not go with latent attention"),
        ({**LATENT, "attention_sinks": True}, "attention_sinks does not go with latent attention"),
        ({"mlp_layers": [12]}, "mlp_layers has 12: layers are numbered from 0"),
        ({"mlp_layers": [*range(12)]}, "mlp_layers has all layers: leave out some"),
        ({"mlp_layers": [1], "window": 4}, "mlp_layers makes blocks of one part"),
        ({"mlp_layers": [], "n_expert": 4}, "no layer in mlp_layers has experts"),
        ({"mlp_layers": [1], "n_expert": 4, "dense_layers": [2]}, "layer 2 is in dense_layers"),
        ({"mlp_layers": [1], **SHORT, "attention_layers": [1]}, "layer 1 is in mlp_layers and"),
        ({"mixer_norm": False}, "mixer_norm is false, but the mixer is attention"),
        ({**LIGHTNING, "mixer_norm": False}, "'lightning' has a norm always"),
        ({**LIGHTNING, "mixer_key_heads": 3}, "mixer_key_heads is 3: it must divide"),
        ({**LIGHTNING, "mixer_conv_bias": True}, "'lightning' has no convolution"),
        ({**LIGHTNING, "window": 4}, "beside a window: list in full_layers the layers whose"),
        (
            {**LIGHTNING, "window": 4, "full_layers": [1], "attention_layers": [2]},
            "layer 1 is in full_layers and not in attention_layers",
        ),
        (
            {**LIGHTNING, "attention_layers": [], "mlp_layers": [], "attention_gate": True},
            "attention_gate needs attention, which no layer has",
        ),
        ({"mixer_rank": 4}, "mixer_rank needs a mixer other than attention"),
        ({"parallel_mixer": True}, "parallel_mixer needs a mixer other than attention"),
        ({"expert_latent_dim": 4}, "expert_latent_dim needs experts"),
        ({"attention_layers": [1]}, "attention_layers needs a mixer other than attention"),
        ({"mixer_bias": True}, "mixer_bias needs a mixer other than attention: give mixer"),
        ({"mixer": "short_conv"}, "mixer_kernel is missing: 'short_conv' needs it"),
        (
            {"mixer": "short_conv", "mixer_kernel": 3, "mixer_heads": 2},
            "mixer_heads is no size of 'short_conv'",
        ),
        (
            {"mixer": "short_conv", "mixer_kernel": 3, "attention_layers": [99]},
            "attention_layers has 99: layers are numbered from 0",
        ),
    ],
)
def test_numbers_of_another_attention_are_refused(fields, words):
    with pytest.raises(UserError, match=words):
        ModelConfig(n_head=12, **fields)


FULL = {"window": 4, "full_layers": [3], "head_dim": 64}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"full_head_dim": 8}, "full_head_dim needs layers with and without a window: give window"),
        ({"full_head_dim": 8, "window": 4}, "such as 512, and full_layers"),
        ({**FULL, "head_dim": None, "full_n_kv_head": 2}, "give n_head and head_dim"),
        ({**FULL, "full_n_kv_head": 5}, "full_n_kv_head is 5: it must divide n_head, which is 12"),
        ({**FULL, "full_n_head": 8, "n_kv_head": 3}, "n_kv_head is 3: it must divide full_n_head"),
        (
            {**FULL, "full_values_are_keys": True, "attention_gate": True},
            "does not go with attention_gate",
        ),
        ({"separate_gate": True, "gate_per_head": True}, "separate_gate needs attention_gate"),
        ({"attention_gate": True, "gate_per_head": True}, "gate_per_head needs separate_gate"),
        ({"norm_after_experts": True}, "norm_after_experts needs experts"),
        (
            {**LATENT, "differential_attention": True},
            "differential_attention is given, beside kv_lora_rank",
        ),
        ({**FULL, "full_values_are_keys": True, "v_head_dim": 8}, "beside v_head_dim"),
        (
            {"window": 4, "full_every": 2, "attention_sinks": True, "full_sinks": False},
            "give full_layers, not full_every",
        ),
        ({"v_head_dim": 8, "attention_gate": True}, "v_head_dim is given, beside attention_gate"),
        ({"double_wide_mlp": True}, "double_wide_mlp needs shared_kv_layers: give both"),
        ({"shared_kv_layers": [12]}, "shared_kv_layers has 12: layers are numbered from 0"),
        ({"shared_kv_layers": [0]}, "layer 0 is in shared_kv_layers, and no layer before it"),
        ({**FULL, "shared_kv_layers": [3]}, "layer 3 is in shared_kv_layers, and no layer before"),
        ({**LATENT, "shared_kv_layers": [3]}, "leave out kv_lora_rank, mixer, mlp_layers"),
        ({"per_layer_vocab": 9}, "per_layer_vocab needs per-layer embeddings: give per_layer_dim"),
        ({"altup_inputs": 1}, "altup_inputs is 1: give at least 2 residual streams"),
        ({"laurel_rank": 4}, "laurel_rank needs norms before and after"),
        ({"separate_gate": True}, "separate_gate needs attention_gate: give both"),
        ({"differential_attention": True, "n_head": 3}, "which are 3: give an even number"),
        ({"laurel_rank": 4, "norm_place": "both", "parallel_residual": True}, "leave out laurel"),
        ({**LATENT, "sub_norms": True}, "sub_norms does not go with latent attention"),
        ({"mlp_beside_experts": True}, "mlp_beside_experts needs experts"),
        (
            {"mlp_beside_experts": True, "n_expert": 4, "n_inner_shared": 8},
            "mlp_beside_experts is given, beside n_inner_shared",
        ),
    ],
)
def test_layers_that_cannot_differ_so_are_refused(fields, words):
    with pytest.raises(UserError, match=words):
        ModelConfig(**{"n_head": 12, **fields})


def test_the_heads_of_values_need_a_number():
    with pytest.raises(UserError, match="v_head_dim needs n_head"):
        ModelConfig(n_embd=100, v_head_dim=8)
    with pytest.raises(UserError, match="differential_attention needs n_head"):
        ModelConfig(n_embd=100, differential_attention=True)


@pytest.mark.parametrize("layers", [range(2), {0, 1}, [np.int64(1), np.int64(0)], (1, 0, 1)])
def test_a_list_of_layers_may_be_any_collection_of_integers(layers):
    assert ModelConfig(n_expert=4, n_layer=3, dense_layers=layers).dense_layers == (0, 1)


@pytest.mark.parametrize("layers", [[True], ["1"], [[1]], [1.0], "1"])
def test_what_is_no_list_of_layers_is_refused(layers):
    with pytest.raises(UserError, match="it must be a list of whole numbers"):
        ModelConfig(n_expert=4, dense_layers=layers)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"full_every": 4}, "full_every is given, but no window"),
        ({"no_rope_every": 4}, "no_rope_every is 4, which needs rotary positions"),
        ({"family": "llama", "rotary_dim": 4_096}, "more than the 64 features of a head"),
        ({"family": "gpt_neox", "rotary_dim": 7}, "rotary_dim is 7: give an even number"),
    ],
)
def test_what_no_layer_can_have_is_refused(fields, words):
    with pytest.raises(UserError, match=words):
        ModelConfig(**fields)


def test_one_of_many_is_said_without_a_plural():
    words = ModelConfig(family="llama", window=1, n_kv_head=1, n_head=12, n_layer=1).title()
    assert "1 layer," in words
    assert "1 KV head," in words
    assert "a window of 1 token" in words
    assert "tokens" not in words


def test_heads_give_way_to_a_width_that_they_do_not_divide_and_latent_ones_do_not():
    assert ModelConfig(n_head=12).replace(n_embd=np.int64(700)).n_head is None
    sizes = {"kv_lora_rank": 16, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8}
    latent = ModelConfig(family="llama", n_head=12, **sizes)
    assert latent.replace(n_embd=700).n_head == 12
