"""The count as a polynomial in one field, against counts and brute force."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import configs

from gpt2calc import GPT2Config, count
from gpt2calc.what_if.polynomial import Polynomial, total_along
from gpt2calc.what_if.solving import SOLVABLE


@given(configs(), st.sampled_from(SOLVABLE), st.integers(1, 10**6))
def test_it_is_the_count_at_every_value(config, field, value):
    config = config.evaluate_at(n_head=None)
    curve = total_along(config, field)
    assert curve.at(value) == count(config.replace(**{field: value})).total


@given(st.integers(0, 30), st.integers(0, 50), st.integers(0, 500), st.integers(0, 3000))
def test_the_largest_value_within_a_budget_is_the_largest(square, slope, constant, budget):
    assume(square or slope)
    curve = Polynomial(square, slope, constant)
    brute_force = max((x for x in range(3001) if curve.at(x) <= budget), default=-1)
    assert curve.largest_within(budget) == brute_force


@pytest.mark.parametrize("budget", [10**40, 10**100])
def test_it_is_exact_beyond_floats(budget):
    curve = total_along(GPT2Config(), "n_embd")
    width = curve.largest_within(budget)
    assert curve.at(width) <= budget < curve.at(width + 1)
