"""The cache of keys and values: published figures, and the cache that memory counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import numbers_of_a_token
from strategies import examples

from gpt2calc import (
    ModelConfig,
    Run,
    UserError,
    cache,
    explain,
    formula,
    load,
    memory,
    presets,
    solve_for,
    sweep,
)
from gpt2calc.metrics.memory.cache import cache_bytes
from gpt2calc.metrics.memory.cache_quantity import CACHE, cache_case
from gpt2calc.quantity.case import case_of

NAMES = [each.name for each in presets() if each.config.architecture.decoder.has_cache]


@pytest.mark.parametrize(
    ("name", "ways", "size"),
    [
        ("llama-3-70b", {"seq": 131_072}, 42_949_672_960),
        ("gemma-3-1b", {"seq": 32_768}, 145_752_064),
        ("qwen3-30b-a3b", {"seq": 1}, 98_304),
        ("llama-2-70b", {"seq": 4_096, "batch": 4, "dtype": "float16"}, 5_368_709_120),
        ("llama-30b", {"seq": 512, "dtype": "fp16"}, 817_889_280),
    ],
)
def test_what_people_asked_for(name, ways, size):
    assert cache(name, Run(**ways)).total == size


@pytest.mark.parametrize(("budget", "tokens"), [("16GB", 162_760), ("16GiB", 174_762)])
def test_tokens_in_a_budget(budget, tokens):
    (found,) = solve_for("seq", "qwen3-30b-a3b", budget, of="cache").solutions
    assert found.below.value == tokens
    (found,) = solve_for("seq", "qwen3-30b-a3b", "2GiB", of="cache").solutions
    assert found.below.value == 21_845


@settings(max_examples=examples(60))
@given(st.data(), st.sampled_from(NAMES))
def test_it_is_the_cache_that_a_prompt_leaves(data, name):
    config = load(name)
    run = Run(
        batch=data.draw(st.integers(1, 9)),
        seq=data.draw(st.integers(1, config.n_ctx)),
        training=False,
        dtype=data.draw(st.sampled_from(["float32", "bfloat16"])),
    )
    assert cache(config, run).total == cache_bytes(case_of(config, run))
    case = cache_case(case_of(config, run))
    least = max((layer + 2 for listed in config.layer_lists for layer in listed), default=1)
    depths = sorted({least, least + 4, config.n_layer})
    lengths = [1, 40, config.n_ctx]
    swept = sweep(case, of="cache", n_layer=depths, seq=lengths).total
    for row, depth in enumerate(depths):
        for column, length in enumerate(lengths):
            one = case.evaluate_at(n_layer=depth, seq=length)
            assert swept[row, column] == CACHE.total(one) == cache_bytes(one)
    written = explain(case, of="cache").total
    assert written is None or written[-1] == CACHE.total(case)


def test_a_formula_says_on_which_side_of_the_window_it_holds():
    said = formula("gemma-3-1b", free="seq", of="cache").text()
    assert "longer than the window of 512 tokens" in said
    short = cache_case(case_of(load("gemma-3-1b"), Run(seq=100)))
    assert "not longer than the window" in formula(short, free="seq", of="cache").text()
    assert "window" not in formula("llama-3-8b", of="cache").text()


def test_a_class_without_a_cache_is_refused_by_name():
    with pytest.raises(UserError, match="GPT's class has no cache"):
        cache("gpt1")


def test_as_a_command(run, refused):
    said = run("solve", "qwen3-30b-a3b", "--of", "cache", "--for", "seq", "--budget", "16GB").out
    assert "162,760" in said
    assert "1,073,741,824" in run("cache", "llama-3-8b").out
    assert "4,294,967,296" in run("cache", "llama-3-8b", "--seq", "32k").out
    assert "42,949,672,960" in run("cache", "llama-3-70b", "--seq", "128k").out
    words = refused("sweep", "--of", "cache", "--attention", "sdpa")
    assert "--attention does not change what --of cache counts: ask --of memory" in words


def test_layers_of_two_kinds_are_told_apart():
    said = explain("gemma-3-1b", of="cache").text()
    assert "cache of keys of full layers" in said
    assert "cache of values of windowed layers" in said
    (found,) = solve_for("n_layer", "gemma-3-1b", "100MB", of="cache").solutions
    deeper = load("gemma-3-1b").evaluate_at(n_layer=found.above.value)
    assert cache(deeper).total == found.above.total > 10**8 >= found.below.total


def test_no_heads_need_be_known():
    width = load("gpt3-13b").n_embd
    assert cache("gpt3-13b", Run(seq=1)).total == 2 * 2 * 40 * width


def test_a_budget_beyond_what_windows_keep_is_refused_and_not_searched_without_end():
    with pytest.raises(UserError, match="any seq fits the budget: even"):
        solve_for("seq", "mistral-7b", "16GiB", of="cache")


@settings(max_examples=examples(60))
@given(
    st.sampled_from(["gemma-2-2b", "gemma-3-1b", "gpt-neo-125m", "mistral-7b", "llama-3-8b"]),
    st.integers(1, 40),
    st.none() | st.integers(1, 7),
    st.none() | st.sets(st.integers(0, 30), max_size=4),
)
def test_full_layers_are_counted_as_one_goes_through_them(name, depth, every, listed):
    config = load(name).evaluate_at(
        full_every=every, full_layers=None if listed is None else tuple(sorted(listed))
    )
    full = sum(config.window_of(layer) is None for layer in range(depth))
    assert config.full_layers_among(depth) == full


def test_windows_beside_other_mixers_and_full_layers_with_heads_of_their_own():
    """Layers 1 and 3 keep four tokens, layer 5 all nine, and layers 0, 2 and 4 a state each."""
    config = ModelConfig(
        family="llama",
        n_layer=6,
        n_embd=64,
        vocab=96,
        n_ctx=64,
        n_head=4,
        head_dim=16,
        n_kv_head=4,
        mixer="lightning",
        mixer_heads=4,
        mixer_head_dim=16,
        mixer_key_heads=4,
        mixer_state_dim=16,
        attention_layers=[1, 3, 5],
        window=4,
        full_layers=[5],
        full_n_kv_head=1,
        full_head_dim=32,
    )
    windowed, full = numbers_of_a_token(config, 1), numbers_of_a_token(config, 5)
    assert windowed == 2 * full == 128
    kept = 2 * 4 * windowed + 9 * full + 3 * 4 * 16 * 16
    run = Run(seq=9, dtype="float32", training=False)
    assert cache(config, run).total == memory(config, run).cache == 4 * kept
    assert cache_bytes(case_of(config, run)) == 4 * kept


@pytest.mark.parametrize(
    ("name", "is_copied"), [("falcon-40b", True), ("falcon-7b", False), ("llama-3-8b", False)]
)
def test_it_is_said_where_the_class_caches_copies(name, is_copied):
    assert ("caches the copies" in " ".join(cache(name).text().split())) == is_copied
