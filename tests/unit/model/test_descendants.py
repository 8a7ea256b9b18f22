"""What holds of GPT-2 holds of its descendants: one count, whichever way it is asked for."""

from math import prod

import numpy as np
import pytest
from drawing import FAMILIES, draw
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import numbers_of_a_token
from mathematics import from_text, value
from strategies import examples

from gpt2calc import (
    Run,
    compare,
    count,
    explain,
    flops,
    formula,
    list_tensors,
    load,
    memory,
    named_shapes,
    solve_for,
    sweep,
)
from gpt2calc.metrics.memory.quantity import MEMORY
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.model.families.table import family_called
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.quantity.along import along, solvable_fields
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.symbols import LETTERS
from gpt2calc.teach.notation import TEXT, written

drawn = st.builds(
    lambda family, seed: from_contents(draw(family, seed), "drawn"),
    st.sampled_from(FAMILIES),
    st.integers(0, 10_000),
)


def numbers_of(config):
    """The numbers of a config by letter, the width of a head spelled out where it is needed."""
    return {
        LETTERS[name]: number
        for name, number in config.spelled_out().effective().items()
        if name in LETTERS and number is not None
    }


@settings(max_examples=examples(60))
@given(drawn)
def test_a_formula_gives_the_count(config):
    formulas = formula(config)
    numbers = numbers_of(config)
    assert formulas.total.subs(numbers) == count(config).total
    for part, tally in count(config).sublayers.items():
        assert formulas[part].total.subs(numbers) == tally.total


@settings(max_examples=examples(60))
@given(drawn, st.data())
def test_a_formula_of_one_field_is_the_count_at_its_other_values(config, data):
    names = [n for n in solvable_fields(PARAMETERS, config) if n not in ("n_kv_head", "head_dim")]
    name = data.draw(st.sampled_from([n for n in names if n not in ("n_expert", "n_head")]))
    factor = data.draw(st.integers(1, 4))
    number = factor * config.value(name)
    changed = config.evaluate_at(**{name: number})
    assert formula(config, free=name).total.subs(LETTERS[name], number) == count(changed).total
    assert along(PARAMETERS.total, config, name).at(number) == count(changed).total


@settings(max_examples=examples(12))
@given(drawn, st.sampled_from(["parameters", "flops"]))
def test_both_sides_of_every_equals_sign_are_equal(config, of):
    numbers = numbers_of(config) | {"B": 1, "S": min(config.n_ctx, 8_192)}
    for name, chain in explain(config, of=of).chains:
        values = {value(from_text(written(step, TEXT)), numbers) for step in chain}
        assert len(values) == 1, (name, chain)


@settings(max_examples=examples(40))
@given(drawn)
def test_a_sweep_counts_what_count_does(config):
    heads = config.n_head or 1
    widths = [heads * 16, heads * 32, heads * 48]
    lists = (*config.layer_lists, config.full_layers or (), config.no_rope_layers or ())
    depths = [
        max((layer for layers in lists for layer in layers), default=-1) + 1 + each
        for each in (1, 2, 5)
    ]
    grid = sweep(config, n_layer=depths, n_embd=widths)
    for row, depth in enumerate(depths):
        for column, width in enumerate(widths):
            one = config.evaluate_at(n_layer=depth, n_embd=width)
            assert int(np.asarray(grid.total)[row, column]) == count(one).total


@settings(max_examples=examples(30))
@given(drawn, st.booleans())
def test_flops_and_bytes_add_up_part_by_part(config, training):
    run = Run(batch=2, seq=min(4, config.n_ctx), training=training, dtype="float32")
    counted = flops(config, run)
    assert counted.total == sum(each.term.amount for each in counted.operations)
    held = memory(config, run)
    assert held.total == sum(held[part].total for part in held)
    assert held["weights"].total == 4 * count(config).total
    if not training:
        mixers = [config.mixer_of(n) for n in range(config.n_layer)]
        layers = [n for n, mixer in enumerate(mixers) if mixer == "attention"]
        kept = [numbers_of_a_token(config, layer) for layer in layers]
        seen = [min(run.seq, config.window_of(layer) or run.seq) for layer in layers]
        keys = sum(map(prod, zip(seen, kept, strict=True)))
        others = config.n_layer if config.parallel_mixer else mixers.count(config.mixer)
        states = others * numbers_kept(config) if config.mixer != "attention" else 0
        has_cache = config.architecture.decoder.has_cache
        index = config.indexers * run.seq * (config.index_head_dim or 0)
        assert held.cache == 4 * 2 * (keys + index + states) * has_cache


