"""Names from outside: labels and files may hold anything, and nothing of it reaches a terminal."""

import csv
import io
import json

import pytest

from gpt2calc.cli.app import main
from gpt2calc.errors import LONGEST_MESSAGE

HOSTILE = "\x1b[31mred\x1b[0m\u202e\x9b|<script>=\r"
COMMANDS = (
    ["compare", f"{HOSTILE}=gpt2", "gpt2-xl"],
    ["steps", "gpt2", f"{HOSTILE}=gpt2-xl"],
    ["solve", "--for", "n_layer", "--params", "1B", f"{HOSTILE}=gpt2"],
    ["diagnose", "124439808", f"{HOSTILE}=gpt2"],
)


@pytest.mark.parametrize("form", ["text", "markdown", "csv", "json"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_a_label_moves_no_cursor(arguments, form, capsys):
    assert main([*arguments, "--format", form]) == 0
    written = capsys.readouterr().out
    assert all(each.isprintable() or each == "\n" for each in written)
    if form == "markdown":
        assert "<script>" not in written
    if form == "csv":
        rows = list(csv.reader(io.StringIO(written)))
        assert len({len(row) for row in rows}) == 1
    if form == "json":
        assert "red" in json.dumps(json.loads(written))


def test_an_error_is_one_readable_line(capsys):
    assert main(["x" * 10_000 + "\n\x1b[0m"]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert len(line) < LONGEST_MESSAGE + len("gpt2calc: \n")
