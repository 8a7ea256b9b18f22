"""Counts as people write them, and which exact counts they may stand for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2calc import UserError
from gpt2calc.units import (
    RoundedNumber,
    format_binary_bytes,
    format_bytes,
    format_flops,
    human,
    ordinal,
    parse_bytes,
    parse_size,
    parse_speed,
)


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


@pytest.mark.parametrize("text", ["1,5GB", "80,GB", "1__5", "1_000_", "1,00,0"])
def test_a_decimal_comma_is_no_separator_of_thousands(text):
    with pytest.raises(UserError, match="is no number of bytes"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("size", "value"),
    [("1,500,000 kB", 1_500_000_000), ("1_000B", 1_000), (80e9, 80_000_000_000), ("1PiB", 2**50)],
)
def test_bytes_are_read_as_people_and_programs_write_them(size, value):
    assert parse_bytes(size) == value


@pytest.mark.parametrize("size", [0.5, float("1e-3"), "0.5B", math.nan, math.inf, True])
def test_what_is_no_whole_number_of_bytes_is_refused(size):
    with pytest.raises(UserError, match="is no number of bytes"):
        parse_bytes(size)


def test_a_float_that_is_whole_is_that_number():
    assert RoundedNumber.of(3e11).value == 300_000_000_000


@pytest.mark.parametrize(("speed", "value"), [("3,500", 3_500), ("1,200.5k", 1_200_500)])
def test_speeds_are_read(speed, value):
    assert parse_speed(speed) == value


@pytest.mark.parametrize("speed", ["3,5", "1,2M", "0", "k", "40%"])
def test_what_is_no_speed_is_refused(speed):
    with pytest.raises(UserError, match="it must be a positive number, such as 400k"):
        parse_speed(speed)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (format_bytes(999), "999 B"),
        (format_bytes(999_994), "999.99 kB"),
        (format_bytes(999_995), "1.00 MB"),
        (format_binary_bytes(2**30 - 1), "1.00 GiB"),
        (format_binary_bytes(2**50), "1.00 PiB"),
        (human(999.5e12), "1 × 10¹⁵"),
        (human(999.4e12), "999T"),
        (format_flops(10**12 - 1), "1.00 TFLOPs (10^12)"),
    ],
)
def test_no_unit_has_a_thousand_of_the_one_below(written, said):
    assert written == said


@pytest.mark.parametrize(
    ("name", "text", "size"),
    [
        ("n_layer", "1e3", 1_000),
        ("n_layer", "2.5e3", 2_500),
        ("n_embd", "2k", 2_000),
        ("seq", "2k", 2_048),
        ("vocab", "1.5e0", "1.5e0"),
        ("vocab", "e3", "e3"),
    ],
)
def test_sizes_are_read_as_people_write_them(name, text, size):
    assert parse_size(name, text) == size
