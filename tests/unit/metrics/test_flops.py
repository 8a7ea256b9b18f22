"""FLOPs against PyTorch's own counter, published figures and brute force."""

import json
from itertools import product as every

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import runs_of, small_configs

from gpt2calc import (
    ModelConfig,
    Run,
    UserError,
    compare,
    flops,
    formula,
    generate,
    load,
    solve_for,
    sweep,
)
from gpt2calc.metrics.absorption import absorbed_flops
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.matmul_table import Operations
from gpt2calc.metrics.matmuls import products
from gpt2calc.model.tensors import layers_tensors
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.symbols import symbol
from gpt2calc.units import format_flops

TINY = ModelConfig(n_layer=2, n_embd=64, n_head=4, vocab=512, n_ctx=128)
NANOGPTS_OWN = 291_648_307_200
"""A forward pass of GPT-2 small over 1,024 tokens, as nanoGPT's transformer_sizing.ipynb has it."""


def test_a_published_figure():
    assert flops("gpt2").total == NANOGPTS_OWN
    assert flops("gpt2", Run(training=True)).total == 3 * NANOGPTS_OWN


def test_the_figures_of_a_small_model_as_pytorch_has_them():
    assert flops(TINY, Run(batch=2, seq=32)).total == 17_825_792
    assert flops(TINY, Run(batch=2, seq=32, training=True)).total == 53_477_376


@given(small_configs(), st.data())
def test_every_product_by_its_sizes(config, data):
    run = data.draw(runs_of(config, causal=st.booleans()))
    case = case_of(config, run)
    listed = Operations(case, tuple(products(case))).to_rows()
    sizes = ("times", "m", "k", "n", "copies")
    assert all(type(row[each]) is int for row in listed for each in sizes)
    by_sizes = [2 * row["times"] * row["m"] * row["k"] * row["n"] * row["copies"] for row in listed]
    assert by_sizes == [row["flops"] for row in listed]
    assert sum(by_sizes) == flops(config, run).total


@given(st.integers(1, 9), st.integers(0, 9), st.integers(1, 3))
def test_causal_scores_are_the_pairs_that_a_query_may_meet(seq, cached, batch):
    config = ModelConfig(n_layer=1, n_embd=4, n_head=2, n_ctx=32)
    run = Run(batch=batch, seq=seq, cached=cached or None, causal=True)
    pairs = sum(key <= query + cached for query, key in every(range(seq), range(seq + cached)))
    assert flops(config, run)["scores"].total == 2 * (2 * batch * pairs * 4)


@given(small_configs(), st.data())
def test_a_grid_and_a_formula_give_the_same(config, data):
    run = data.draw(runs_of(config)).evaluate_at(seq=None)
    case = case_of(config, run)
    swept = sweep(case, of="flops", batch=[1, 3], seq=[1, 2], n_layer=[1, 5])
    for (b, batch), (s, seq), (n, layers) in every(
        enumerate([1, 3]), enumerate([1, 2]), enumerate([1, 5])
    ):
        other = case.replace(batch=batch, seq=seq, n_layer=layers)
        assert swept.total[b, s, n] == FLOPS.total(other)


def test_the_sequence_follows_the_context_as_far_as_people_go():
    assert flops(load("gpt2").replace(n_ctx=16_384)).config.q_len == 8_192
    (few, many) = compare(["gpt2", "gpt2,n_ctx=8192"], of="flops").counts
    assert many["mlp"].total == 8 * few["mlp"].total
    assert many["scores"].total == 8**2 * few["scores"].total
    contexts = [1_024, 8_192, 16_384]
    swept = sweep("gpt2", of="flops", n_ctx=contexts).total.tolist()
    assert swept == [flops(load("gpt2").replace(n_ctx=n)).total for n in contexts]


def test_generation():
    made = generate("gpt2", Run(seq=100, cached=200))
    assert made.prefill.total == flops("gpt2", Run(seq=100, last_logits=True)).total
    one = flops("gpt2", Run(seq=1, cached=200))
    assert made.following.total == one.total
    assert generate("gpt2", Run(seq=100)).following.config.past_len == 100
    assert generate("gpt2").following.config.past_len == 1_023
    assert list(json.loads(made.json())) == ["prefill", "next"]
    with pytest.raises(UserError, match="seq is 1 after a cache of 1,024"):
        generate("gpt2", Run(cached=1_024))


def scores_behind_a_cache(config, q_len, cached):
    """Of each layer by its window, and the shapes of its matrices."""
    scores = 0
    for layer, listed in enumerate(layers_tensors(config)):
        window = config.window_of(layer)
        rows = {each.role: each.shape for each in listed if each.kind == "weight"}
        keys = q_len + (cached if window is None else min(cached, window - 1))
        if "attention_out" in rows:
            queries = rows["query"][0]
            scores += 2 * q_len * keys * (queries + rows["attention_out"][1])
    return scores


@pytest.mark.parametrize(
    "name", ["gemma-3-1b", "gemma-4-e2b", "gemma-3n-e2b", "mimo-v2-flash", "mistral-7b"]
)
def test_layers_with_a_window_meet_no_more_of_a_cache_than_it_keeps(name):
    lengths = [1, 100, 511, 512, 5_000]
    config = load(name)
    case = case_of(config, Run(seq=1, cached=1))
    swept = sweep(case, of="flops", cached=lengths).total
    for place, cached in enumerate(lengths):
        one = case.evaluate_at(cached=cached)
        counted = flops(config, one.run)
        assert counted["scores"].total == scores_behind_a_cache(config, 1, cached)
        assert swept[place] == counted.total
        written = formula(one, free="n_embd", of="flops").total
        assert written.subs(symbol("n_embd"), config.n_embd) == counted.total
        assert counted.total == sum(each.term.amount for each in counted.operations)


