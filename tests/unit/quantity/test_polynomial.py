"""Polynomials as numbers, against counts and brute force; and what is none fails loudly."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import configs, solvable

from gpt2calc import ModelConfig, UserError, count, sweep
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.model.terms import Term
from gpt2calc.quantity.along import along, fields_of, solvable_fields
from gpt2calc.quantity.polynomial import NoPolynomialError, Polynomial, X

coefficients = st.lists(st.integers(-50, 50), min_size=1, max_size=4)


def made_up(amount):
    """A quantity whose only term is what a function of the config says."""
    return replace(
        PARAMETERS,
        name="made-up",
        terms=lambda config: [Term("qkv", "attention", "weights", (amount(config),), 1)],
    )


SQUARE = made_up(lambda config: 4 * config.n_layer * config.n_embd * config.n_ctx**2)


@given(configs(), solvable, st.integers(1, 10**6))
def test_it_is_the_count_at_every_value(config, field, value):
    config = config.evaluate_at(n_head=None)
    curve = along(PARAMETERS.total, config, field)
    assert curve.at(value) == count(config.replace(**{field: value})).total


@given(coefficients, coefficients, st.integers(-20, 20))
def test_sums_and_products_are_those_of_the_values(first, second, x):
    a, b = Polynomial(first), Polynomial(second)
    assert (a + b).at(x) == a.at(x) + b.at(x)
    assert (a - b).at(x) == a.at(x) - b.at(x)
    assert (a * b).at(x) == a.at(x) * b.at(x)
    assert (a**3).at(x) == a.at(x) ** 3
    assert (7 - a).at(x) == 7 - a.at(x)
    assert (-a + 2).at(x) == 2 - a.at(x)


def test_an_array_times_a_polynomial_has_arrays_as_coefficients():
    product = np.array([1, 2, 3]) * (X + 1)
    assert product.at(10).tolist() == [11, 22, 33]
    assert (np.array([0, 0]) * X).degree == 0
    assert (np.array([0, 2]) * X * X).degree == 2


@pytest.mark.parametrize(
    "step",
    [
        lambda x: (x + 1) // 2,
        lambda x: np.array([1, 3]) * x / 2,
        lambda x: 7 // x,
        lambda x: x % 64,
        lambda x: 2 / x,
        lambda x: x / 2.0,
        lambda x: max(x, 3),
        int,
        bool,
    ],
)
def test_what_is_no_polynomial_fails_loudly(step):
    with pytest.raises(NoPolynomialError):
        step(X)


def test_a_fraction_of_a_polynomial_is_exact():
    third = (X * X + X + 1) / 3
    assert third.at(4) == 7
    assert isinstance(third.at(4), int)
    assert third.at(3) == Fraction(13, 3)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=4),
    st.integers(0, 500),
    st.integers(0, 3000),
)
def test_the_largest_value_within_a_budget_is_the_largest(higher, constant, budget):
    assume(any(higher))
    curve = Polynomial([constant, *higher])
    brute_force = max((x for x in range(3001) if curve.at(x) <= budget), default=-1)
    assert curve.largest_within(budget) == brute_force


@pytest.mark.parametrize("budget", [10**40, 10**100])
def test_it_is_exact_beyond_floats(budget):
    curve = along(PARAMETERS.total, ModelConfig(), "n_embd")
    width = curve.largest_within(budget)
    assert curve.at(width) <= budget < curve.at(width + 1)


@given(configs(), solvable)
def test_the_degree_is_that_of_the_differences(config, field):
    """The least number of times that differences must be taken of counts until all are zero."""
    config = config.evaluate_at(n_head=None)
    counts = [count(config.replace(**{field: value})).total for value in range(1, 8)]
    degree = -1
    while any(counts):
        counts = [after - before for before, after in pairwise(counts)]
        degree += 1
    assert along(PARAMETERS.total, config, field).degree == degree


def test_a_square_of_the_context_is_swept_as_one():
    contexts = [512, 1_024, 2_048]
    swept = sweep(of=SQUARE, n_ctx=contexts, n_layer=[1, 12])
    assert swept.total.tolist() == [
        [4 * depth * 768 * context**2 for depth in (1, 12)] for context in contexts
    ]
    assert along(SQUARE.total, ModelConfig(), "n_ctx").degree == 2


def test_a_division_is_evaluated_point_by_point():
    quantity = made_up(lambda config: config.n_layer * (config.n_embd // 7))
    swept = sweep(of=quantity, n_embd=[6, 7, 13, 15], n_layer=[1, 2])
    assert swept.total.tolist() == [[0, 0], [1, 2], [1, 2], [2, 4]]
    alone = sweep(of=quantity, n_embd=[6, 7, 13, 15])
    assert alone.total.tolist() == [0, 12, 12, 24]


def test_which_fields_matter_follows_from_the_operations():
    assert fields_of(PARAMETERS, ModelConfig()) == ("n_layer", "n_embd", "vocab", "n_ctx")
    assert solvable_fields(PARAMETERS, ModelConfig()) == (
        "n_layer",
        "n_embd",
        "vocab",
        "n_ctx",
        "n_inner",
    )
    assert fields_of(SQUARE, ModelConfig(n_head=12)) == ("n_layer", "n_embd", "n_ctx")


def test_a_sweep_that_would_overflow_names_the_axis_by_the_quantity_itself():
    with pytest.raises(
        UserError,
        match=r"the axis n_ctx goes up to 1,000,000,000, .* value here is 15,817,710",
    ):
        sweep(of=SQUARE, n_ctx=[10, 10**9])
