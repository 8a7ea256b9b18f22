"""What the formula teaches is true of the config at hand, by brute force."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import examples

from gpt2calc import ModelConfig, Run, count, explain, load
from gpt2calc.quantity.case import case_of
from gpt2calc.teach.flop_lessons import of_flops
from gpt2calc.teach.parameter_lessons import of_parameters as lessons


def said(config, start):
    return next((line for line in lessons(config) if line.startswith(start)), None)


def held(config):
    """What the blocks and layer norms hold, and what the embeddings hold."""
    counted = count(config)
    embeddings = sum(
        counted[each].total for each in ("token_embedding", "position_embedding", "lm_head")
    )
    return counted.total - embeddings, embeddings


@settings(max_examples=examples(30))
@example(25, 659, 659, 25, False)
@example(1, 40, 1, 9, True)
@given(
    st.integers(1, 60),
    st.integers(1, 60_000),
    st.integers(1, 3_000),
    st.none() | st.integers(1, 3_000),
    st.booleans(),
)
def test_the_crossing_is_where_it_is_said_to_be(depth, vocab, n_ctx, inner, tied):
    config = ModelConfig(
        n_layer=depth, vocab=vocab, n_ctx=n_ctx, n_inner=inner, tie_embeddings=tied
    )
    line = said(config, "From a width of")

    def blocks_are_larger(width):
        blocks, embeddings = held(config.replace(n_embd=width))
        return blocks > embeddings

    if line is None:
        assert blocks_are_larger(1)
        return
    width = int(re.search(r"width of ([\d,]+)", line)[1].replace(",", ""))
    assert blocks_are_larger(width)
    assert not blocks_are_larger(width - 1)
    blocks, embeddings = held(config)
    assert f"Here, at 768, it is {blocks:,} to {embeddings:,} parameters" in line


def test_a_small_vocabulary_has_no_crossing():
    assert said(ModelConfig(vocab=1, n_ctx=1), "From a width of") is None


@pytest.mark.parametrize("name", ["gpt2", "gpt3-175b"])
def test_what_a_little_more_adds(name):
    config = load(name)
    line = said(config, "One more layer adds")
    differences = [
        count(config.replace(**more)).total - count(config).total
        for more in (
            {"n_layer": config.n_layer + 1},
            {"vocab": config.vocab + 1},
            {"n_embd": config.n_embd + 64},
        )
    ]
    assert [f"{each:,}" in line for each in differences] == [True] * 3


def test_limits_are_where_large_models_go():
    wide = said(ModelConfig(), "As the width")
    assert "attention to 1/3, MLP to 2/3, all else to nothing" in wide
    counted = count(ModelConfig(n_embd=10**9))
    assert counted["attention"].share == pytest.approx(1 / 3, abs=1e-4)
    assert counted["mlp"].share == pytest.approx(2 / 3, abs=1e-4)
    deep = said(ModelConfig(), "As the depth")
    counted = count(ModelConfig(n_layer=10**9))
    for name, words in (("attention", "attention"), ("mlp", "MLP"), ("layer_norm", "layer norm")):
        assert f"{words} to about {counted[name].share:.2%}" in deep
    narrow = said(ModelConfig(n_inner=5), "As the width")
    assert "attention to 1, all else to nothing" in narrow
    assert count(ModelConfig(n_inner=5, n_embd=10**9))["attention"].share == pytest.approx(
        1, abs=1e-4
    )


def test_the_mlp_is_twice_attention_only_where_it_is():
    line = said(ModelConfig(), "The MLP has twice")
    assert (
        "With biases it is (8 d + 5) / (4 d + 4) times: here 56,669,184 to 28,348,416 parameters, "
        "about 1.9990." in line
    )
    no_qkv = said(ModelConfig(qkv_bias=False), "The MLP has twice")
    assert "(8 d + 5) / (4 d + 1) times" in no_qkv
    assert "With biases" not in said(ModelConfig(bias=False), "The MLP has twice")
    assert said(ModelConfig(n_inner=3071), "The MLP has twice") is None
    assert said(ModelConfig(n_inner=3072), "The MLP has twice") is not None


def test_lessons_end_a_derivation_with_numbers_and_no_other():
    assert explain().lessons == lessons(ModelConfig())
    assert explain(free="vocab").lessons == ()
    assert explain(sublayer="mlp").lessons == ()
    for form in ("text", "markdown", "latex"):
        assert "Why the answer is what it is" in getattr(explain(), form)()


def test_behind_a_cache_nothing_is_said_of_whole_sequences():
    assert of_flops(case_of(load("gpt2"), Run(seq=1, cached=1000))) == ()
    assert of_flops(case_of(load("gpt2"), Run(seq=1001))) != ()


def test_the_head_is_compared_with_a_block_only_where_blocks_are_alike():
    for name, is_said in (("gpt2", True), ("deepseek-v3", False), ("jamba-v0.1", False)):
        lines = of_flops(case_of(load(name), Run(seq=1024)))
        assert any(line.startswith("The head takes") for line in lines) == is_said


@pytest.mark.parametrize(
    "config",
    [
        # 3 matrices of d × 2,048 have as many weights as 8 d² at this width, and at no other
        load("llama-2-7b").replace(n_layer=2, n_embd=768, n_head=12, n_inner=2048, vocab=1000),
        load("nanochat-d20"),
    ],
)
def test_twice_the_weights_at_one_width_alone_is_no_lesson(config):
    counted = count(config)
    assert counted["mlp"].weights == 2 * counted["attention"].weights
    assert said(config, "The MLP has twice") is None
    assert "8 d²" in said(load("gpt2").replace(n_inner=3072), "The MLP has twice")


@pytest.mark.parametrize("name", ["mimo-v2-flash", "gemma-4-26b-a4b"])
def test_nothing_is_said_of_heads_shared_in_two_ways(name):
    config = load(name)
    assert config.full_n_kv_head not in (None, config.n_kv_head)
    assert said(config, "Each head of keys") is None


def test_limits_of_models_without_attention_speak_of_mixers():
    assert "limit: mixers to" in said(load("mamba-1.4b"), "As the depth")
    assert "limit: attention to" in said(load("gpt2"), "As the depth")
