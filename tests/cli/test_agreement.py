"""What is said of one model in several places agrees: of every family, with switches either way."""

import struct

import pytest

from gpt2calc.cli.app import main


@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 100_000, "\x00" * 100, '{"a": 1e999999}'])
def test_a_header_that_is_no_json_is_one_line(text, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text.encode())
    assert main(["inspect", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
