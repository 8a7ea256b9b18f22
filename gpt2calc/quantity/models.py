"""Naming a model: a preset, a file, a config, or one of these with changes and a label.

On the command line a model is written ``[LABEL=]MODEL[,FIELD=VALUE...]``: ``gpt2``,
``gpt2,n_layer=24``, ``deeper=gpt2,n_layer=24,bias=false``; several numbers of one field with a plus
between them, ``dense_layers=0+2`` or ``dense_layers=0-2``.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from gpt2calc.errors import UserError, printable, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.declared import ranges
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.model.sources.field_text import read_field
from gpt2calc.model.sources.presets import preset_names
from gpt2calc.model.sources.words import config_of
from gpt2calc.model.sources.words import text_only as text_models_only
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.quantity import model_of
from gpt2calc.quantity.run import Run

Model: TypeAlias = str | PathLike[str] | ModelConfig | Any
"""A preset's name, a file, a config, or a config of transformers."""
Models: TypeAlias = Model | Iterable[Model] | Mapping[str, Model]
"""One model or several; a mapping gives them labels."""

SEVERAL = "+"
"""Between several numbers of one field, as in ``dense_layers=0+2`` or ``dense_layers=0-2``."""
MOST_SAID = 3
"""Most changes that a name lists; if there are more, it gives their number."""


class Labelled(NamedTuple):
    """A model, what it is called in tables and pictures, and the fields that were changed."""

    name: str
    config: Any
    """A ModelConfig, or a Case where the quantity depends on the run (FLOPs, memory, cache)."""
    changed: frozenset[str] = frozenset()
    given: frozenset[str] = frozenset()
    """The fields that were given beside the model, with the value that it has or another."""


def load(name_or_path: str | PathLike[str], *, text_only: bool = False) -> ModelConfig:
    """Return the config that a preset's name or a file stands for.

    Args:
        name_or_path: a preset's name such as ``"gpt2-xl"``, or its name on the Hub; a TOML file
            like the presets; a Hugging Face ``config.json`` of a known family, or the folder
            it is in. Changes may follow: ``"gpt2,n_layer=24"``.
        text_only: whether to read the text model of a multimodal file, which is refused otherwise.

    Raises:
        UserError: there is no such preset or file, or its model is not supported.

    """
    if not isinstance(name_or_path, str | PathLike):
        raise UserError(
            f"{quoted(name_or_path)} is no model's name: give a preset's, or that of a file, as str"
        )
    with text_models_only() if text_only else nullcontext():
        config: ModelConfig = _read(os.fspath(name_or_path)).config
    return config


def as_config(model: Model | None) -> Any:
    """Return the config of a model in any form: GPT-2 small for None, a case as it is.

    Raises:
        UserError: a name or file leads to no config, or a config of transformers is not supported.

    """
    if isinstance(model, ModelConfig | Case):
        return model
    if model is None:
        return ModelConfig()
    if isinstance(model, str | PathLike):
        return load(model)
    if _is_transformers_config(model):
        return from_contents({**model.to_dict(), "model_type": model.model_type}, "the config")
    raise UserError(
        f"{quoted(model)} is no model: give a preset's name, a file, a ModelConfig, or the config "
        "of a transformers model"
    )


def _is_transformers_config(model: Any) -> bool:
    """Tell whether an object is a config of transformers, without importing transformers."""
    is_config = hasattr(model, "to_dict") and hasattr(model, "model_type")
    return is_config and not isinstance(model, type)  # a config's class has the attributes as well


def as_model(model: Model | None) -> ModelConfig:
    """Return the config of a model in any form, of a case that of its model.

    Raises ``UserError`` as :func:`as_config`.
    """
    if isinstance(model, ModelConfig):
        return model
    config: ModelConfig = model_of(as_config(model))
    return config


def labelled(
    models: Models, case: Callable[[ModelConfig], Any] = model_of, **fields: Any
) -> tuple[Labelled, ...]:
    """Return models with their names, and with some fields replaced in all of them.

    A preset or a file is named by its name, a config by its shape; changes are said after it.
    Different models of the same name get a number. ``case`` turns a model's config into what the
    fields are replaced in: that config, or a case.
    """
    if isinstance(models, Mapping):
        named = [_labelled(model, case, fields, str(name)) for name, model in models.items()]
    else:
        named = [_labelled(model, case, fields) for model in _each(models)]
    return _told_apart(named)


