"""Shapes near a budget, against going through every depth and width, and against published ones."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import examples, is_thorough, some_or_all

from gpt2calc import ModelConfig, Run, UserError, count, load, memory, solve

SMALL = ModelConfig(vocab=500, n_ctx=64)


def brute_force(config, budget, multiple_of, aspects, tolerance):
    """Every depth and width within the bounds, with the error."""
    found = set()
    for depth in range(1, 300):
        for width in range(multiple_of, 3_000, multiple_of):
            error = count(config.replace(n_layer=depth, n_embd=width)).total - budget
            if error > tolerance * budget:
                break
            if abs(error) <= tolerance * budget and aspects[0] <= width / depth <= aspects[1]:
                found.add((depth, width, error))
    return found


@settings(max_examples=examples(12))
@given(
    st.integers(100_000, 5_000_000),
    st.sampled_from([16, 64, 100]),
    st.sampled_from([(1, 128), (5.5, 40), (32, 128)]),
    st.sampled_from([0.02, 0.1]),
    st.sampled_from([{}, {"n_inner": 300}, {"bias": False, "tie_embeddings": False}]),
)
def test_it_misses_nothing_and_adds_nothing(budget, multiple_of, aspects, tolerance, fields):
    config = SMALL.replace(**fields)
    expected = brute_force(config, budget, multiple_of, aspects, tolerance)
    assume(expected)
    shapes = solve(
        config,
        budget,
        multiple_of=multiple_of,
        min_aspect=aspects[0],
        max_aspect=aspects[1],
        tolerance=tolerance,
        limit=1_000,
    )
    assert {(each.n_layer, each.n_embd, each.error) for each in shapes.shapes} == expected
    assert shapes.found == len(expected)
    for shape in shapes.shapes:
        exact = count(config.replace(n_layer=shape.n_layer, n_embd=shape.n_embd))
        assert shape.counted == exact
        assert shape.error == exact.total - budget


@pytest.mark.parametrize(
    ("budget", "shape"),
    [
        ("124M", (12, 768)),
        ("350M", (24, 1_024)),
        ("355M", (24, 1_024)),
        ("774M", (36, 1_280)),
        ("1558M", (48, 1_600)),
        ("1.3B", (24, 2_048)),
        ("2.7B", (32, 2_560)),
        ("6.7B", (32, 4_096)),
        ("175B", (96, 12_288)),
    ],
)
def test_the_first_line_is_the_published_model_of_that_size(budget, shape):
    best = solve(None, budget).shapes[0]
    assert (best.n_layer, best.n_embd) == shape


@pytest.mark.parametrize("budget", ["60M", "350M", "1B", "7B", "30B", "1T"])
def test_no_line_is_a_model_that_nobody_would_train(budget):
    for shape in solve(None, budget).shapes:
        assert 32 <= shape.aspect <= 128
        assert shape.n_embd % 64 == 0
        assert shape.n_head == shape.n_embd // 64
        assert abs(shape.error) <= 0.05 * (shape.counted.total - shape.error)


def test_errors_of_up_to_two_percent_come_first():
    shapes = solve(None, "350M").shapes
    bands = [int(abs(shape.error) / 7e6) for shape in shapes]
    assert bands == sorted(bands)
    assert set(bands) >= {0, 1}


def test_a_preset_of_that_shape_is_named():
    named = {(s.n_layer, s.n_embd): s.preset for s in solve(None, "350M").shapes}
    assert named[24, 1_024] == "gpt2-medium"
    assert {name for shape, name in named.items() if shape != (24, 1_024)} == {None}
    long = solve(ModelConfig(n_ctx=2_048), "350M").shapes[0]
    assert long.preset == "gpt3-medium"


def test_a_model_whose_first_layers_are_dense_is_found_with_its_heads():
    best = solve("deepseek-v3", "671B", n_layer=61).shapes[0]
    assert (best.n_layer, best.n_embd, best.n_head) == (61, 7_168, 128)
    assert best.counted.total == 671_026_404_352


def test_one_side_may_be_given():
    (best,) = solve(None, "350M", n_layer=24).shapes
    assert (best.n_layer, best.n_embd) == (24, 1_024)
    depths = {shape.n_layer for shape in solve(None, "350M", n_embd=1_024).shapes}
    assert depths == {23, 24, 25}
    odd = solve(None, "10M", n_embd=100, tolerance=0.1).shapes
    assert odd
    assert all((shape.n_embd, shape.n_head) == (100, None) for shape in odd)
    deep = solve(None, "350M", n_layer=186).shapes[0]
    assert deep.n_embd == 384
    deeper = solve(None, "350M", n_layer=6_000, tolerance=0.2).shapes[0]
    assert deeper.n_embd == 64


@pytest.mark.parametrize(
    ("model", "heads", "pairs"), [("gpt2", 20, 1), ("llama-3-8b", 24, 2), ("llama-2-7b", 24, 2)]
)
def test_heads_that_are_asked_for_divide_the_width_of_every_shape(model, heads, pairs):
    shapes = solve(model, "3B", n_head=heads, limit=100).shapes
    assert shapes
    for shape in shapes:
        assert shape.n_head == heads
        assert shape.n_embd % (heads * pairs) == 0
        assert shape.counted.total == count(shape.counted.config).total


@pytest.mark.parametrize(
    ("given", "bounds"),
    [
        ({"max_aspect": 10}, [0, 10]),
        ({"min_aspect": 200}, [200, 10**9]),
        ({"max_aspect": 64}, [32, 64]),
        ({"min_aspect": 64}, [64, 128]),
    ],
)
def test_beside_a_bound_outside_the_usual_ones_there_is_no_other(given, bounds):
    found = solve("gpt2", "350M", limit=10**6, **given)
    said = found.to_dict()
    assert [said["min_aspect"], said["max_aspect"]] == bounds
    shown = [shape.n_embd / shape.n_layer for shape in found.shapes]
    assert bounds[0] <= min(shown)
    assert max(shown) <= bounds[1]
    assert len({*shown}) > 5


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        ({"min_aspect": "64"}, "min_aspect is '64': it must be from 0 to"),
        ({"max_aspect": -1}, "max_aspect is -1: it must be from 0 to"),
        ({"max_aspect": True}, "max_aspect is True: it must be from 0 to"),
        ({"multiple_of": True}, "multiples of True: give a whole number from 1 on"),
        ({"multiple_of": 1.5}, "multiples of 1.5: give a whole number from 1 on"),
        ({"tolerance": "x"}, "tolerance is 'x': it must be from 0 to 1"),
        ({"max_aspect": 0}, "has an aspect of 0 to 0; the nearest is"),
    ],
)
def test_what_is_no_bound_is_said(bound, said):
    with pytest.raises(UserError, match=said):
        solve("gpt2", "350M", **bound)


def test_min_aspect_zero_looks_at_every_depth():
    depths = {s.n_layer for s in solve(None, "350M", min_aspect=0, limit=10**6).shapes}
    assert max(depths) > 6_000  # width 64 and 50,000 parameters a layer


def test_a_budget_that_only_unusual_shapes_have_names_the_nearest():
    with pytest.raises(UserError, match=r"the nearest is 2 x 192, aspect 96.0, .7.4%: widen"):
        solve(None, "10M")


def test_a_width_that_changes_nothing_ends_the_search():
    """Eight heads of keys and values, of 128 features each: any width leaves as much in a cache."""
    with pytest.raises(UserError, match="n_embd changes no bytes of this model"):
        solve("llama-3-8b", "40MB", of="cache")


def test_heads_are_multiples_of_those_of_keys_and_values():
    shapes = solve("llama-3-8b", "8B", n_layer=24).shapes
    assert shapes
    assert all(shape.n_head % 8 == 0 for shape in shapes)


@settings(max_examples=examples(40))
@given(
    st.sampled_from(["llama-3-8b", "gemma-2-9b", "mixtral-8x7b", "falcon-7b", "qwen2.5-0.5b"]),
    st.integers(10**8, 10**11),
    st.sampled_from([0.01, 0.05]),
)
def test_what_is_listed_is_as_near_as_the_line_says(name, budget, tolerance):
    try:
        shapes = solve(name, budget, tolerance=tolerance)
    except UserError:
        return
    for shape in shapes.shapes:
        alone = count(shape.counted.config).total
        assert alone == shape.counted.total
        assert abs(alone - budget) <= tolerance * budget


def test_few_digits_are_no_wide_budget():
    """Half a unit of 1B is half of it, and yet shapes are within five percent."""
    shapes = solve("gemma-2-9b", "1B").shapes
    assert all(abs(shape.error) <= 5 * 10**7 for shape in shapes)


def grown(base, bounds, depth, width):
    """The model of a depth and width, or None where its heads do not divide."""
    try:
        return base.replace(n_layer=depth, n_embd=width, **bounds.growth.at(width))
    except UserError:
        return None


DESCENDANTS = (
    ("falcon-40b", "8B"), ("gemma-2-9b", "1B"), ("qwen2.5-0.5b", "3B"), ("mixtral-8x7b", "4B"),
)  # fmt: skip


@pytest.mark.by_turns
@pytest.mark.parametrize(("name", "budget"), some_or_all(DESCENDANTS, 4))
def test_no_shape_of_a_descendant_is_missed(name, budget):
    """The number of heads and the MLP's width are rounded, and the count with them."""
    shapes = solve(name, budget, limit=10**6)
    expected = {
        (depth, width)
        for depth in range(1, 120)
        for width in range(64, 128 * depth + 1, 64)
        if shapes.bounds.allow(depth, width)
        and (config := grown(shapes.config, shapes.bounds, depth, width))
        and abs(count(config).total - shapes.budget.value) <= 0.05 * shapes.budget.value
    }
    assert {(each.n_layer, each.n_embd) for each in shapes.shapes} == expected
    assert shapes.found == len(expected)


@pytest.mark.by_turns
@pytest.mark.skipif(not is_thorough(), reason="it takes long: HYPOTHESIS_PROFILE=thorough")
def test_no_depth_is_missed_between_those_that_are_evaluated_together():
    case = memory("falcon-40b", Run(training=False, seq=512)).config
    shapes = solve(case, "40GB", of="memory", limit=10**6)
    depths = {each.n_layer for each in shapes.shapes}
    assert {48, 49, 50, 96, 97, 98} <= depths


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("mamba-2.8b", lambda shape: shape.mixer_heads == 2 * shape.n_embd),
        ("mamba-2.8b", lambda shape: shape.mixer_rank == shape.n_embd // 16),
        ("kimi-linear-48b-a3b", lambda shape: shape.mixer_heads == shape.mixer_key_heads),
        ("falcon-h1-7b", lambda shape: shape.mixer_heads == round(shape.n_embd / 128)),
    ],
)
def test_the_heads_of_a_mixer_grow_with_the_width(name, rule):
    for shape in solve(name, count(load(name)).total // 2).shapes:
        assert rule(shape.counted.config)
