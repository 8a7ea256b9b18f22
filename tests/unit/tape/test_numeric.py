"""Arithmetic on integers, arrays and formulas alike."""

import numpy as np
import pytest
from sympy import Integer, Symbol

from gpt2calc.quantity.polynomial import Polynomial
from gpt2calc.tape.numeric import (
    exact_quotient,
    is_array,
    is_numeric,
    is_symbolic,
    smaller,
    symbols_in,
)

D = Symbol("d")
ARRAY = np.array([6, 12])
LINE = Polynomial([2, 4])


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        (6, (False, True, False)),
        (ARRAY, (True, True, False)),
        (ARRAY[0], (True, True, False)),
        (D, (False, False, True)),
        (Integer(6), (False, False, True)),
        (LINE, (False, False, False)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_each_number_is_of_one_kind(number, kinds):
    assert (is_array(number), is_numeric(number), is_symbolic(number)) == kinds


def test_only_an_expression_that_is_no_constant_has_symbols():
    assert symbols_in(2 * D) == {D}
    assert symbols_in(Integer(6)) == symbols_in(ARRAY) == symbols_in(6) == set()


def test_a_quotient_is_exact_in_any_arithmetic():
    whole = exact_quotient(12, 3)
    assert (whole, type(whole)) == (4, int)
    assert exact_quotient(ARRAY, 3).tolist() == [2, 4]
    assert exact_quotient(12, ARRAY).tolist() == [2, 1]
    assert exact_quotient(12, D) == 12 / D
    assert exact_quotient(D, 2) == D / 2
    assert exact_quotient(LINE, 2).at(5) == 11


def test_the_smaller_of_two():
    assert smaller(2, 3) == smaller(3, 2) == 2
    assert smaller(ARRAY, 8).tolist() == smaller(8, ARRAY).tolist() == [6, 8]
