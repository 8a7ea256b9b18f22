"""Output of results to standard output or to a file, with progress shown on a terminal."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gpt2calc.report.plain import encodable
from gpt2calc.report.result import Result, rendered

if TYPE_CHECKING:
    from rich.progress import Progress

CLOSED_PIPE = 141
"""Exit status of a program whose reader left: 128 and the number of SIGPIPE."""
MANY_PARTS = 10
"""Parts from which on their progress is shown."""


def show(result: Result, form: str, out: Path | None = None) -> int:
    """Print a result, or write it to a file, and return exit status 0."""
    return stream([rendered(result, form) + "\n"], out)


def stream(texts: Iterable[str], out: Path | None, parts: int = 1) -> int:
    """Print or write texts as they come, with progress on a terminal, and return status 0."""
    if out is None:
        for text in texts if sys.stdout.isatty() else _with_progress(texts, parts):
            sys.stdout.write(encodable(text, sys.stdout.encoding or "utf-8"))
        return 0
    from gpt2calc.report.files import whole_file

    with whole_file(out) as file:
        for text in _with_progress(texts, parts):
            file.write(text)
    return 0


def say(line: str) -> None:
    """Write a line to standard error if it is a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"{line}\n")


def abandon(output: TextIO) -> None:
    """Redirect an output to nowhere after a failed write, so that the last flush succeeds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), output.fileno())


@contextmanager
def progress_of(parts: int) -> Iterator[Callable[[int], None]]:
    """Yield a callback for the number of parts just done; on a terminal a bar shows them."""
    if not _shows_progress(parts):
        yield lambda _: None
        return
    with _bar() as bar:
        task = bar.add_task("counting", total=parts)
        yield lambda done: bar.advance(task, done)


def _with_progress(texts: Iterable[str], parts: int) -> Iterable[str]:
    """Show a bar on standard error for many texts, if that is a terminal."""
    return _shown(texts, parts) if _shows_progress(parts) else texts


def _shows_progress(parts: int) -> bool:
    return parts >= MANY_PARTS and sys.stderr is not None and sys.stderr.isatty()


def _shown(texts: Iterable[str], parts: int) -> Iterator[str]:
    with _bar() as bar:
        yield from bar.track(texts, parts, description="counting")


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import Progress

    return Progress(
        console=Console(stderr=True), transient=True, redirect_stdout=False, redirect_stderr=False
    )
