"""The README and the pages of the guide: every block prints what is shown, every link leads on."""

import doctest
import re
import shlex
import struct
from pathlib import Path

import numpy as np
import pytest
from drawing import FAMILIES
from safetensors.numpy import save_file

from gpt2calc import ModelConfig, named_shapes
from gpt2calc.cli.app import app

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDE = ROOT / "gpt2calc" / "guide"
PAGES = (README, *sorted(GUIDE.glob("*.md")))
OMITTED = "..."
"""A line of a console block that stands for lines left out."""
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IMAGE = re.compile(r"^!\[([^]]+)\]\(([^)]+)\)$", re.MULTILINE)


def blocks_of(page, language):
    return [block for found, block in BLOCK.findall(page.read_text()) if found == language]


COMMANDS = {
    (page.stem, command): printed
    for page in PAGES
    for block in blocks_of(page, "console")
    for command, printed in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
}
"""What each command prints, by the page that shows it."""
FIGURES = re.findall(r"^\| `(gpt2calc .+?)` \| (.+) \|$", README.read_text(), re.MULTILINE)
"""The README's table of commands, each with a figure of its output in bold."""
PICTURES = {
    page.parent / name: page for page in PAGES for _, name in IMAGE.findall(page.read_text())
}
"""The page that shows each picture."""


def matches(shown, output):
    """Whether an output is what a page shows, where a line of dots is any number of lines."""
    lines = (r"(?:.*\n)+" if line == f"{OMITTED}\n" else re.escape(line) for line in shown)
    return re.fullmatch("".join(lines), output) is not None


def output_of(run, command):
    program, *arguments = shlex.split(command)
    assert program == "gpt2calc"
    if arguments[0] == "verify":
        pytest.importorskip("transformers", reason="transformers is not installed")
    ran = run(*arguments)
    assert (ran.status, ran.err) == (0, "")
    return ran.out


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """What the guide's example inspects, in the folder where commands are run."""
    monkeypatch.chdir(tmp_path)
    config = ModelConfig(n_layer=2, n_embd=64, vocab=500, n_ctx=128)
    tensors = {name: np.zeros(shape, np.float16) for name, shape in named_shapes(config)}
    for layer in range(config.n_layer):
        tensors[f"transformer.h.{layer}.attn.bias"] = np.zeros((1, 1, 128, 128), np.uint8)
    (tmp_path / "checkpoint").mkdir()
    save_file(tensors, tmp_path / "checkpoint" / "model.safetensors")


@pytest.mark.usefixtures("checkpoint")
@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_command_prints_what_the_page_shows(run, page, command):
    versions = re.compile(r"transformers [\d.]+")
    output = versions.sub("transformers", output_of(run, command))
    shown = versions.sub("transformers", COMMANDS[page, command])
    if f"\n{OMITTED}\n" not in f"\n{shown}":
        assert output == shown
    assert matches(shown.splitlines(keepends=True), output), output


def test_lines_are_left_out_only_where_dots_say_so():
    assert matches(["a\n", "...\n", "d\n"], "a\nb\nc\nd\n")
    assert not matches(["a\n", "...\n", "b\n"], "a\nb\n")
    assert not matches(["a\n", "c\n"], "a\nb\nc\n")
    assert not matches(["a\n", "...\n"], "a\n")


@pytest.mark.parametrize(("command", "answer"), FIGURES, ids=[each for each, _ in FIGURES])
def test_a_command_of_the_readme_prints_its_figure(run, command, answer):
    said = " ".join(output_of(run, command).split())
    figures = re.findall(r"\*\*(.+?)\*\*", answer)
    assert figures
    assert [each for each in figures if each not in said] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_python_blocks_print_what_the_page_shows(page):
    blocks = "\n".join(blocks_of(page, "python"))
    session = doctest.DocTestParser().get_doctest(blocks, {}, page.stem, None, None)
    assert doctest.DocTestRunner().run(session).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_is_run(page):
    text = page.read_text()
    assert {language for language, _ in BLOCK.findall(text)} <= {"console", "python"}
    fences = len(re.findall(r"^ *```", text, re.MULTILINE))
    assert fences == 2 * len(BLOCK.findall(text))
    assert text.count("\n$ ") == sum(name == page.stem for name, _ in COMMANDS)
    assert text.count("\n>>> ") == sum(block.count(">>> ") for block in blocks_of(page, "python"))


def test_the_readme_is_one_page():
    text = README.read_text()
    assert len(text.splitlines()) <= 120
    assert len(text.encode()) <= 6_000
    assert len(FIGURES) == 6
    (python,) = blocks_of(README, "python")
    assert python.count("\n") == 5


def test_the_readme_has_the_two_commands_that_ci_runs():
    text = README.read_text()
    (first,) = re.findall(r"^    pip install \. && (.+)$", text, re.MULTILINE)
    assert (README.stem, first) in COMMANDS
    assert len(re.findall(r"^    pip install \. ", text, re.MULTILINE)) == 1
    assert len(re.findall(r'^    pip install "\.\[test\]" && pytest', text, re.MULTILINE)) == 1


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.stem)
def test_a_page_of_the_guide_is_short(page):
    lines = page.read_text().splitlines()
    assert len(lines) <= 150
    assert lines[0].startswith("# ")
    assert [line for line in lines if line.startswith("# ")] == lines[:1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_outputs_fit_80_columns(page):
    for name, command in COMMANDS:
        if name == page.stem:
            assert max(map(len, COMMANDS[name, command].splitlines()), default=0) <= 80


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).is_file(), target


def test_the_readme_and_the_first_page_link_to_all_others():
    for page in PAGES[1:]:
        assert f"(gpt2calc/guide/{page.name})" in README.read_text()
        assert page.stem == "start" or f"({page.name})" in (GUIDE / "start.md").read_text()


def test_every_command_of_gpt2calc_is_shown():
    text = "".join(page.read_text() for page in PAGES)
    commands = {command for command in app if not command.startswith("-")}
    for command in commands:
        assert f"gpt2calc {command}" in text
    assert f"Six of the other {len(commands)} commands" in README.read_text()


def test_every_family_is_named_and_their_number_is_right():
    page = (GUIDE / "families.md").read_text()
    for family in FAMILIES:
        assert f"`{family.name}`" in page
    assert f"That is {len(FAMILIES)} types." in page
    followed = [family for family in FAMILIES if family.architecture.memory_is_proven]
    for said in (f"{len(FAMILIES)} `model_type`s:", f"on the CPU, for {len(followed)} types."):
        assert said in README.read_text()
    compared = (
        f"For {len(followed)} of the {len(FAMILIES)} types the tests compare every allocation"
    )
    assert compared in (GUIDE / "verify.md").read_text()


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_drawn_by_the_command_above_it(run, picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, _, _ = PICTURES[picture].read_text().partition(f"]({picture.name})")
    command = re.findall(r"^\$ (.+)$", before, re.MULTILINE)[-1]
    assert command.endswith(f" --plot {picture.name}")
    output_of(run, command)
    assert size_of(tmp_path / picture.name) == size_of(picture)
    assert picture.stat().st_size < 100_000


def test_every_picture_of_the_guide_is_shown():
    assert set(GUIDE.iterdir()) == {*PAGES[1:], *PICTURES}
    assert len(PICTURES) == 3


def size_of(path):
    """Return the width and height of a PNG, as its header says."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    return struct.unpack(">II", head[16:])
