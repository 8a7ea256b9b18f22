"""What all tests share: hypothesis settings, and a way to run the command in this process."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

from gpt2calc.cli.app import main

os.environ.setdefault("HF_HUB_OFFLINE", "1")
settings.register_profile("quick", deadline=None, print_blob=True, max_examples=12)
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_finish() -> None:
    """Take what was imported out of the garbage collector's sight: it would go through it often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class Ran(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run ``gpt2calc`` with the given arguments."""

    def run_command(*arguments: object) -> Ran:
        try:
            status = main([str(each) for each in arguments])
        except SystemExit as left:
            status = left.code
        return Ran(status, *capsys.readouterr())

    return run_command


@pytest.fixture
def refused(run: Callable[..., Ran]) -> Callable[..., str]:
    """Run a command that must be refused, and return its one line on standard error."""

    def run_refused(*arguments: object) -> str:
        ran = run(*arguments)
        assert ran.status == 2
        assert ran.out == ""
        assert ran.err.startswith("gpt2calc: ")
        assert ran.err.endswith("\n")
        assert ran.err.count("\n") == 1
        for jargon in ("Traceback", "pydantic", "https://", "Input should", "Value error"):
            assert jargon not in ran.err
        return ran.err.strip()

    return run_refused


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a checkpoint of one file is."""
    return tmp_path / "model.safetensors"


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """Write a text to a file and return its path."""

    def write(text: str, name: str = "mine.toml") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write
