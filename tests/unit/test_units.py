"""Counts as people write them, and which exact counts they may stand for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2calc import UserError
from gpt2calc.units import RoundedNumber, ordinal


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("124439808", 124_439_808, 1),
        ("124_439_808", 124_439_808, 1),
        ("124,439,808", 124_439_808, 1),
        ("350M", 350_000_000, 10**6),
        ("350m", 350_000_000, 10**6),
        ("1.5B", 1_500_000_000, 10**8),
        ("175.0B", 175_000_000_000, 10**8),
        ("1.3e9", 1_300_000_000, 10**8),
        ("1e6", 1_000_000, 10**6),
        ("0.5k", 500, 100),
        ("1.2T", 1_200_000_000_000, 10**11),
    ],
)
def test_reading(text, value, unit):
    figure = RoundedNumber.parse(text)
    assert (figure.value, figure.unit) == (value, unit)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "M",
        "0",
        "0.0B",
        "-5",
        "1.5",
        "1.23456M1",
        "12 M",
        "nan",
        "1e",
        "1,5B",
        "12,4",
        "1,,2",
        "1__2M",
        "1_000_",
    ],
)
def test_what_is_no_figure_is_refused(text):
    with pytest.raises(UserError, match="is no number of parameters: write it like 124439808"):
        RoundedNumber.parse(text)


@given(st.integers(1, 10**13), st.sampled_from([("k", 3), ("M", 6), ("B", 9)]), st.integers(0, 2))
def test_a_count_written_with_fewer_digits_still_stands_for_it(count, unit, decimals):
    letter, power = unit
    scale = 10 ** (power - decimals)
    digits = (2 * count + scale) // (2 * scale)
    if digits == 0:
        return
    whole, part = divmod(digits, 10**decimals)
    text = f"{whole}.{part:0{decimals}}{letter}" if decimals else f"{whole}{letter}"
    figure = RoundedNumber.parse(text)
    assert figure.stands_for(count)
    assert not figure.stands_for(figure.largest + 1)
    assert not figure.stands_for(figure.smallest - 1)
    assert figure.largest - figure.smallest + 1 == scale


def test_which_one_of_several():
    said = "1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th"
    assert [ordinal(int(each[:-2])) for each in said.split()] == said.split()
