"""Output files: written whole, or not at all."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from errno import ELOOP
from glob import escape
from pathlib import Path
from secrets import token_hex
from threading import current_thread, main_thread
from time import time
from typing import IO, Any

from gpt2calc.errors import UserError

AN_HOUR = 3_600
"""Seconds after which a partial file counts as abandoned."""
LONGEST_STEM = 50
"""Characters of a file's name that its temporary file has: 200 bytes in UTF-8 at most, of 255."""


@contextmanager
def whole_file(path: Path, *, binary: bool = False) -> Iterator[IO[Any]]:
    """Open a file that takes its place only when all of it has been written.

    Until then it is a temporary file in the same folder. If anything goes wrong, SIGTERM and SIGHUP
    included, the temporary file is removed and a file that was there before stays untouched. Links
    are followed, and a device or a pipe is written to directly.

    Raises:
        UserError: the file cannot be written there.

    """
    try:
        refuse_unwritable(path)
        with ending_tidily():
            if path.exists() and not path.is_file():
                with open(path, "wb") if binary else open(path, "w", encoding="utf-8") as file:
                    yield file
            else:
                yield from _beside(path.resolve(), binary)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files of which each takes its place only when all have been written.

    Raises:
        UserError: one of them cannot be written.

    """
    with ExitStack() as files:
        for path, content in contents.items():
            file = files.enter_context(whole_file(path, binary=True))
            file.write(content)
            file.flush()  # a full disk must show before the first file takes its place


@contextmanager
def ending_tidily() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into ``SystemExit``, so that partial files are removed."""
    names = ("SIGTERM", "SIGHUP") if current_thread() is main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    heeded = [each for each in numbers if signal.getsignal(each) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, _leave) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _: Any) -> None:
    sys.exit(128 + number)


def _beside(target: Path, binary: bool) -> Iterator[IO[Any]]:
    """Open a temporary file beside ``target``, and move it there in the end."""
    # The name is known before the file exists, so that a signal at any moment can remove it.
    part = target.parent / f".{target.name[:LONGEST_STEM]}.{token_hex(4)}.part"
    _remove_leftovers(target)
    try:
        with open(part, "xb") if binary else open(part, "x", encoding="utf-8") as file:
            yield file
        os.chmod(part, target.stat().st_mode if target.exists() else _mode_of_new_files())
        os.replace(part, target)
    finally:
        with suppress(OSError):
            os.unlink(part)


def _remove_leftovers(target: Path) -> None:
    """Remove what a killed write of the same file left; a younger part may be another writer's."""
    pattern = f".{escape(target.name[:LONGEST_STEM])}.????????.part"
    for part in target.parent.glob(pattern):
        with suppress(OSError):
            if time() - part.stat().st_mtime > AN_HOUR:
                part.unlink()


def _mode_of_new_files() -> int:
    """Return what a plain ``open`` would give: all may read and write, less the umask."""
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def refuse_unwritable(path: Path) -> None:
    """Raise ``UserError`` if a file cannot be written, before the work for it is done."""
    try:
        path.stat()
    except OSError as error:
        if error.errno == ELOOP:
            message = f"{path} cannot be written: it is a link that leads to itself"
            raise UserError(message) from None
    target = path.resolve()
    if path.is_dir():
        raise UserError(f"{path} cannot be written: it is a folder")
    if not path.parent.is_dir():
        raise UserError(f"{path} cannot be written: {path.parent} is no folder")
    if target.is_file() and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        raise UserError(f"{path} cannot be written: it is write-protected")


def make_folder(path: Path) -> None:
    """Make a folder if it is not there. Raises ``UserError`` if that cannot be done."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be made: {error.strerror or error}") from None