@pytest.mark.parametrize(("cached", "side"), [(3, "fewer"), (4, "fewer"), (5, "fewer"), (6, "no")])
def test_a_formula_in_the_tokens_of_a_cache_says_on_which_side_of_the_window_it_holds(cached, side):
    config = load("mistral-7b").replace(window=6)
    run = Run(seq=3, cached=cached)
    written = formula(case_of(config, run), free="cached", of="flops")
    assert written.total.subs(symbol("cached"), cached) == flops(config, run).total
    assert f"It holds where the cache has {side} " in " ".join(written.text().split())
    assert "It holds" not in formula(case_of(config, run), free="n_embd", of="flops").text()


def test_a_generation_says_what_windows_keep():
    longer, shorter = (generate("gemma-3-1b", Run(seq=seq)).notes() for seq in (600, 400))
    assert "600 tokens in the cache, the last 511 in layers with a window; the head" in longer[0]
    assert "400 tokens in the cache; the head" in shorter[0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mamba-130m", "with the states of its layers in the cache; the head"),
        ("jamba-v0.1", "with states, and the keys and values of 64 tokens in the cache; the head"),
        ("gpt1", "GPT's class has no cache, and runs all tokens again for each."),
    ],
)
def test_a_generation_says_what_is_cached(name, said):
    assert said in " ".join(generate(name, Run(seq=64)).notes())


@pytest.mark.parametrize(("kind", "is_shown"), [("none", False), ("block", True)])
def test_what_is_recomputed_has_a_column_where_there_is_some(kind, is_shown):
    table = flops("gpt2", Run(training=True, checkpointing=kind)).table()
    assert ("recomputed" in [column.heading for column in table.columns]) is is_shown


def test_what_is_no_run_is_refused():
    with pytest.raises(UserError, match="it must be a Run, such as Run"):
        generate("gpt2", {"seq": 3})


@pytest.mark.parametrize("per", [1, 7])
def test_per_token_is_a_whole_number_wherever_it_is_one(per):
    assert type(flops("gpt2", Run(seq=per)).per_token) is int
    assert type(flops("gpt2", Run(seq=5, batch=7, last_logits=True)).per_token) is float


def test_what_lies_beyond_the_positions_is_said():
    (solution,) = solve_for("seq", ["gpt2"], ["1e15"], of="flops").solutions
    assert solution.below.total <= 10**15 < solution.above.total
    said = solve_for("seq", ["gpt2"], ["1e15"], of="flops").text()
    assert "the model has positions for 1,024 tokens" in " ".join(said.split())
    assert "positions" not in solve_for("batch", ["gpt2"], ["1e15"], of="flops").text()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (999, "999 FLOPs"),
        (3_506_703_564_800, "3.51 TFLOPs (10^12)"),
        (10**24, "1.00 YFLOPs (10^24)"),
        (12_345 * 10**15, "12.35 EFLOPs (10^18)"),
    ],
)
def test_a_number_of_flops_in_words(number, words):
    assert format_flops(number) == words


@pytest.mark.parametrize(
    ("width", "causal", "row"),
    [
        (768, False, "Bh x S x d/h x S"),
        (100, False, "B x S x d x S"),
        (768, True, "BSh(S + 1)/2 x 1 x d/h x 1"),
    ],
)
def test_the_sizes_of_a_row_in_letters(width, causal, row):
    case = case_of(load("gpt2").replace(n_embd=width), Run(causal=causal))
    scores = Operations(case, tuple(products(case))).to_rows()[1]
    assert scores["name"] == "h.*.attn.scores"
    assert scores["formula"] == row


@pytest.mark.parametrize("seen", [1, 100, 4_096])
def test_an_absorbed_matrix_multiplies_each_token_once_and_scores_are_of_latents(seen):
    """DeepSeek-V3, 61 layers: 128 heads meet 512 + 64 numbers of a key, and mix 512."""
    model = load("deepseek-v3")
    alone = flops(model, Run(seq=1, training=False))
    of_weights = alone.total - alone["scores"].total
    case = case_of(model, Run(seq=1, cached=seen - 1 or None, training=False))
    assert absorbed_flops(case) == of_weights + 61 * 2 * 128 * (512 + 64 + 512) * seen


def test_a_step_behind_cached_latents_says_what_engines_take():
    said = " ".join(flops("deepseek-v3", Run(seq=1, cached=4_096, training=False)).text().split())
    assert "absorbed into the queries, a step takes 142.86 GFLOPs" in said


def test_a_prompt_beyond_the_context_is_all_in_the_cache_of_rotary_positions():
    assert generate("llama-3-8b", Run(seq=10_000)).following.config.past_len == 10_000
    assert generate("gpt2", Run(seq=1_024)).following.config.past_len == 1_023


def test_nothing_is_absorbed_in_training():
    said = flops("deepseek-v2-lite", Run(training=True, cached=10, seq=10)).text()
    assert "absorbed" not in said


def test_generation_reads_the_run_of_a_case():
    run = Run(seq=100, cached=200)
    by_case = generate(case_of(load("gpt2"), run))
    assert by_case.following.total == generate("gpt2", run).following.total
