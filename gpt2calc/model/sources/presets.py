"""The presets: published models in TOML files."""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from gpt2calc.errors import UnknownModelError, UserError, did_you_mean, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.table import families
from gpt2calc.model.sources.reading import read_toml

MOST_SUGGESTED = 4
"""Presets that a message names, at most."""
DEVICES = "devices.toml"
"""The file of devices, which stands beside the presets and is none."""


class Preset(NamedTuple):
    """A published model: its config, where the numbers are from, and the size it was said to be."""

    name: str
    config: ModelConfig
    title: str
    url: str
    reported: str | None
    """The number of parameters as its source reports it, or None."""
    hub: str | None = None
    """What the model is called on the Hugging Face Hub, or None if it is not there."""
    parameters: int | None = None
    """The number of parameters as published, to the last one, or None."""


def presets() -> list[Preset]:
    """All presets, in alphabetical order."""
    return [preset(name) for name in preset_names()]


@cache
def preset_names() -> tuple[str, ...]:
    """Return the names of the presets, in alphabetical order."""
    return tuple(sorted(path.stem for path in folder().glob("*.toml") if path.name != DEVICES))


def preset(name: str) -> Preset:
    """One preset by its name. Raises ``UserError`` if there is none."""
    if name not in preset_names():
        raise unknown_model(name, f"no preset is called {quoted(name)}")
    return _read_preset(name)


@cache
def _read_preset(name: str) -> Preset:
    path = folder() / f"{name}.toml"
    contents = read_toml(path)
    source = contents["source"]
    assert isinstance(source, dict)
    said = (source.get(key) for key in ("reported", "hub", "parameters"))
    return Preset(name, from_toml(contents, path), source["title"], source["url"], *said)


def folder() -> Path:
    """Return where presets and devices are: in the installed package, or beside a checkout's."""
    package = Path(__file__).parents[2]
    packaged = package / "configs"
    return packaged if packaged.is_dir() else package.parent / "configs"


def from_toml(contents: dict[str, object], path: Path) -> ModelConfig:
    """Return the config of a TOML file's contents. Raises ``UserError`` if they are of no model."""
    fields = {key: contents[key] for key in contents if key != "source"}
    if not fields:
        raise UserError(f"{path} says nothing of a model: give it a field, such as n_layer = 12")
    return _checked(fields, path)


def _checked(fields: dict[str, object], path: Path) -> ModelConfig:
    try:
        return ModelConfig.of(fields)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def unknown_model(word: str, message: str) -> UserError:
    """Return the error of a word that is no model, with presets that begin or look like it."""
    hint = _beginning_with(word)
    if word in families() and not hint:
        hint = f"; it is a family: give a config.json, or sizes with --family {word}"
    hint = hint or did_you_mean(word, preset_names())
    if hint:
        return UserError(f"{message}{hint}")
    return UnknownModelError(word, f"{message}; 'gpt2calc presets' lists the presets")


def _beginning_with(word: str) -> str:
    """Suggest presets that begin as a word does, hyphens and points aside."""
    parts = re.findall(r"\d+|[a-z]+", word.lower())
    is_whole = r"(?!\d)" if parts and parts[-1].isdigit() else ""
    beginning = re.compile(r"[-._]?".join(parts) + is_whole)
    alike = [name for name in preset_names() if parts and beginning.match(name)]
    alike.sort(key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)])
    if len(alike) == 1:
        return f"; did you mean {alike[0]!r}?"
    more = ", ..." if len(alike) > MOST_SUGGESTED else ""
    return f"; presets like it: {', '.join(alike[:MOST_SUGGESTED])}{more}" if alike else ""
