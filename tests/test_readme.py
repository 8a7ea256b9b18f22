"""Every command and code block of the README does what the README shows."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
COMMANDS = [
    found
    for language, block in BLOCKS
    if language == "console"
    for found in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]
PYTHON = [block for language, block in BLOCKS if language == "python"]


def test_every_block_is_run():
    assert {language for language, _ in BLOCKS} == {"console", "python"}
    assert len(COMMANDS) >= 10
    assert len(PYTHON) >= 2


@pytest.mark.parametrize(("command", "printed"), COMMANDS, ids=[each for each, _ in COMMANDS])
def test_a_command_prints_what_the_readme_shows(run, command, printed):
    program, *arguments = shlex.split(command)
    assert program == "gpt2calc"
    if arguments[0] == "verify":
        pytest.importorskip("transformers", reason="transformers is not installed")
    ran = run(*arguments)
    versions = re.compile(r"transformers [\d.]+")
    assert versions.sub("transformers", ran.out) == versions.sub("transformers", printed)
    assert ran.err == ""


def test_the_python_blocks_print_what_the_readme_shows():
    session = doctest.DocTestParser().get_doctest("\n".join(PYTHON), {}, "README", None, None)
    assert len(session.examples) >= 4
    assert doctest.DocTestRunner().run(session).failed == 0


def test_the_table_of_fields_names_every_field_with_its_value_in_gpt2_small():
    from gpt2calc import GPT2Config

    rows = dict(re.findall(r"^\| `(\w+)` +\| (\w+) +\|", README.read_text(), re.MULTILINE))
    values = GPT2Config().effective()
    assert rows == {name: str(value).lower() for name, value in values.items()}
