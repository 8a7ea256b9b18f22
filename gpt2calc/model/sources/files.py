"""Which model a file describes: of what family, and which part of the file says it.

Files of 2019 name a class in place of a ``model_type``; Meta's ``params.json`` has keys of its own;
a multimodal file has the text model inside; and a draft for speculative decoding calls itself the
family that it was made for.
"""

import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import TypeAlias, TypeGuard

from gpt2calc.errors import UserError, quoted
from gpt2calc.model.families.family import Contents, Family
from gpt2calc.model.families.out_of_reach import TOWER, refusal
from gpt2calc.model.families.table import families

TEXT_ALONE = ("llama4", "qwen3_5", "qwen3_5_moe")
"""Multimodal types whose causal class in transformers is that of the text model alone."""
TEXT_OF = {"qwen2_vl": "qwen2", "qwen2_5_vl": "qwen2", "phi4mm": "phi3"}
"""The text model of multimodal files that say it beside the tower, and not in ``text_config``."""
HEADLESS = "Model"
"""How a class without an output head ends."""
HEADS = ("ForCausalLM", "LMHeadModel", "DoubleHeadsModel", HEADLESS)
OTHER_NAMES = {"falcon": ("rw", "refinedweb", "refinedwebmodel")}
"""What classes of a family were called before they were in transformers."""
OF_META = {"dim", "n_layers", "n_heads"}
"""Keys that Meta's ``params.json`` has, and no ``config.json``."""
ELSE_OF_META = {
    "n_kv_heads", "vocab_size", "multiple_of", "ffn_dim_multiplier", "norm_eps", "rope_theta",
    "use_scaled_rope", "max_seq_len", "max_batch_size",
}  # fmt: skip
"""What else it has, of a model that is Llama 1, 2 or 3."""

Source: TypeAlias = str | Path


def text_model(contents: Contents, source: Source, *, text_only: bool = False) -> Contents:
    """Return what a file says of the model that it describes, or of the text model inside it.

    Args:
        contents: of the file.
        source: what it is called in messages.
        text_only: whether what is beside the text model is left out; else it is refused.

    """
    model_type = contents.get("model_type")
    if model_type is None and contents.keys() >= OF_META:
        return of_meta(contents, source)
    inner = contents.get("text_config")
    if isinstance(model_type, str) and model_type in TEXT_OF:
        _refuse_tower(model_type, source, text_only)
        return {**contents, "model_type": TEXT_OF[model_type], "architectures": None}
    if not isinstance(inner, Mapping) or not inner:
        text = families().get(f"{model_type}_text")
        is_text = text is not None and any(_is_of(name, text) for name in _classes(contents)[:1])
        return {**contents, "model_type": f"{model_type}_text"} if is_text else contents
    if model_type not in TEXT_ALONE:
        _refuse_tower(model_type, source, text_only)
    return _inner(contents, inner, source)


def _refuse_tower(model_type: object, source: Source, text_only: bool) -> None:
    if not text_only:
        raise UserError(
            f"{source}: model_type is {quoted(model_type)}: out of reach here, {TOWER}; count the "
            "text model alone with --text-only"
        )


def _inner(contents: Contents, inner: Contents, source: Source) -> Contents:
    """Return the text model inside a multimodal file, which may leave its type to the file."""
    known = {family.model_type for family in families().values()}
    outer = str(contents.get("model_type"))
    guesses = (inner.get("model_type"), f"{outer}_text", outer)
    model_type = next((each for each in guesses if each in known), guesses[0] or outer)
    if model_type not in known:
        raise UserError(f"{source}: text_config: {refusal(model_type, len(known))}")
    shared = ("dtype", "torch_dtype", "quantization_config", "tie_word_embeddings")
    outside = {key: contents[key] for key in shared if key in contents}
    return {**outside, **inner, "model_type": model_type, "architectures": None}


