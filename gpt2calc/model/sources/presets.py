"""Configs by name and from files: the presets, TOML like theirs, and Hugging Face's JSON."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import NamedTuple

import gpt2calc
from gpt2calc.errors import UnknownModelError, UserError, did_you_mean, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.table import families
from gpt2calc.model.sources.config_json import from_hugging_face
from gpt2calc.model.sources.hub import fetch_config, is_repository
from gpt2calc.model.sources.reading import read_toml

TUNED = re.compile(r"(-hf)?(-instruct|-it|-base|-pt|-chat)?(-hf)?$")
"""Endings of names on the Hub by which tuned models and other formats of one model differ."""
_TEXT_ONLY = ContextVar("text_only", default=False)
MOST_SUGGESTED = 4
"""Presets that a message names, where several begin as a word does."""
DEVICES = "devices.toml"
"""Beside the presets stands the file of the devices."""


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
        raise _unknown(name, f"no preset is called {quoted(name)}")
    return _read_preset(name)


@cache
def _read_preset(name: str) -> Preset:
    path = folder() / f"{name}.toml"
    contents = read_toml(path)
    source = contents["source"]
    assert isinstance(source, dict)
    said = (source.get(key) for key in ("reported", "hub", "parameters"))
    return Preset(name, _config(contents, path), source["title"], source["url"], *said)


@contextmanager
def text_only() -> Iterator[None]:
    """Read the text model of multimodal files, which are refused otherwise."""
    token = _TEXT_ONLY.set(True)
    try:
        yield
    finally:
        _TEXT_ONLY.reset(token)


def config_of(word: str) -> ModelConfig:
    """Return the config of a preset, a file, a folder, or a repository on the Hugging Face Hub.

    A preset may be given by its name on the Hub, ``openai-community/gpt2``, and is not fetched.
    Raises ``UserError`` for anything else.
    """
    if word.lower() in preset_names():
        return preset(word.lower()).config
    path = Path(word)
    if os.path.isdir(word):
        path /= "config.json"
        if not os.path.exists(path):
            raise UserError(
                f"the folder {quoted(word, 200)} holds no config.json: name a file in it"
            )
    if not os.path.exists(path) or not word:
        on_the_hub = _on_the_hub(word)
        if on_the_hub is not None:
            return on_the_hub.config
        if is_repository(word):
            return from_hugging_face(fetch_config(word), text_only=_TEXT_ONLY.get())
        raise _unknown(word, f"{quoted(word)} is neither a preset nor a file")
    if path.suffix == ".json":
        return from_hugging_face(path, text_only=_TEXT_ONLY.get())
    return _config(read_toml(path), path)


def _on_the_hub(word: str) -> Preset | None:
    """Return the preset with a name on the Hub, given with its owner or without; or None.

    Tuning changes no count: ``-Instruct`` and the like make no difference. The size may be left out
    where a model has one size: ``mistral-nemo``.
    """
    asked = _untuned(word)
    for each in presets():
        if each.hub is None:
            continue
        owner, _, name = _untuned(each.hub).partition("/")
        if asked in (f"{owner}/{name}", name, each.name):
            return each
    alike = [each for each in presets() if each.name.startswith(f"{asked}-")]
    is_size = len(alike) == 1 and re.fullmatch(r"\d.*", alike[0].name.removeprefix(f"{asked}-"))
    return alike[0] if is_size else None


def _untuned(name: str) -> str:
    return TUNED.sub("", name.lower())


def folder() -> Path:
    """Return where presets and devices are: in the installed package, or beside a checkout's."""
    package = Path(gpt2calc.__file__).parent
    packaged = package / "configs"
    return packaged if packaged.is_dir() else package.parent / "configs"


def _unknown(word: str, message: str) -> UserError:
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


def _config(contents: dict[str, object], path: Path) -> ModelConfig:
    fields = {key: contents[key] for key in contents if key != "source"}
    if not fields:
        raise UserError(f"{path} says nothing of a model: give it a field, such as n_layer = 12")
    return _checked(fields, path)


def _checked(fields: dict[str, object], path: Path) -> ModelConfig:
    try:
        return ModelConfig.of(fields)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
