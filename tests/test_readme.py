"""Every command and code block of the README and of the questions does what the page shows."""

import doctest
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from gpt2calc import ModelConfig, Run, named_shapes
from gpt2calc.cli.app import app

README = Path(__file__).parent.parent / "README.md"
QUESTIONS = Path(__file__).parent / "QUESTIONS.md"
PAGES = (README, QUESTIONS)
BLOCKS = [
    found
    for page in PAGES
    for found in re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
]
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


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """What the README's example inspects, in the folder where its commands are run."""
    monkeypatch.chdir(tmp_path)
    config = ModelConfig(n_layer=2, n_embd=64, vocab=500, n_ctx=128)
    tensors = {name: np.zeros(shape, np.float16) for name, shape in named_shapes(config)}
    for layer in range(config.n_layer):
        tensors[f"transformer.h.{layer}.attn.bias"] = np.zeros((1, 1, 128, 128), np.uint8)
    (tmp_path / "checkpoint").mkdir()
    save_file(tensors, tmp_path / "checkpoint" / "model.safetensors")


@pytest.mark.usefixtures("checkpoint")
@pytest.mark.parametrize(("command", "printed"), COMMANDS, ids=[each for each, _ in COMMANDS])
def test_a_command_prints_what_the_page_shows(run, command, printed):
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    text = page.read_text()
    headings = {
        re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-")
        for each in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings
        elif not target.startswith("https://"):
            assert (page.parent / target).exists()


def test_every_command_of_gpt2calc_is_shown():
    for command in set(app) - {"--help", "-h", "--version"}:
        assert f"gpt2calc {command}" in README.read_text() or f"`{command}" in README.read_text()


def test_the_tables_of_fields_name_every_field_with_its_value_in_gpt2_small():
    rows = dict(re.findall(r"^\| `(\w+)` +\| (\S[^|]*?) +\|", README.read_text(), re.MULTILINE))
    values = ModelConfig().effective() | Run().effective()
    usual = {"seq": "the context", "cached": "none"}
    said = {name: "none" if value in (None, ()) else value for name, value in values.items()}
    assert rows == {name: usual.get(name, str(value).lower()) for name, value in said.items()}


def test_every_question_has_its_command():
    questions = re.split(r"^### ", QUESTIONS.read_text(), flags=re.MULTILINE)[1:]
    assert len(questions) >= 9
    assert all("```console" in each for each in questions)