def of_meta(contents: Contents, source: Source) -> Contents:
    """Return Llama's ``config.json`` for what Meta's ``params.json`` says.

    Source: Llama's own ``model.py``: the width of the MLP is two thirds of four times the model's,
    times ``ffn_dim_multiplier``, up to the next multiple of ``multiple_of``.
    """
    strange = sorted(contents.keys() - OF_META - ELSE_OF_META)
    if strange:
        raise UserError(
            f"{source}: {quoted(strange[0])} is no key of Llama 1, 2 or 3, whose params.json alone "
            "is read: give the model's config.json"
        )
    numbers = {key: contents.get(key) for key in ("dim", "n_layers", "n_heads")}
    multiple, times = contents.get("multiple_of", 256), contents.get("ffn_dim_multiplier")
    for key, value in {**numbers, "multiple_of": multiple}.items():
        if type(value) is not int or value < 1:
            raise UserError(f"{source}: {key} is {quoted(value)}: it must be a positive number")
    if times is not None and not _is_finite(times):
        raise UserError(f"{source}: ffn_dim_multiplier is {quoted(times)}: it must be a number")
    dim = numbers["dim"]
    assert isinstance(dim, int)
    assert isinstance(multiple, int)
    width = 8 * dim // 3 if times is None else int(times * (8 * dim // 3))
    vocab = contents.get("vocab_size", -1)
    said = {
        "model_type": "llama",
        "hidden_size": dim,
        "num_hidden_layers": numbers["n_layers"],
        "num_attention_heads": numbers["n_heads"],
        "num_key_value_heads": contents.get("n_kv_heads"),
        "intermediate_size": multiple * -(-width // multiple),
        "torch_dtype": "bfloat16",
    }
    # -1 stands for the tokenizer's size, which was 32,000 as long as files said so.
    return said if vocab == -1 else said | {"vocab_size": vocab}


def _is_finite(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isfinite(value)


def family_of(contents: Contents, source: Source) -> Family:
    """Return the family of a file: by its ``model_type``, or by its class where it has none.

    Raises:
        UserError: there is no such family, or the class that the file names is none of it.

    """
    model_type, classes = contents.get("model_type"), _classes(contents)
    known = {family.model_type: family for family in families().values() if not family.variant_of}
    if model_type is None and classes:
        family = next((each for each in known.values() if _is_of(classes[0], each)), None)
        if family is None:
            raise UserError(
                f"{source}: it has no model_type, and no family here has the class "
                f"{quoted(classes[0])}"
            )
        return family
    if model_type is None:
        raise UserError(
            f"{source}: it has no model_type, which says of what family its model is: give "
            "transformers' config.json of a model"
        )
    if not isinstance(model_type, str) or model_type not in known:
        raise UserError(f"{source}: {refusal(model_type, len(known))}")
    family = known[model_type]
    if classes and not _is_of(classes[0], family):
        raise UserError(
            f"{source}: its class is {quoted(classes[0])}, which is no {family.words} that "
            f"predicts the next token, though model_type is {quoted(model_type)}: a count as "
            f"{family.class_name} would be wrong"
        )
    return family


def is_headless(contents: Contents) -> bool:
    """Tell whether a file names a class without an output head."""
    return any(
        name.endswith(HEADLESS) and not name.endswith(HEADS[:-1]) for name in _classes(contents)[:1]
    )


def _classes(contents: Contents) -> list[str]:
    named = contents.get("architectures")
    return [str(each) for each in named] if isinstance(named, list | tuple) else []


def _is_of(name: str, family: Family) -> bool:
    """Tell whether a class is a family's: by its name, but for how its kind of head is said."""
    ending = next((head for head in HEADS if name.endswith(head)), None)
    if ending is None:
        return False
    stem = _letters(name.removesuffix(ending))
    built = next(
        family.class_name.removesuffix(head) for head in HEADS if family.class_name.endswith(head)
    )
    own = {_letters(built), _letters(family.model_type), _letters(family.words)}
    return stem in own | {*OTHER_NAMES.get(family.model_type, ())}


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
