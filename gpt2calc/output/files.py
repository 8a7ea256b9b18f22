"""Output files: written whole, or not at all."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from gpt2calc.errors import UserError


@contextmanager
def whole_file(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a file that takes its place only when all of it has been written.

    Until then it stands beside it under another name; if anything goes wrong it is removed, and
    what stood there before is untouched. Links are followed, and a device or a pipe is written to
    directly.

    Raises:
        UserError: the file cannot be written there.

    """
    try:
        refuse_unwritable(path)
        is_special = path.exists() and not path.is_file()
        target = path if is_special else path.resolve()
        part = target if is_special else target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            with open(part, "wb") if binary else open(part, "w", encoding="utf-8") as file:
                yield file
            if not is_special:
                _take_the_place(part, target)
        finally:
            if not is_special:
                with suppress(OSError):
                    part.unlink()
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None


def end_tidily_on_signals() -> None:
    """Let a signal to end unwind the program, so that no half-written file is left behind."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            with suppress(ValueError):  # only the main thread may say so
                signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))


def _take_the_place(part: Path, target: Path) -> None:
    if target.exists():
        part.chmod(target.stat().st_mode)
    os.replace(part, target)


def refuse_unwritable(path: Path) -> None:
    """Raise ``UserError`` where a file plainly cannot be written, before anything else is."""
    if path.is_dir():
        raise UserError(f"{path} cannot be written: it is a folder")
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: {path.parent} is no folder")


def make_folder(path: Path) -> None:
    """Make a folder if it is not there. Raises ``UserError`` if that cannot be done."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be made: {error.strerror or error}") from None
