"""Output files: written whole, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from gpt2calc.errors import UserError


@contextmanager
def whole_file(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a file that takes its place only when all of it has been written.

    Until then it stands beside it under another name; if anything goes wrong it is removed, and
    what stood there before is untouched. A device or a pipe is written to directly.

    Raises:
        UserError: the file cannot be written there.

    """
    in_place = path.exists() and not path.is_file() and not path.is_dir()
    part = path if in_place else path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        with open(part, "wb") if binary else open(part, "w", encoding="utf-8") as file:
            yield file
        if not in_place:
            os.replace(part, path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        if not in_place:
            with suppress(OSError):
                part.unlink()


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
