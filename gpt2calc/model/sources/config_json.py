"""Reads a Hugging Face ``config.json`` as a :class:`ModelConfig`."""

import re
from collections.abc import Mapping
from pathlib import Path

from gpt2calc.dtypes import dtype_called
from gpt2calc.errors import UserError, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.family import Family, Fields
from gpt2calc.model.sources.files import family_of, is_headless, text_model
from gpt2calc.model.sources.reading import read_json

NULL_FOR_THE_RULE = ("n_kv_head", "head_dim", "window", "q_lora_rank")
"""Fields for which null means the field's rule, and a missing key the family's default."""


def from_hugging_face(path: Path, *, in_part: bool = False, text_only: bool = False) -> ModelConfig:
    """Read a ``config.json``; keys that change no count are passed over.

    Args:
        path: the file.
        in_part: whether keys and towers that are out of reach are passed over; else they are
            refused.
        text_only: whether the text model of a multimodal file is read; else it is refused.

    Raises:
        UserError: the file cannot be read, or says no model within reach.

    """
    return from_contents(read_json(path), path, in_part=in_part, text_only=text_only)


def from_contents(
    contents: Mapping[str, object],
    source: str | Path,
    *,
    in_part: bool = False,
    text_only: bool = False,
) -> ModelConfig:
    """Read the contents of a ``config.json``, as :func:`from_hugging_face` does.

    ``source`` is what the messages of ``UserError`` begin with.
    """
    contents = text_model(contents, source, text_only=text_only or in_part)
    family = family_of(contents, source)
    if not in_part:
        _refuse_what_is_out_of_reach(family, contents, source)
    fields, keys = _fields(family, contents, source)
    said = {key: contents.get(key, usual[0]) for key, usual in family.extra_keys.items()}
    for key, usual in family.extra_keys.items():
        if isinstance(usual[0], bool) and not isinstance(said[key], bool):
            raise UserError(f"{source}: {key} is {quoted(said[key])}: it must be true or false")
    try:
        read = _with_whole_heads(family, family.read_extra(said, fields))
        read |= {"stored_dtype": _stored_dtype(contents)}
        if is_headless(contents):
            read |= {"tie_embeddings": True, "head_bias": False}
        return ModelConfig.of(read)
    except UserError as error:
        field, rest = str(error).split(" ", 1)
        usual = family.keys.get(field) or (field,)
        raise UserError(f"{source}: {keys.get(field, usual[0])} {rest}") from None
    except ValueError as error:
        raise UserError(f"{source}: {error}") from None


def _with_whole_heads(family: Family, fields: Fields) -> Fields:
    """Round the width of a head down, where the family's class does so."""
    width, heads = fields.get("n_embd"), fields.get("n_head")
    if not family.floors_heads or fields.get("head_dim") is not None:
        return fields
    are_numbers = type(width) is int and type(heads) is int
    if not are_numbers or not 0 < heads <= width or width % heads == 0:  # type: ignore[operator]
        return fields
    return fields | {"head_dim": width // heads}  # type: ignore[operator]


def _stored_dtype(contents: Mapping[str, object]) -> str | None:
    """Return the method that packed the weights, or else their format; None where neither is said.

    A value that is not such a word is passed over: it changes no count.
    """
    packed = contents.get("quantization_config")
    if isinstance(packed, Mapping):
        return _word(packed.get("quant_method")) or "quantized"
    said = _word(contents.get("dtype", contents.get("torch_dtype")))
    return None if said is None else str(dtype_called(said))


def _word(said: object) -> str | None:
    word = str(said).removeprefix("torch.") if said is not None else ""
    return word if re.fullmatch(r"[\w.-]{1,40}", word) else None


def _refuse_what_is_out_of_reach(
    family: Family, contents: Mapping[str, object], source: str | Path
) -> None:
    for key, (allowed, why) in family.out_of_reach.items():
        if key in contents and not any(contents[key] is each for each in allowed):
            raise UserError(f"{source}: {key} is {quoted(contents[key])}: {why}")


def _fields(
    family: Family, contents: Mapping[str, object], source: str | Path
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the fields of a config with its family's defaults, and the keys of those given."""
    plain = {name: ModelConfig.model_fields[name].default for name in family.family_defaults}
    fields, keys = {"family": family.name, **plain, **family.switches}, {}
    for name in ModelConfig.known:
        if name in family.defaults and family.defaults[name] is not None:
            fields[name] = family.defaults[name]
        for key in family.keys.get(name, ()):
            if key not in contents:
                continue
            keys[name] = key
            value = contents[key]
            is_rule = name in NULL_FOR_THE_RULE or family.defaults.get(name) is None
            if value is None and (key in family.required_not_null or not is_rule):
                raise UserError(f"{source}: {key} is null: {family.words} has no rule for it")
            fields[name] = value
    return fields, keys
