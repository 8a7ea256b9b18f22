"""The family of a checkpoint, from names and shapes of its tensors."""

import re
from collections import Counter

from gpt2calc.errors import UserError
from gpt2calc.model.families.family import Family
from gpt2calc.model.families.table import families

Shapes = dict[str, tuple[int, ...]]
"""Shapes of tensors by name."""


def family_of(path: str, shapes: Shapes) -> Family:
    """Return the family whose names most of the tensors have, the first one of several.

    Raises:
        UserError: no family has such names, or the family's tensors do not tell all of a model.

    """
    alike = _alike(shapes)
    fitting = {family.name: _fit(family, shapes, alike) for family in families().values()}
    best = max(fitting, key=lambda name: fitting[name])
    if best == "gpt_bigcode" and _has_all_heads(families()[best], shapes):
        best = "gpt2"
    if fitting[best][0] and not families()[best].inferable:
        raise UserError(
            f"{path} holds tensors like {families()[best].words}'s, and they do not tell all of "
            "such a model: put its config.json beside them"
        )
    if not fitting[best][0]:
        raise UserError(
            f"{path} holds no model of a known family: none of its tensors has the name of one"
        )
    return families()[best]


def _has_all_heads(family: Family, shapes: Shapes) -> bool:
    """Tell whether keys and values are as wide as queries.

    Then it is a GPT-2 with its matrices turned, as nanoGPT and others store them.
    """
    names = family.names
    kinds = {names.pattern(name): shape for name, shape in shapes.items()}
    joined = kinds.get(names.of_tensor("qkv", "weight"), ())
    return len(joined) == 2 and max(joined) == 3 * min(joined)


def _alike(shapes: Shapes) -> dict[str, int]:
    """Return one of the names that differ in numbers alone, such as a layer's, and their number.

    A file may have many thousands of tensors, and each name is compared with every family's.
    """
    last: dict[str, str] = {}
    numbers: Counter[str] = Counter()
    for name in shapes:
        kind = re.sub(r"(?<=\.)[0-9]+(?=\.)", "*", name)
        last[kind] = name
        numbers[kind] += 1
    return {last[kind]: number for kind, number in numbers.items()}


def _fit(family: Family, shapes: Shapes, alike: dict[str, int]) -> tuple[int, int, int]:
    """Return how well tensors fit a family, in three numbers, the first of which counts most.

    They are: tensors that have the family's names; the family's modules that are lacking, as a
    negative number; and matrices with outputs first, or inputs first, as in the family, which their
    biases show.
    """
    names, known = family.names, names_of(family)
    kinds = {names.pattern(name): shapes[name] for name in alike}
    named = sum(number for name, number in alike.items() if names.pattern(name) in known)
    lacking = sum(f"{names.module(role)}.weight" not in kinds for role in names.modules)
    lie = 0
    for name, shape in kinds.items():
        bias = kinds.get(f"{name.removesuffix('.weight')}.bias", ())
        if name.endswith(".weight") and len(shape) == 2 and len(bias) == 1:
            lie += shape[0 if family.outputs_first else 1] == bias[0]
    return named, -lacking, lie


def names_of(family: Family) -> set[str]:
    """Return the names of all tensors of the family, with one pattern for all blocks."""
    names = family.names
    roles = ("token_embedding", "head", *names.modules) if names.modules else _OF_GPT2
    kinds = {names.of_tensor(role, kind) for role in roles for kind in ("weight", "bias")}
    return kinds | {piece for pieces in family.hub.values() for piece in pieces}


_OF_GPT2 = (
    "token_embedding", "position_embedding", "attention_norm", "qkv", "attention_out",
    "mlp_norm", "mlp_in", "mlp_out", "final_norm", "head",
)  # fmt: skip
