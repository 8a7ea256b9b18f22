"""Names and shapes of a checkpoint's tensors, from the headers of its safetensors files alone."""

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from gpt2calc.errors import UserError, quoted
from gpt2calc.model.sources.reading import OTHER_CHECKPOINTS, read_json, refuse_irregular

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
LONGEST_HEADER = 10**7
"""Bytes of the longest header that is read: enough for some 100,000 tensors."""
LARGEST_FILE = 2**42
"""Bytes of the largest file that is opened: three times GPT-3 175B in float64."""

_FAULTS = {
    "header too small": "it is too short to have a header",
    "header too large": "its header lies about its length, or it is no safetensors file at all",
    "incomplete metadata": "it is shorter or longer than its header says, as if cut off",
}
"""What the messages of the safetensors library contain, and what that means."""


def read_shapes(path: str | os.PathLike[str]) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor in a checkpoint, by name, without reading a weight.

    Args:
        path: a ``.safetensors`` file, or a ``.index.json`` that lists shards.

    Raises:
        UserError: a file is missing, is no whole safetensors file, or the index does not fit.

    """
    path = Path(path)
    return _read_shards(path) if path.suffix == ".json" else _read_header(path)


def find_checkpoint(path: str | os.PathLike[str]) -> Path:
    """Return the file that a checkpoint begins with: the path itself, or what a folder holds."""
    path = Path(path)
    if not os.path.exists(path):
        raise UserError(f"{path} does not exist: give a .safetensors file or its folder")
    if os.path.isdir(path) and not os.access(path, os.R_OK | os.X_OK):
        raise UserError(f"{path} cannot be read: give a folder that you may look into")
    if not path.is_dir():
        _refuse_other_formats(path)
        _refuse_what_is_no_whole_file(path)
        return path
    for name in (WEIGHTS, INDEX):
        if (path / name).exists():
            return path / name
    found = sorted(path.glob("*.safetensors"))
    if len(found) != 1:
        raise UserError(
            f"{path} holds neither {WEIGHTS} nor {INDEX}"
            f"{', but several other .safetensors files: name one' if found else ''}"
        )
    return found[0]


def _refuse_other_formats(path: Path) -> None:
    if path.suffix.lower() in OTHER_CHECKPOINTS:
        raise UserError(
            f"{path} is no safetensors file, which alone are read: give the model's .safetensors "
            "file, or count its config.json"
        )


def _refuse_what_is_no_whole_file(path: Path) -> None:
    if re.search(r"-\d+-of-\d+\.safetensors$", path.name):
        raise UserError(f"{path} is one shard of several: inspect their folder, or {INDEX}")


def _read_header(path: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import SafetensorError, safe_open

    _refuse_long_header(path)
    try:
        with safe_open(path, framework="numpy") as opened:
            names = opened.keys()
            return {name: tuple(opened.get_slice(name).get_shape()) for name in names}
    except SafetensorError as error:
        fault = next((_FAULTS[start] for start in _FAULTS if start in str(error)), None)
        raise UserError(
            f"{path} is no whole safetensors file: {fault or 'its header is malformed'}"
        ) from None
    except (OSError, OverflowError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path} cannot be read: {reason}") from None


def _refuse_long_header(path: Path) -> None:
    """Refuse what is no regular file, and a header that no checkpoint needs, before it is read."""
    refuse_irregular(path, LARGEST_FILE)
    try:
        with open(path, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    if LONGEST_HEADER < length <= path.stat().st_size:
        raise UserError(
            f"{path} has a header of {length:,} bytes: more than the {LONGEST_HEADER:,} that a "
            "checkpoint's can be"
        )


def _read_shards(index: Path) -> dict[str, tuple[int, ...]]:
    """Return the tensors of all shards that an index lists, which must be just those they hold."""
    listed = _weight_map(index)
    shards = sorted(set(listed.values()))
    for shard in shards:
        if not os.path.exists(index.parent / shard):
            raise UserError(f"{index} lists the shard {quoted(shard)}, which is not beside it")
    shapes: dict[str, tuple[int, ...]] = {}
    for shard in shards:
        held = _read_header(index.parent / shard)
        promised = {name for name, file in listed.items() if file == shard}
        astray = sorted(promised.symmetric_difference(held))
        if astray:
            fault = "lacks" if astray[0] in promised else "also holds"
            raise UserError(f"{index} does not fit: {shard} {fault} {quoted(astray[0], 80)}")
        shapes |= held
    return shapes


def _weight_map(index: Path) -> Mapping[str, str]:
    """Which shard each tensor is said to be in; every shard's name stays inside the folder."""
    contents = read_json(index)
    weight_map: Any = contents.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise UserError(f"{index} is no index of shards: it must have a 'weight_map' of names")
    for shard in weight_map.values():
        if not isinstance(shard, str) or not _stays_inside(shard):
            raise UserError(
                f"{index} lists the shard {quoted(shard)}: it must be a file in the same folder"
            )
    return weight_map


def _stays_inside(name: str) -> bool:
    """Whether it is a file's name and no path that leads elsewhere, on any system.

    Only the name is judged: the Hub's cache keeps a folder of links whose targets are elsewhere.
    """
    kinds = (PurePosixPath, PureWindowsPath)
    return name not in ("", "..") and "\0" not in name and all(k(name).name == name for k in kinds)
