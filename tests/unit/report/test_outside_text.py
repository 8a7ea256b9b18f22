"""Names from outside: labels and files may hold anything, and nothing of it reaches a terminal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples

from gpt2calc.errors import (
    LONGEST_MESSAGE,
    LONGEST_WORD,
    UserError,
    as_one_line,
    printable,
    some_of,
)
from gpt2calc.report.result import csv_lines


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_a_spreadsheet_runs_no_label(sign):
    assert csv_lines([[f"{sign}1+1", "a", -1]]) == f"'{sign}1+1,a,-1\n"


@settings(max_examples=examples(200))
@given(st.text(max_size=900))
def test_messages_are_printable_and_short(text):
    line = as_one_line(str(UserError(text)))
    assert line.isprintable()
    assert len(line) <= LONGEST_MESSAGE
    if len(printable(text)) <= LONGEST_MESSAGE:
        assert line == printable(text)
    else:
        beginning, _, end = line.partition(" ... ")
        assert printable(text).startswith(beginning)
        assert printable(text).endswith(end)
        assert len(line) > LONGEST_MESSAGE - 2 * (LONGEST_WORD + 1)


def test_a_message_is_cut_between_words():
    words = [f"word-{number}" for number in range(100)]
    beginning, _, end = as_one_line(" ".join(words)).partition(" ... ")
    assert beginning.split() == words[: len(beginning.split())]
    assert end.split() == words[-len(end.split()) :]


def test_a_long_list_of_names_ends_with_a_whole_one_and_says_where_all_are():
    assert some_of(["a", "b"], "'x' lists all") == "a, b"
    assert some_of(["a" * 60, "b" * 35, "cccc"], "'x' lists all") == (
        f"{'a' * 60}, {'b' * 35}, ...: 'x' lists all"
    )
