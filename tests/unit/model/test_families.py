"""Every family against its own class in transformers: names, order, shapes, sums and FLOPs."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from drawing import FAMILIES, draw

from gpt2calc import (
    ModelConfig,
    Run,
    UserError,
    count,
    diagnose,
    flops,
    load,
    named_shapes,
    presets,
)
from gpt2calc.model.families.table import family_called
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.model.sources.to_config_json import in_their_words
from gpt2calc.quantity.case import case_of

PUBLISHED = json.loads((Path(__file__).parents[2] / "published.json").read_text())
"""Published models by their names on the Hub: the keys that count, and the totals."""
PEERS_MODELS = ("llama-3-8b", "qwen2.5-7b", "gemma-2b", "mixtral-8x7b")
DRAWS = 24
BAD = (None, "x", 0, 1.5, True, [], [[1]], ["x"], {}, float("inf"), 10**400)
"""What a key of a file may be by mistake."""
OF_TYPE = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


@OF_TYPE
def test_an_architecture_has_the_hash_of_its_equals(family):
    again = replace(family.architecture)
    assert again == family.architecture
    assert hash(again) == hash(family.architecture)


@OF_TYPE
def test_a_block_that_is_recomputed_behind_a_cache_joins_nothing_twice(family):
    config = from_contents(draw(family, 1), "drawn")
    alone = flops(config, Run(seq=3, cached=2))
    run = flops(config, Run(seq=3, cached=2, training=True, checkpointing="block"))
    works = run.sublayers.values()
    assert sum(each.forward for each in works) == alone.total
    of_indexers = [one for one in alone.operations if one.term.role.startswith("index")]
    without = sum(one.term.amount for one in of_indexers)  # no gradient goes through them
    assert sum(each.backward for each in works) == 2 * (alone.total - without)
    assert 0 < sum(each.recomputed for each in works) < alone.total


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"layer_types": ["full_attention"]}, "layer_types has 1 entries, for 2 layers"),
        ({"layer_types": "all"}, "layer_types is 'all': it must be a list"),
        ({"layer_types": ["sliding_attention"] * 2, "sliding_window": None}, "there is no window"),
        ({"sliding_window": "near"}, "sliding_window is 'near'"),
        ({"model_type": "qwen2", "use_sliding_window": 1}, "it must be true or false"),
        ({"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": "x"}, "whole"),
        ({"model_type": "gpt_neo", "attention_types": 1e308}, "attention_types is 1e+308"),
        ({"model_type": "gpt_neo", "attention_types": [[["far"], 2]]}, "'global' or 'local'"),
        ({"model_type": "phi", "partial_rotary_factor": 2}, "it must be a share of a head"),
        ({"model_type": "smollm3", "no_rope_layers": [1, 2]}, "it must be a list of 0 and 1"),
        ({"model_type": "gptj", "rotary_dim": "all"}, "rotary_dim is 'all'"),
        ({"model_type": "smollm3", "no_rope_layers": [1]}, "no_rope_layers has 1 entries, for 2"),
        ({"model_type": "smollm3", "use_sliding_window": True}, "SmolLM3 then has windows which"),
        ({"model_type": "exaone4", "sliding_window_pattern": "LX"}, "a number, or a word of L"),
        ({"model_type": "mamba", "expand": 1.5}, "expand is 1.5: it must be a positive whole"),
        ({"model_type": "mamba", "hidden_size": "768"}, "hidden_size is '768': it must be a"),
        ({"model_type": "mamba", "time_step_rank": "x"}, "time_step_rank is 'x'"),
        ({"model_type": "mamba2", "expand": 3}, "num_heads is 128 and head_dim 64: their product"),
        ({"model_type": "nemotron_h", "hybrid_override_pattern": "MX"}, "a word of M, E, * and -"),
        ({"model_type": "nemotron_h", "layers_block_type": []}, "layers_block_type is []"),
        ({"model_type": "nemotron_h", "layers_block_type": ["far"]}, "layers_block_type has 'far'"),
        ({"model_type": "jamba", "attn_layer_offset": 9}, "the offset the smaller one"),
        ({"model_type": "bamba", "mamba_expand": "x"}, "mamba_expand, mamba_n_heads and hidden"),
        ({"model_type": "bamba", "mamba_n_heads": 7}, "mamba_n_heads is 7: it must divide"),
        ({"model_type": "bamba", "attn_layer_indices": "x"}, "it must be a list of layers"),
        ({"model_type": "falcon_h1", "mamba_d_ssm": 7}, "mamba_d_ssm is 7 and mamba_n_heads 128"),
        (
            {"model_type": "falcon_h1", "projectors_bias": True},
            "gpt2calc cannot describe biases of one",
        ),
        ({"model_type": "kimi_linear", "first_k_dense_replace": -1}, "first_k_dense_replace is -1"),
        (
            {
                "model_type": "kimi_linear",
                "linear_attn_config": {"full_attn_layers": [1], "kda_layers": [3]},
            },
            "must have each layer in one of them, numbered from 1 to 2",
        ),
        (
            {"model_type": "qwen3_next", "full_attention_interval": 0},
            "full_attention_interval is 0",
        ),
        ({"model_type": "lfm2", "full_attn_idxs": 7}, "full_attn_idxs is 7"),
        ({"model_type": "lfm2", "block_multiple_of": 0}, "block_multiple_of is 0"),
        ({"model_type": "lfm2_moe"}, "layer_types is missing"),
        ({"model_type": "lfm2_moe", "layer_types": ["conv"] * 2, "num_dense_layers": -1}, "is -1"),
        ({"model_type": "mimo_v2_flash", "num_key_value_heads": "4"}, "num_key_value_heads is '4'"),
        ({"model_type": "mimo_v2_flash", "mlp_layer_types": "dense"}, "mlp_layer_types is 'dense'"),
        ({"model_type": "laguna", "num_attention_heads_per_layer": [8]}, "a number for each layer"),
        (
            {
                "model_type": "laguna",
                "layer_types": ["full_attention"] * 2,
                "num_attention_heads_per_layer": [8, 16],
            },
            "must be one number for layers with a window, and one for those without",
        ),
        (
            {
                "model_type": "gemma4_text",
                "layer_types": ["full_attention"] * 2,
                "attention_k_eq_v": True,
            },
            "no layer has a window: gpt2calc cannot describe",
        ),
        ({"model_type": "gemma4_text", "per_layer_config": []}, "per_layer_config is []"),
        (
            {
                "model_type": "gemma4_text",
                "num_hidden_layers": 2,
                "layer_types": ["sliding_attention", "full_attention"],
                "per_layer_config": {"1": 3},
            },
            "it must give each layer's sizes by name",
        ),
        (
            {"model_type": "gemma4_text", "per_layer_config": {"1": {"window": 3}}},
            "full layers must have the same heads",
        ),
        ({"model_type": "gemma4_text", "num_kv_shared_layers": 2}, "num_kv_shared_layers is 2"),
        ({"model_type": "gemma4_text", "hidden_size_per_layer_input": -1}, "must be a width, or 0"),
        ({"model_type": "gemma3n_text", "intermediate_size": [8, 9]}, "must be the same width"),
        ({"model_type": "ernie4_5_moe", "moe_layer_interval": 0}, "the last one from 1 on"),
        ({"model_type": "hunyuan_v1_moe", "moe_topk": [1, 2]}, "moe_topk differs from layer to"),
        (
            {"model_type": "llama4_text", "interleave_moe_layer_step": 0},
            "it must be a whole number from 1 on",
        ),
        ({"model_type": "llama4_text", "moe_layers": "all"}, "it must be a list of layers"),
        ({"model_type": "aria_text", "moe_num_shared_experts": 0}, "Aria's class has one at least"),
        (
            {"model_type": "deepseek_v3", "n_shared_experts": "1"},
            "it must be a whole number from 0 on",
        ),
        (
            {"model_type": "deepseek_v3", "first_k_dense_replace": -1},
            "must be a whole number from 0 on",
        ),
        ({"model_type": "glm", "partial_rotary_factor": 2}, "it must be a share of a head, 0.25"),
        (
            {"model_type": "gemma4_text", "num_hidden_layers": 10**7},
            "is 10,000,000: at most 100,000",
        ),
        ({"model_type": "flint", "mlp_only_layers": ["x"]}, "mlp_only_layers is ['x']: it must be"),
        ({"model_type": "flint", "mlp_only_layers": [None]}, "mlp_only_layers is [None]"),
        ({"model_type": "qwen3_moe", "decoder_sparse_step": None}, "decoder_sparse_step is None"),
        ({"model_type": "qwen3_moe", "num_experts": False}, "num_experts is False"),
        ({"model_type": "qwen3_moe", "num_local_experts": "x"}, "num_local_experts is 'x'"),
        ({"model_type": "laguna", "num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"model_type": "laguna", "num_hidden_layers": 1.5}, "num_hidden_layers is 1.5"),
        ({"model_type": "laguna", "num_attention_heads": [[1]]}, "num_attention_heads is [[1]]"),
        (
            {"model_type": "laguna", "num_attention_heads_per_layer": [[1], [1]]},
            "num_attention_heads_per_layer is [[1], [1]]: it must be a number for each layer",
        ),
        ({"model_type": "minicpm3", "num_attention_heads": 0}, "num_attention_heads is 0"),
        (
            {"model_type": "lfm2", "block_ffn_dim_multiplier": float("inf")},
            "block_ffn_dim_multiplier is inf: it must be a number, such as 1.0",
        ),
        ({"model_type": "exaone_moe", "first_k_dense_replace": "3"}, "first_k_dense_replace is"),
        ({"model_type": "cohere2_moe", "first_k_dense_replace": "3"}, "first_k_dense_replace is"),
        (
            {"model_type": "gpt_neo", "attention_types": [[["local"], 2]], "window_size": None},
            "a layer is 'local', and there is no window: give window_size",
        ),
        ({"model_type": "dbrx", "attn_config": [8]}, "attn_config is [8]: it must be an object"),
    ],
)
def test_what_cannot_be_said_of_layers_is_refused(contents, words):
    plain = {"model_type": "gemma2", "num_hidden_layers": 2, "n_layer": 2}
    with pytest.raises(UserError, match=re.escape(words)):
        from_contents(plain | contents, "config.json")


@OF_TYPE
def test_a_file_with_one_bad_value_is_refused_in_one_line_or_read(family):
    drawn, messages = draw(family, 0), []
    for key in {*(key for keys in family.keys.values() for key in keys), *family.extra_keys}:
        for value in BAD:
            try:
                from_contents(drawn | {key: value}, "config.json")
            except UserError as refusal:
                messages.append(str(refusal))
    assert messages
    assert not [each for each in messages if "\n" in each]


def test_a_word_of_letters_says_which_layers_have_a_window():
    said = {"model_type": "exaone4", "num_hidden_layers": 7, "sliding_window_pattern": "LLLG"}
    config = from_contents(said | {"sliding_window": 8}, "config.json")
    assert [config.window_of(n) for n in range(7)] == [8, 8, 8, None, 8, 8, None]
    assert [config.has_rope(n) for n in range(7)] == [True, True, True, False, True, True, False]


@OF_TYPE
def test_what_is_read_can_be_said_again_in_the_familys_words(family):
    for seed in range(DRAWS):
        config = from_contents(draw(family, seed), "drawn")
        again = from_contents(in_their_words(config), "again")
        assert named_shapes(again) == named_shapes(config)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_have_their_published_totals(name):
    published = PUBLISHED[name]
    assert count(from_contents(published["config"], name)).total == published["parameters"]


def test_presets_have_the_totals_that_are_published():
    exact = [preset for preset in presets() if preset.parameters is not None]
    assert len(exact) > 60
    for preset in exact:
        assert count(preset.config).total == preset.parameters, preset.name
    by_hub = {preset.hub: preset for preset in presets() if preset.hub}
    for name, published in PUBLISHED.items():
        assert by_hub[name].parameters == published["parameters"]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"model_type": "rwkv"}, "out of reach here, a recurrent model"),
        ({"model_type": "zamba2"}, "out of reach here, layers that share their weights"),
        ({"model_type": "t5"}, "out of reach here, an encoder and a decoder"),
        ({"model_type": "gemma3"}, "out of reach here, a vision tower"),
        ({"model_type": "gpt2", "add_cross_attention": True}, "add_cross_attention is True"),
        ({"model_type": "xglm", "add_cross_attention": True}, "add_cross_attention is True"),
        ({"model_type": "apertus1p5_text", "output_vocab_size": 32}, "output_vocab_size is 32"),
        ({"model_type": "olmoe", "head_dim": 64}, "16 heads of it are not as wide as hidden_size"),
        ({"model_type": "bitnet", "head_dim": 64}, "20 heads of it are not as wide as hidden_size"),
        ({"model_type": "dbrx", "hidden_size": 128}, "hidden_size is 128 and d_model 2048"),
        ({"model_type": "axk1", "moe_layer_freq": 0}, "moe_layer_freq is 0: it must be a whole"),
        (
            {"model_type": "mistral", "num_key_value_heads": None},
            "num_key_value_heads is null: Mistral has no rule for it",
        ),
        ({"model_type": "llama", "intermediate_size": None}, "intermediate_size is null"),
        (
            {"model_type": "llama", "num_attention_heads": 32, "num_key_value_heads": 5},
            "num_key_value_heads is 5: it must divide n_head, which is 32",
        ),
        ({"model_type": "phi", "qk_layernorm": True, "head_dim": 64}, "qk_layernorm is true"),
        (
            {"model_type": "mpt", "attn_config": {"attn_type": "grouped_query_attention"}},
            "attn_config.attn_type is 'grouped_query_attention': only 'multihead_attention' is",
        ),
        ({"model_type": "falcon", "alibi": "yes"}, "alibi is 'yes': it must be true or false"),
        ({"model_type": "opt", "word_embed_proj_dim": "x"}, "it must be a whole number"),
        ({"model_type": "lfm2", "full_attn_idxs": ["2"]}, "numbered from 0 on"),
        (
            {"model_type": "lfm2", "num_hidden_layers": 1, "layer_types": ["sliding_attention"]},
            "layer_types has 'sliding_attention': no kind of layer that is known here",
        ),
        (
            {"model_type": "qwen3_next", "full_attention_interval": 0},
            "full_attention_interval is 0: it must be a whole number from 1 on",
        ),
        (
            {"model_type": "deepseek_v32", "first_k_dense_replace": -1},
            "first_k_dense_replace is -1: it must be a whole number from 0 on",
        ),
        (
            {"model_type": "falcon", "num_ln_in_parallel_attn": 3},
            "num_ln_in_parallel_attn is 3: it must be 1, 2 or null",
        ),
        ({"model_type": "qwen3_moe", "decoder_sparse_step": "a"}, "decoder_sparse_step is 'a'"),
        (
            {"model_type": "qwen3_moe", "num_hidden_layers": 10**7, "decoder_sparse_step": 2},
            "num_hidden_layers is 10,000,000: at most 100,000 for a family",
        ),
        ({"model_type": "mpt", "attn_config": 3}, "attn_config is 3: it must be an object"),
    ],
)
def test_what_is_out_of_reach_is_refused_by_name(contents, words):
    with pytest.raises(UserError) as refusal:
        from_contents(contents, "config.json")
    assert str(refusal.value).startswith("config.json: ")
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("contents", "field", "value"),
    [
        ({"model_type": "smollm3"}, "n_kv_head", 4),
        ({"model_type": "smollm3", "num_key_value_heads": None}, "n_kv_head", 16),
        ({"model_type": "mistral"}, "n_kv_head", 8),
        ({"model_type": "qwen2", "num_attention_heads": 64}, "n_kv_head", 32),
        ({"model_type": "gemma"}, "head_dim", 256),
        ({"model_type": "gpt2", "n_head": 4, "n_embd": 128, "hidden_size": 256}, "n_embd", 256),
        ({"model_type": "gpt2", "n_head": 4, "hidden_size": 256, "n_embd": 128}, "n_embd", 256),
        ({"model_type": "bloom", "n_embed": 128, "hidden_size": 256}, "n_embd", 128),
        ({"model_type": "mpt", "expansion_ratio": 3}, "n_inner", 8_192),
        ({"model_type": "gpt_bigcode", "num_key_value_heads": 4}, "n_kv_head", 1),
        ({"model_type": "falcon", "num_kv_heads": 4}, "n_kv_head", 1),
        ({"model_type": "mistral", "attention_bias": True}, "qkv_bias", False),
        ({"model_type": "qwen3_moe", "num_experts": 4, "num_local_experts": 8}, "n_expert", 8),
        ({"model_type": "gpt_oss", "num_local_experts": 8, "num_experts": 6}, "n_expert", 6),
        ({"model_type": "mimo_v2_flash", "n_routed_experts": 9}, "n_expert", 9),
        ({"model_type": "deepseek_v32", "num_experts": 9}, "n_expert", 9),
        ({"model_type": "deepseek_v32", "num_experts": 9, "num_local_experts": 8}, "n_expert", 8),
        ({"model_type": "glm_moe_dsa", "num_experts": 8}, "n_expert", 8),
        ({"model_type": "xglm", "hidden_size": 128, "d_model": 256}, "n_embd", 128),
        ({"model_type": "ctrl", "n_layer": 3, "num_hidden_layers": 2}, "n_layer", 2),
        ({"model_type": "dbrx", "d_model": 128, "hidden_size": 128}, "n_embd", 128),
        ({"model_type": "apertus", "head_dim": 16}, "head_dim", 16),
        ({"model_type": "glm4_moe_lite", "head_dim": 16}, "qk_rope_head_dim", 16),
        ({"model_type": "sarvam_moe", "num_shared_experts": 2}, "n_inner_shared", 2_048),
        ({"model_type": "sarvam_mla", "num_shared_experts": 2}, "n_inner_shared", 4_096),
        (
            {"model_type": "axk1", "num_hidden_layers": 4, "moe_layer_freq": 2},
            "dense_layers",
            (0, 1, 3),
        ),
        ({"model_type": "minimax_m2", "rotary_dim": 64}, "rotary_dim", 64),
        (
            {"model_type": "minimax_m2", "rotary_dim": 64, "partial_rotary_factor": 0.25},
            "rotary_dim",
            32,
        ),
        (
            {
                "model_type": "granitemoehybrid",
                "num_hidden_layers": 2,
                "layer_types": ["mamba", "mamba"],
                "layers_block_type": ["mamba", "attention"],
            },
            "attention_layers",
            (1,),
        ),
        ({"model_type": "llama"}, "tie_embeddings", False),
        ({"model_type": "gemma"}, "tie_embeddings", True),
    ],
)
def test_the_traps_of_missing_and_doubled_keys(contents, field, value):
    assert from_contents(contents, "config.json").value(field) == value


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n_kv_head": 5}, "n_kv_head is 5: it must divide n_head, which is 12"),
        ({"head_dim": 100}, "head_dim is 100: it must divide n_embd, which is 768, or n_head"),
        ({"n_embd": 100, "n_kv_head": 2}, "n_kv_head is 2, which needs heads"),
        ({"n_embd": 100, "qk_norm": "head"}, "qk_norm is 'head', which needs heads"),
        ({"n_expert_active": 2}, "n_expert_active needs experts: give n_expert"),
        (
            {"n_expert": 2, "n_expert_active": 3},
            "n_expert_active is 3: it must be at most",
        ),
        ({"n_expert": 2, "dense_layers": [12]}, "dense_layers has 12: layers are numbered from 0"),
        ({"n_expert": 2, "n_layer": 2, "dense_layers": [0, 1]}, "dense_layers has all layers"),
        ({"dense_layers": [0]}, "dense_layers needs experts"),
        ({"n_expert": 2, "dense_layers": "first"}, "dense_layers is 'first': it must be a list"),
        ({"n_expert": 2, "dense_layers": [-1]}, "dense_layers is"),
        (
            {"positions": "rotary", "position_offset": 2},
            "position_offset is 2, which needs learned positions",
        ),
        ({"norm": "rms", "norm_bias": True}, "norm_bias is true, but norm is 'rms'"),
        ({"norm": "batch"}, "norm is 'batch': it must be layer, rms or none"),
        ({"family": "lama"}, "family is 'lama': no family is called that; did you mean 'llama'"),
        ({"family": 3}, "family is 3: it must be a name"),
    ],
)
def test_switches_that_make_no_sense_together_are_refused(fields, words):
    with pytest.raises(UserError) as refusal:
        ModelConfig(**fields)
    assert words in str(refusal.value)


def test_a_newer_family_of_the_same_makers_is_not_taken_for_the_older_one():
    for model_type in ("qwen9", "qwem2"):
        with pytest.raises(UserError, match="a count as another one's would be wrong") as refusal:
            from_contents({"model_type": model_type}, "config.json")
        assert "did you mean" not in str(refusal.value)


def test_a_title_says_the_widths_that_there_are_and_no_others():
    assert "heads of width 256" in load("gemma-7b").title()
    assert "heads of width" not in load("llama-3-8b").title()
    assert "1 KV head" in load("falcon-7b").title()
    title = load("qwen3-30b-a3b").title()
    assert "experts of width 768" in title
    assert "MLP width" not in title


def test_a_family_brings_its_switches_and_nothing_else():
    plain = load("gpt2-xl")
    as_llama = plain.replace(family="llama", n_inner=4_352)
    assert (as_llama.norm, as_llama.positions, as_llama.gated_mlp) == ("rms", "rotary", True)
    assert (as_llama.n_layer, as_llama.n_embd, as_llama.vocab) == (48, 1_600, 50_257)
    by_hand = plain.replace(
        norm="rms",
        positions="rotary",
        gated_mlp=True,
        bias=False,
        tie_embeddings=False,
        n_inner=4_352,
    )
    assert count(as_llama).total == count(by_hand).total
    assert as_llama.title().startswith("Llama with 48 layers")


def test_learned_positions_alone_limit_the_sequence():
    with pytest.raises(UserError, match="the model has positions for 1,024 tokens"):
        case_of(load("gpt2"), Run(seq=2_000))
    assert case_of(load("tinyllama"), Run(seq=4_000)).q_len == 4_000


def test_the_peers_table_of_the_guide_is_what_their_ways_of_counting_give():
    text = files("gpt2calc").joinpath("guide", "sources.md").read_text()
    lines = re.findall(rf"^\| ((?:{'|'.join(PEERS_MODELS)}) .*) \|$", text, re.M)
    rows = [[cell.strip() for cell in line.split(" |")] for line in lines]
    assert [each[0] for each in rows] == list(PEERS_MODELS)
    for name, *figures in rows:
        config = load(name)
        exact = count(config).total
        said, llm_analysis, cookbook, before_tying = (_figure(each, exact) for each in figures)
        assert said == exact
        plain = config.replace(
            gated_mlp=False,
            n_inner=None,
            n_expert=None,
            n_expert_active=None,
            tie_embeddings=True,
            bias=False,
            qkv_bias=False,
        )
        assert llm_analysis == count(plain).total
        norms = (6 * config.n_layer + 1) * config.n_embd
        biases = sum(part.biases for part in count(config).parts)
        assert cookbook == exact + norms - biases
        assert before_tying == count(config.replace(tie_embeddings=False)).total
        assert _keys(llm_analysis, config) >= {"gate_ignored", "mlp_width_ignored"}
        assert _keys(cookbook, config) == {"as_the_cookbook"}
        assert before_tying == exact or _keys(before_tying, config) == {"untied_head"}


def _figure(cell, exact):
    """Read ``"6,162,747,392 -23.26 %"`` or ``"exact"``, and see that the percentage is right."""
    if cell == "exact":
        return exact
    number, _, off = cell.partition(" ")
    number = int(number.replace(",", ""))
    assert off in ("", f"{100 * (number / exact - 1):+.2f} %")
    return number


def _keys(number, config):
    """Return the causes that explain a number best, and nothing else with them."""
    (best, *_) = diagnose(number, config).explanations
    assert best.free is None
    return {cause.key for cause in best.causes}


@OF_TYPE
def test_a_family_by_its_name_is_what_its_class_makes_of_an_empty_config(family):
    nothing = {"model_type": family.name}
    if family.name == "lfm2_moe":  # whose class cannot do without it
        nothing["layer_types"] = ["conv"] * 32
    read = from_contents(nothing, "empty")
    named = ModelConfig(family=read.family)
    numbers = {name for name, known in ModelConfig.known.items() if known.letter}
    listed = {"attention_layers", "full_layers", "shared_kv_layers", "no_rope_layers"}
    switches = set(ModelConfig.known) - numbers - listed - {"window", "rotary_dim"}
    if family.name in ("bamba", "lfm2"):  # all of whose layers have attention, if nothing is said
        switches -= {"mixer", "mixer_bias", "mixer_conv_bias"}
    if family.name in ("jamba", "nemotron_h"):  # some of whose layers have experts, and not all
        switches -= {"dense_layers"}
    assert {name: named.value(name) for name in switches} == {
        name: read.value(name) for name in switches
    }
    assert (named.n_kv_head == 1) == (read.n_kv_head == 1)
    if "full_every" in family.switches:  # else a list says which layers have a window, if any
        assert named.window == read.window
    if family.name != "nemotron_h":  # half of whose models have no experts
        for name in ("n_expert", "n_expert_active", "n_inner_shared"):
            assert named.value(name) == read.value(name)


def test_a_model_whose_layers_are_all_dense_says_nothing_of_experts():
    file = {"model_type": "laguna", "num_hidden_layers": 1, "num_experts": 4, "hidden_size": 64}
    assert "expert" not in from_contents(file, "drawn").title()


@pytest.mark.parametrize(
    "name", ["qwen3_next", "kimi_linear", "jamba", "minimax", "olmo_hybrid", "lfm3", "lara_mini"]
)
@pytest.mark.parametrize("depth", [9, 12, 17])
def test_a_hybrid_by_name_has_attention_where_a_file_that_says_its_depth_has_it(name, depth):
    by_name = ModelConfig(family=name, n_layer=depth)
    deep = family_called(name).keys["n_layer"][0]
    in_a_file = from_contents({"model_type": name, deep: depth}, "drawn")
    assert by_name.attention_layers == in_a_file.attention_layers != ()
    assert by_name.dense_layers == in_a_file.dense_layers
    assert ModelConfig(family=name, n_layer=depth, attention_layers=(1,)).attention_layers == (1,)
