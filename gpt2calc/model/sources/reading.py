"""Reads TOML and JSON files, and refuses what is none."""

import os
import re
import stat
from collections.abc import Callable
from errno import ELOOP
from pathlib import Path

from gpt2calc.errors import UserError, quoted

LARGEST_TEXT = 2**24
"""Bytes of the largest config or index that is read: the indices of the largest models have 1%."""
LONGEST_NUMBER = 1_000
"""Digits from which on a number is refused: very long ones take minutes to read."""
OTHER_CHECKPOINTS = (".gguf", ".ggml", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
"""How the files of weights end that are not read: of safetensors alone the header says all."""


def refuse_checkpoint(path: Path) -> None:
    """Raise ``UserError`` for a file of weights where one that describes a model is read."""
    if path.name.endswith((".safetensors", ".safetensors.index.json")):
        raise UserError(
            f"{path} is a checkpoint, and no config: 'gpt2calc inspect {path}' counts its tensors"
        )
    if path.suffix.lower() in OTHER_CHECKPOINTS:
        raise UserError(f"{path} is a checkpoint, and no config: give its config.json")


def refuse_broken_link(path: Path) -> None:
    """Raise ``UserError`` for a link to nothing, which would be taken for no file at all."""
    if not os.path.islink(path):
        return
    try:
        path.stat()
    except OSError as error:
        leads = "to itself" if error.errno == ELOOP else "to no file"
        raise UserError(f"{path} cannot be read: it is a link that leads {leads}") from None


def read_toml(path: Path) -> dict[str, object]:
    """Return the tables of a TOML file. Raises ``UserError`` if it is none."""
    import tomllib

    contents = _parsed(path, tomllib.loads, "TOML")
    assert isinstance(contents, dict)
    return contents


def read_json(path: Path) -> dict[str, object]:
    """Return the object in a JSON file. Raises ``UserError`` if it holds none."""
    import json

    contents = _parsed(path, json.loads, "JSON")
    if not isinstance(contents, dict):
        raise UserError(f"{path} must hold a JSON object, not {quoted(contents)}")
    return contents


def _parsed(path: Path, parse: Callable[[str], object], language: str) -> object:
    text = _read(path)
    if re.search(rf"\d{{{LONGEST_NUMBER + 1},}}", text):
        raise UserError(f"{path} has a number of more than {LONGEST_NUMBER:,} digits: shorten it")
    try:
        return parse(text)
    except RecursionError:
        raise UserError(f"{path} is not a {language} file: it is nested too deeply") from None
    except ValueError as error:
        if not text.strip():
            raise UserError(f"{path} is empty: it must be a {language} file") from None
        raise UserError(f"{path} is not a {language} file: {error}") from None


def refuse_irregular(path: Path, largest: int) -> None:
    """Raise ``UserError`` for what is no regular file, or has more than ``largest`` bytes."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path} cannot be read: {reason}") from None
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path} is no regular file: give a file, not a folder, pipe or device")
    if found.st_size > largest:
        raise UserError(
            f"{path} has {found.st_size:,} bytes: more than the {largest:,} that such a file can be"
        )


def _read(path: Path) -> str:
    refuse_irregular(path, LARGEST_TEXT)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is not text: a config is a TOML or JSON file, and 'gpt2calc inspect' reads "
            "checkpoints"
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