def _each(models: Model | Iterable[Model]) -> Iterable[Model]:
    """Return models one by one, of a single model, or None, that one."""
    is_one = isinstance(models, str | PathLike | ModelConfig | Case)
    is_one = is_one or _is_transformers_config(models)  # one of these is iterable, too
    return models if isinstance(models, Iterable) and not is_one else (models,)


def _labelled(
    model: Model, case: Callable[[ModelConfig], Any], fields: Mapping[str, Any], name: str = ""
) -> Labelled:
    if isinstance(model, str | PathLike):
        read = _read(os.fspath(model), case)
        again = _changed(name or read.name, read.config, fields)
        return again._replace(changed=again.changed | read.changed, given=again.given | read.given)
    config = case(as_config(model))
    return _changed(name or f"{config.n_layer} x {config.n_embd}", config, fields)


def _read(word: str, case: Callable[[Any], Any] = model_of) -> Labelled:
    """Read a model as it is written on the command line."""
    if _is_a_name(word):
        return Labelled(_plain_name(word), case(config_of(word)))
    label, rest = _label_and_model(word.split(",")[0])
    config = case(config_of(rest))
    found = _changed(_plain_name(rest), config, changes_in(word))
    return found._replace(name=printable(label)) if label else found


def _label_and_model(word: str) -> tuple[str, str]:
    """Split ``LABEL=MODEL``, of which both may have an "=" inside: a path can, and any label."""
    if _is_a_name(word) or "=" not in word:
        return "", word
    _refuse_change_without_comma(word)
    places = [place for place, character in enumerate(word) if character == "="]
    place = next((each for each in places if _is_a_name(word[each + 1 :])), places[0])
    return word[:place], word[place + 1 :]


def _refuse_change_without_comma(word: str) -> None:
    """Raise ``UserError`` for ``gpt2:n_layer=24``, whose label would be ``gpt2:n_layer``."""
    before, _, value = word.partition("=")
    *models, field = re.split("[:;@ ]", before)
    model = models[0] if models else "gpt2"
    is_change = field.replace("-", "_") in Case.known and "/" not in value  # which may be a model
    if is_change and _is_a_name(model) and not _is_a_name(value):
        raise UserError(f"{quoted(word)} is no model: write {model},{field}={value}")


def changes_in(word: str) -> dict[str, Any]:
    """Return the fields that a model changes as it is written: ``"gpt2,n_layer=24"``."""
    if _is_a_name(word):
        return {}
    changes: dict[str, Any] = {}
    for name, value in map(_change, word.split(",")[1:]):
        if name in changes:
            raise UserError(f"{quoted(word)} has {name} more than once: give it one value")
        changes[name] = value
    return changes


def _is_a_name(word: str) -> bool:
    return word in preset_names() or os.path.exists(word)


def _change(text: str) -> tuple[str, Any]:
    """Read one ``FIELD=VALUE``; an unknown field is for the config to refuse."""
    name, equals, value = (part.strip() for part in text.partition("="))
    name = name.replace("-", "_")
    if not equals:
        raise UserError(
            f"{quoted(text)} changes nothing: write a field and its value, such as n_layer=24"
        )
    for kind in (ModelConfig, Run):
        if name in kind.known:
            return name, read_field(kind, name, value, SEVERAL)
    return name, value


def _changed(name: str, config: Any, fields: Mapping[str, Any]) -> Labelled:
    """Replace fields, and say those that have another value now."""
    after = config.replace(**fields)
    changed = [field for field in fields if after.value(field) != config.value(field)]
    said = [f"{field} {shown(after.value(field))}" for field in changed]
    if len(said) > MOST_SAID:
        said = [f"{len(said)} changes"]
    return Labelled(", ".join((name, *said)), after, frozenset(changed), frozenset(fields))


def shown(value: Any) -> str:
    """Write a field's value: yes or no for a switch, a list as :func:`load` reads it."""
    if isinstance(value, tuple):
        return SEVERAL.join(ranges(value)) or "none"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _plain_name(word: str) -> str:
    """Return a preset's name, or that of a file without its ending or of its folder."""
    if word in preset_names():
        return word
    path = Path(word).resolve()
    if path.name == "config.json":
        return printable(path.parent.name)
    return printable(path.stem if path.suffix in (".toml", ".json") else path.name)


def _told_apart(named: list[Labelled]) -> tuple[Labelled, ...]:
    """Add a number to names that other models have, too."""
    firsts: dict[str, list[Any]] = {}
    told = []
    for model in named:
        others = firsts.setdefault(model.name, [])
        if model.config not in others:
            others.append(model.config)
        place = others.index(model.config) + 1
        told.append(model if place == 1 else model._replace(name=f"{model.name} ({place})"))
    return tuple(told)
