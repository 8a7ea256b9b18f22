"""Which GPT-2 a set of tensors is: its config, read off their names and shapes."""

from collections import Counter, defaultdict
from typing import Any

from gpt2calc.architecture import tensors
from gpt2calc.config import GPT2Config
from gpt2calc.errors import UserError
from gpt2calc.fields import letters
from gpt2calc.names import NAMES, bare_name, block_of, pattern_of
from gpt2calc.symbols import with_symbols

Shapes = dict[str, tuple[int, ...]]
"""Shapes of tensors by name."""


def infer_config(path: str, shapes: Shapes, stated: GPT2Config | None) -> GPT2Config:
    """Return the config that most of the tensors agree on; what no tensor shows is taken as stated.

    Args:
        path: where the shapes are from, for messages.
        shapes: of all tensors, by name, with or without ``transformer.``.
        stated: what the ``config.json`` beside them says; None without one.

    Raises:
        UserError: the tensors are not those of a GPT-2, or too few to tell which.

    """
    names = {bare_name(name) for name in shapes}
    fields: dict[str, Any] = {"n_layer": _blocks(path, names), **_sizes(shapes)}
    if not (fields["n_layer"] and "n_embd" in fields):
        raise UserError(f"{path} holds no GPT-2: none of its tensors has a GPT-2's name and shape")
    if stated is None:
        fields |= _biases(names)
    else:
        fields = stated.model_dump(include={"n_ctx", "vocab", "n_inner"}) | fields
        fields |= {"n_head": stated.n_head} if fields["n_embd"] == stated.n_embd else {}
    for name, role in {"vocab": "token_embedding", "n_ctx": "position_embedding"}.items():
        if name not in fields:
            raise UserError(
                f"{path} has no {NAMES[role]}.weight, and without it nothing tells its {name}"
            )
    if fields.get("n_inner") == 4 * fields["n_embd"]:
        del fields["n_inner"]
    try:
        return GPT2Config(**fields, tie_embeddings=f"{NAMES['head']}.weight" not in names)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _sizes(shapes: Shapes) -> dict[str, int]:
    """Read the sizes off the shapes of known tensors, by field; where they differ, most win.

    Tensors of one dimension have the say where there are any: their shapes cannot be transposed.
    """
    symbolic = with_symbols(
        GPT2Config(n_head=1, n_inner=1, tie_embeddings=False), letters(GPT2Config)
    )
    formulas = {tensor.name: tensor.shape for tensor in tensors(symbolic)}
    votes: dict[str, Counter[tuple[bool, int]]] = defaultdict(Counter)
    for name, shape in shapes.items():
        formula = formulas.get(pattern_of(name), ())
        if len(formula) == len(shape):
            for letter, size in zip(map(str, formula), shape, strict=True):
                votes[letter][len(shape) == 1, size] += 1
    return {
        field: _won(votes[letter]) for field, letter in letters(GPT2Config).items() if votes[letter]
    }


def _won(votes: Counter[tuple[bool, int]]) -> int:
    return max(votes, key=lambda vote: (vote[0], votes[vote]))[1]


def _blocks(path: str, names: set[str]) -> int:
    """How many blocks there are, by the highest number among the tensors of a block."""
    known = {tensor.name for tensor in tensors(GPT2Config())}
    numbers = [block_of(name) for name in names if pattern_of(name) in known]
    blocks = max((number for number in numbers if number is not None), default=-1) + 1
    if blocks > len(names):
        raise UserError(f"{path} has a block {blocks - 1:,}, but only {len(names):,} tensors")
    return blocks


def _biases(names: set[str]) -> dict[str, bool]:
    """Which biases the model has, as most of its layers show."""

    def shown(layers: set[str]) -> bool:
        return 2 * sum(f"{layer}.bias" in names for layer in layers) > len(layers)

    listed = {tensor.name for tensor in tensors(GPT2Config()) if tensor.kind == "bias"}
    layers = {name.removesuffix(".weight") for name in names if name.endswith(".weight")}
    biased = {layer for layer in layers if f"{pattern_of(layer)}.bias" in listed}
    qkv = {layer for layer in biased if pattern_of(layer) == NAMES["qkv"]}
    bias, qkv_bias = shown(biased - qkv), shown(qkv)
    return {"bias": bias} if qkv_bias == bias else {"bias": bias, "qkv_bias": qkv_bias}