def numbers_kept(config):
    """Of the state and the convolution of one layer without attention, for one sequence."""
    if config.mixer == "short_conv":
        return config.n_embd * config.mixer_kernel
    if config.mixer == "mamba":
        return config.mixer_heads * (config.mixer_state_dim + config.mixer_kernel)
    if config.mixer == "lightning":
        return config.mixer_heads * config.mixer_head_dim * config.mixer_state_dim
    values = config.mixer_heads * config.mixer_head_dim
    keys = config.mixer_key_heads * config.mixer_state_dim
    return values * config.mixer_state_dim + (values + 2 * keys) * config.mixer_kernel


@settings(max_examples=examples(30))
@given(drawn)
def test_the_tensors_add_up_and_show_their_formulas(config):
    listed = list_tensors(config)
    assert listed.total == count(config).total
    assert listed.active == count(config).active
    assert len(listed.formulas) == len(listed.tensors)
    assert max(map(len, str(listed).splitlines())) <= 100


@pytest.mark.parametrize("name", ["mixtral", "qwen2_moe", "qwen3_moe"])
@pytest.mark.parametrize("seed", range(8))
def test_active_parameters_are_all_less_the_experts_not_chosen(name, seed):
    config = from_contents(draw(family_called(name), seed), "drawn")
    if config.n_expert is None:
        pytest.skip("all of its layers are dense")
    idle = config.n_expert - config.chosen_experts
    each = config.n_embd * config.expert_width * (3 if config.gated_mlp else 2)
    layers = config.n_layer - len(config.dense_layers)
    assert count(config).total - count(config).active == layers * idle * each


@pytest.mark.parametrize(
    "name", ["tinyllama", "qwen3-0.6b", "gemma-2-2b", "mixtral-8x7b", "falcon-7b"]
)
def test_every_result_fits_80_columns_and_names_no_gpt2(name):
    config = load(name)
    results = (
        count(config),
        list_tensors(config),
        explain(config),
        formula(config),
        flops(config, Run(seq=64)),
        memory(config, Run(seq=64)),
        compare([name, "gpt2"]),
        solve_for("n_layer", name, "20B"),
    )
    for result in results:
        longest = max(map(len, result.text().splitlines()))
        assert longest <= 80, (type(result).__name__, longest)
    for result in (count(config), explain(config), formula(config), flops(config, Run(seq=64))):
        assert "GPT-2" not in result.text()
        assert "wte" not in result.text()


def test_memory_can_be_swept_and_solved_for_descendants():
    largest = solve_for("batch", "tinyllama", "80GB", of="memory", seq=512).solutions[0]
    held = [
        MEMORY.total(case_of(load("tinyllama"), Run(seq=512, batch=batch, training=True)))
        for batch in (largest.below.value, largest.below.value + 1)
    ]
    assert held[0] <= 80 * 10**9 < held[1]


def test_layers_that_take_the_keys_of_others_are_counted_by_their_windows():
    """Of the last 20 of Gemma 4 E2B's 35 layers, every fifth has no window."""
    config = load("gemma-4-e2b")
    assert config.sharing_layers(is_full=True) == 4
    assert config.sharing_layers(is_full=False) == 16


@pytest.mark.parametrize("lost", ["altup_inputs", "laurel_rank"])
def test_a_gemma_3n_without_one_of_its_additions_has_the_other(lost):
    words = {"altup_inputs": "altup", "laurel_rank": "laurel"}
    names = [name for name, _ in named_shapes(load("gemma-3n-e2b").replace(**{lost: None}))]
    for field, word in words.items():
        assert any(f".{word}." in name for name in names) is (field != lost)
