"""From a word to a config: a preset's name, a file, a folder, or a repository on the Hub."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from gpt2calc.errors import UserError, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.sources.config_json import from_hugging_face
from gpt2calc.model.sources.hub import fetch_config, is_repository
from gpt2calc.model.sources.presets import (
    Preset,
    from_toml,
    preset,
    preset_names,
    presets,
    unknown_model,
)
from gpt2calc.model.sources.reading import read_toml, refuse_broken_link, refuse_checkpoint

TUNED = re.compile(r"(-hf)?(-instruct|-it|-base|-pt|-chat)?(-hf)?$")
"""Endings of names on the Hub by which tuned models and other formats of one model differ."""


_TEXT_ONLY = ContextVar("text_only", default=False)


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
    refuse_broken_link(path)
    if not os.path.exists(path) or not word:
        on_the_hub = _on_the_hub(word)
        if on_the_hub is not None:
            return on_the_hub.config
        if is_repository(word):
            return from_hugging_face(fetch_config(word), text_only=_TEXT_ONLY.get())
        raise unknown_model(word, f"{quoted(word)} is neither a preset nor a file")
    refuse_checkpoint(path)
    if path.suffix == ".json":
        return from_hugging_face(path, text_only=_TEXT_ONLY.get())
    return from_toml(read_toml(path), path)


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
    sizes = [each for each in alike if re.fullmatch(r"\d.*", each.name.removeprefix(f"{asked}-"))]
    return alike[0] if len(alike) == len(sizes) == 1 else None


def _untuned(name: str) -> str:
    return TUNED.sub("", name.lower())
