"""Configs by name and from files: the presets, TOML like theirs, and Hugging Face's JSON."""

import os
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from gpt2calc.config import GPT2Config
from gpt2calc.errors import UserError, did_you_mean, quoted

HUGGING_FACE_NAMES = {
    "vocab_size": "vocab",
    "n_positions": "n_ctx",
    "n_embd": "n_embd",
    "n_layer": "n_layer",
    "n_head": "n_head",
    "n_inner": "n_inner",
    "tie_word_embeddings": "tie_embeddings",
}
"""What the fields that count are called in a ``config.json``, and here."""


@dataclass(frozen=True)
class Preset:
    """A published model: its config, where the numbers are from, and the size it was said to be."""

    name: str
    config: GPT2Config
    title: str
    url: str
    reported: str | None
    """The number of parameters as its source reports it, or None."""


def presets() -> list[Preset]:
    """All presets, family by family, the smallest first."""
    from gpt2calc.counting import count

    found = [preset(name) for name in preset_names()]
    return sorted(found, key=lambda one: (one.name.partition("-")[0], count(one.config).total))


def preset_names() -> list[str]:
    """The names that :func:`load` knows, in alphabetical order."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def preset(name: str) -> Preset:
    """One preset by its name. Raises ``UserError`` if there is none."""
    path = _folder() / f"{name}.toml"
    if name not in preset_names():
        raise UserError(f"no preset is called {quoted(name)}{_nearest_preset(name)}")
    contents = _read_toml(path)
    source = contents["source"]
    return Preset(
        name, _config(contents, path), source["title"], source["url"], source.get("reported")
    )


def load(name_or_path: str | PathLike[str]) -> GPT2Config:
    """Find the config that a name or a file stands for.

    Args:
        name_or_path: a preset's name such as ``"gpt2-xl"``; a TOML file like the presets; a Hugging
            Face ``config.json`` of ``model_type`` gpt2, or the folder it is in.

    Raises:
        UserError: there is no such preset or file, or what it says is no GPT-2.

    """
    if name_or_path in preset_names():
        return preset(str(name_or_path)).config
    path = Path(name_or_path)
    if os.path.isdir(path):
        path /= "config.json"
    if not os.path.exists(path):
        word = str(name_or_path)
        raise UserError(f"{quoted(word)} is neither a preset nor a file{_nearest_preset(word)}")
    return from_hugging_face(path) if path.suffix == ".json" else _config(_read_toml(path), path)


def from_hugging_face(path: Path) -> GPT2Config:
    """Read a Hugging Face ``config.json``; keys that change no count are passed over."""
    contents = read_json(path)
    model_type = contents.get("model_type")
    if model_type != "gpt2":
        raise UserError(f"{path}: model_type is {quoted(model_type)}: it must be 'gpt2'")
    if contents.get("add_cross_attention"):
        raise UserError(
            f"{path}: add_cross_attention is true: cross-attention adds parameters that GPT-2 "
            "does not have; set it to false to count the model without them"
        )
    fields = {
        ours: contents[theirs]
        for theirs, ours in HUGGING_FACE_NAMES.items()
        if theirs in contents and (ours, contents[theirs]) != ("n_inner", None)
    }
    return _checked(fields, path)


def _folder() -> Path:
    """Where the presets are: inside the package once it is installed, beside it in a checkout."""
    packaged = Path(__file__).parent / "configs"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "configs"


def _nearest_preset(word: str) -> str:
    return did_you_mean(word, preset_names()) or "; 'gpt2calc presets' lists the presets"


def _config(contents: dict[str, Any], path: Path) -> GPT2Config:
    return _checked({key: contents[key] for key in contents if key != "source"}, path)


def _checked(fields: dict[str, Any], path: Path) -> GPT2Config:
    try:
        return GPT2Config(**fields)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _read_toml(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(_read(path))
    except ValueError as error:
        raise UserError(f"{path} is not a TOML file: {error}") from None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises ``UserError`` if it holds none."""
    import json

    try:
        contents = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a JSON file: {error}") from None
    if not isinstance(contents, dict):
        raise UserError(f"{path} must hold a JSON object, not {quoted(contents)}")
    return contents


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text: a config is a TOML or JSON file") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
