"""Sizes that carry their formulas: arithmetic at a point, and as polynomials beside it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2calc.tape.symbolic import Decisions, Formula, SymInt, has_quotient, terms_of

D, H = SymInt.letter("d", 12), SymInt.letter("h", 3)
OTHER = {"d": 20, "h": 5}


@pytest.mark.parametrize(
    ("size", "here", "there"),
    [
        (D + 1, 13, 21),
        (1 + D, 13, 21),
        (D - H, 9, 15),
        (1 - D, -11, -19),
        (-D, -12, -20),
        (D * H * 2, 72, 200),
        (3 * D, 36, 60),
        (D * 0, 0, 0),
        (D // H, 4, 4),
        (D * D // H, 48, 80),
        (24 // D * D, 24, 24),
        ((D + D * H) // D, 4, 6),
        (D // 4, 3, 5),
        (D * (D + 1) // 2, 78, 210),
        (D - D, 0, 0),
    ],
)
def test_a_number_and_the_formula_it_comes_from(size, here, there):
    assert int(size) == here
    assert Formula(size).at(OTHER) == there


def test_formulas_that_are_none():
    for nothing in (D - D, D * 0, SymInt(0, {}), 0):
        assert terms_of(nothing) == {}
    assert terms_of(5) == {(): 5}
    assert terms_of(D // 5 * 5 if int(D) % 5 == 0 else D // 4)[("d", 1),] == Fraction(1, 4)


@pytest.mark.parametrize("divide", [lambda: D // 5, lambda: D // (H + 1), lambda: 25 // D])
def test_a_quotient_that_leaves_a_rest_is_no_formula(divide):
    with pytest.raises(ArithmeticError, match="is no formula"):
        divide()


@pytest.mark.parametrize(("size", "by", "is_whole"), [(D, 4, True), (D, 5, False), (12, 5, True)])
def test_a_plain_integer_always_has_a_quotient(size, by, is_whole):
    assert has_quotient(size, by) == is_whole


polynomials = st.lists(
    st.tuples(st.integers(-9, 9), st.integers(0, 3), st.integers(0, 3)), max_size=4
)


def polynomial(terms, d, h):
    total = 0
    for factor, of_d, of_h in terms:
        product = factor
        for _ in range(of_d):
            product = product * d
        for _ in range(of_h):
            product = product * h
        total = total + product
    return total


@given(polynomials, polynomials, st.integers(1, 99), st.integers(1, 99))
def test_sums_and_products_are_those_of_integers(one, other, d, h):
    here, there = polynomial(one, D, H), polynomial(other, D, H)
    for size, expected in (
        (here + there, polynomial(one, d, h) + polynomial(other, d, h)),
        (here - there, polynomial(one, d, h) - polynomial(other, d, h)),
        (here * there, polynomial(one, d, h) * polynomial(other, d, h)),
    ):
        assert Formula(size).at({"d": d, "h": h}) == expected


def test_comparisons_are_of_the_numbers_and_are_noted():
    with Decisions() as decisions:
        assert D > H
        assert not D < H
        assert D >= 12
        assert D <= 12
        assert D != H * 5
        assert (H == 3) is True
        assert D % 4 == 0
    made = {
        (int(Formula(size).at(OTHER)) if relation != "whole" else None, relation): outcome
        for size, relation, outcome in decisions.differences()
    }
    assert made == {
        (15, ">"): True,  # d - h
        (15, "<"): False,
        (8, "<"): False,  # d - 12
        (8, ">"): False,
        (-5, "=="): False,  # d - 5 h
        (2, "=="): True,  # h - 3
        (None, "whole"): True,
    }


def test_nothing_is_noted_of_what_holds_everywhere_or_outside():
    with Decisions() as decisions:
        assert D == D + 0
        assert bool(D)
    assert [relation for _, relation, _ in decisions.differences()] == ["=="]
    with Decisions() as outer:
        with Decisions() as inner:
            assert D > 1
        assert H > 1
    assert len(outer.made) == len(inner.made) == 1
    assert D > 2
    assert len(outer.made) == 1
