"""``gpt2calc guide``: its list of pages, a page in a pipe and in a terminal, and mistakes."""

import os
import re
import subprocess
import sys
from importlib.resources import files

import pytest

from gpt2calc.cli import guide

PAGES = guide.pages()
COMMAND = [sys.executable, "-m", "gpt2calc", "guide"]


def in_a_terminal(*arguments, columns=80, **environment):
    """Run the command with a pseudo-terminal as its output, and return what it writes there."""
    pty = pytest.importorskip("pty", reason="there are no pseudo-terminals")
    ours, theirs = pty.openpty()
    ran = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), **environment},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # what Linux says at the end
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert ran.communicate()[1] == b""
    assert ran.returncode == 0
    return written.decode().replace("\r\n", "\n")


def test_pages_are_the_files_of_the_package():
    folder = files("gpt2calc").joinpath("guide")
    assert set(PAGES) == {
        each.name.removesuffix(".md") for each in folder.iterdir() if each.name.endswith(".md")
    }
    assert next(iter(PAGES)) == "start"
    assert list(PAGES)[1:] == sorted(set(PAGES) - {"start"})


def test_without_a_page_all_are_listed(run):
    ran = run("guide")
    assert (ran.status, ran.err) == (0, "")
    title, blank, *lines = ran.out.splitlines()
    assert title == "gpt2calc guide PAGE shows a page."
    assert blank == ""
    assert [line.split()[0] for line in lines] == list(PAGES)
    assert max(map(len, lines)) <= 80
    for line in lines:
        name, words = line.split(maxsplit=1)
        assert f"\n\n{words}." in PAGES[name]


def test_a_line_is_the_first_sentence():
    text = "# A page\n\nIt is of PyTorch 2.13 and\nmore. It has more sentences.\n\nMore.\n"
    assert guide.index({"page": text}).endswith("\n\npage  It is of PyTorch 2.13 and more\n")


@pytest.mark.parametrize("page", PAGES)
def test_a_pipe_gets_a_page_as_it_is(run, page):
    ran = run("guide", page)
    assert (ran.status, ran.out, ran.err) == (0, PAGES[page], "")


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("memmory", "'memmory' is no page of the guide; did you mean 'memory'?"),
        ("x", "'x' is no page of the guide; 'gpt2calc guide' lists the pages"),
        ("../README", "is no page of the guide"),
        ("", "'' is no page of the guide"),
    ],
)
def test_an_unknown_page_is_one_line(refused, page, words):
    assert words in refused("guide", page)


def test_a_terminal_gets_a_page_formatted():
    written = in_a_terminal("memory")
    assert "\x1b[1m$ gpt2calc memory llama-3-8b\x1b[0m" in written
    assert "```" not in written
    assert "\n## " not in written


@pytest.mark.parametrize("page", PAGES)
def test_blocks_are_shown_line_by_line_and_nothing_is_wider_than_the_terminal(page):
    from rich.console import Console

    console = Console(width=80, force_terminal=True, color_system=None, no_color=True)
    with console.capture() as captured:
        console.print(guide.formatted(PAGES[page]), crop=False)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    block = False
    for line in PAGES[page].splitlines():
        if line.startswith("```"):
            block = not block
        elif block:
            assert line in lines
    assert [line for line in lines if len(line) > 80 and not line.startswith("$ ")] == []


def test_a_narrow_terminal_gets_narrow_paragraphs():
    for colour in ({}, {"NO_COLOR": "1"}):
        written = in_a_terminal("contributing", columns=40, **colour)
        assert ("\x1b" in written) is (colour == {})
        lines = re.sub(r"\x1b\[[\d;]*m", "", written).splitlines()
        assert max(len(line.rstrip()) for line in lines) <= 40


def test_the_command_is_in_the_help(run):
    assert "guide" in run("--help").out
    assert "Show a page of the guide, or list its pages." in run("--help").out
    assert "Show a page of the guide, or list its pages." in run("guide", "--help").out


def test_rich_is_imported_for_a_terminal_alone():
    code = (
        "import sys; from gpt2calc.cli.guide import pages; pages(); "
        "print([name for name in sys.modules if name.partition('.')[0] == 'rich'])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
