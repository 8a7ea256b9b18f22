"""Shapes near a budget, against going through every depth and width."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gpt2calc import GPT2Config, count, solve

SMALL = GPT2Config(vocab=500, n_ctx=64)


def brute_force(config, budget, multiple_of, min_aspect):
    """The error and the depth of the best width at each depth, best first."""
    found = []
    for depth in range(1, 400):
        errors = {}
        for width in range(multiple_of, 3_000, multiple_of):
            errors[width] = count(config.replace(n_layer=depth, n_embd=width)).total - budget
            if errors[width] > 0:
                break
        width = min(errors, key=lambda each: abs(errors[each]))
        if width >= min_aspect * depth:
            found.append((abs(errors[width]), depth, width))
    return sorted(found)[:10]


@settings(max_examples=12)
@given(
    st.integers(100_000, 5_000_000),
    st.sampled_from([16, 64, 100]),
    st.sampled_from([0.2, 1, 5.5]),
    st.sampled_from([{}, {"n_inner": 300}, {"bias": False, "tie_embeddings": False}]),
)
def test_it_misses_nothing(budget, multiple_of, min_aspect, fields):
    config = SMALL.replace(**fields)
    assume(count(config.replace(n_layer=1, n_embd=multiple_of)).total <= budget)
    expected = brute_force(config, budget, multiple_of, min_aspect)
    found = solve(config, budget, multiple_of=multiple_of, min_aspect=min_aspect).shapes
    assert [(abs(each.error), each.n_layer, each.n_embd) for each in found] == expected
    for each in found:
        exact = count(config.replace(n_layer=each.n_layer, n_embd=each.n_embd))
        assert each.counted == exact
        assert each.error == exact.total - budget


def test_the_budget_of_a_model_finds_the_model():
    best = solve(GPT2Config(), 124_439_808).shapes[0]
    assert (best.n_layer, best.n_embd, best.error, best.aspect) == (12, 768, 0, 64)
    assert sum(best.shares.values()) + best.counted["layer_norm"].share == pytest.approx(1)


def test_the_command(run):
    ran = run("solve", "--params", "350M", "--format", "json")
    shapes = json.loads(ran.out)["shapes"]
    assert len(shapes) == 10
    assert all(each["n_embd"] % 64 == 0 and each["aspect"] >= 1 for each in shapes)
    assert sorted(abs(each["error"]) for each in shapes) == [abs(each["error"]) for each in shapes]
    for budget in ("350M", "175B"):
        text = run("solve", "gpt3-6.7b", "--params", budget).out
        assert max(map(len, text.splitlines())) <= 80
    coarse = json.loads(run("solve", "--params=350M", "--multiple-of=128", "--format=json").out)
    assert all(each["n_embd"] % 128 == 0 for each in coarse["shapes"])
    assert "Shapes of an aspect below 1 were left out (--min-aspect)." in text
    fixed = run("solve", "--params", "350M", "--n-inner", 3072).out
    assert "MLP width 3,072" in " ".join(fixed.split())


def test_a_narrower_choice_of_shapes(run):
    ran = run("solve", "--params", "350M", "--min-aspect", "100", "--format", "json")
    assert all(each["aspect"] >= 100 for each in json.loads(ran.out)["shapes"])
