"""Names from outside: labels and files may hold anything, and nothing of it reaches a terminal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples

from gpt2calc.errors import LONGEST_MESSAGE, UserError, as_one_line, printable
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
        assert line.endswith(printable(text)[-90:])
