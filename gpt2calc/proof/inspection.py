"""A real checkpoint against the formulas: what GPT-2 it is, and what in it does not belong."""

import os
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from gpt2calc.architecture import named_shapes, tensors
from gpt2calc.config import GPT2Config
from gpt2calc.counting import PARAMETERS, Part
from gpt2calc.errors import UserError, printable, quoted
from gpt2calc.loading import from_hugging_face, read_json
from gpt2calc.names import NAMES, bare_name, block_of, pattern_of
from gpt2calc.output.result import Result
from gpt2calc.output.table import Table
from gpt2calc.proof.checkpoint import find_checkpoint, read_shapes
from gpt2calc.proof.inference import Shapes, infer_config

LISTED = 5
"""Tensors of one fault that are named before the rest are only counted."""


@dataclass(frozen=True, repr=False)
class Inspection(Result):
    """What a checkpoint's headers say: its config, its counts, and what does not belong."""

    path: str
    config: GPT2Config
    """Read off the shapes; ``n_head``, which no shape shows, off ``config.json`` if it is there."""
    parts: tuple[Part, ...]
    """Parameters stored in each sublayer, in the order of ``architecture.SUBLAYERS``."""
    tensor_count: int
    """Tensors in the file, whatever they are."""
    stored: int
    """Numbers in the file, buffers and all."""
    buffers: Shapes
    """Causal masks, stored but no parameters: left out of the count."""
    missing: Shapes
    extra: Shapes
    misshapen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    """By name: the shape found, and the shape that fits the rest."""

    @property
    def sound(self) -> bool:
        """Whether the tensors are those of a GPT-2, and no parameter is missing or left over."""
        return not (self.missing or self.extra or self.misshapen)

    @property
    def total(self) -> int:
        """Parameters stored that belong to the model."""
        return sum(part.total for part in self.parts)

    def summary(self) -> str:
        """Say what is in the checkpoint."""
        verdict = "sound" if self.sound else "with faults"
        return f"{self.config.title()}, {self.total:,} parameters, {verdict}"

    def to_dict(self) -> dict[str, Any]:
        """Return counts in parameters; tensors by name with their shapes."""
        return {
            "path": self.path,
            "sound": self.sound,
            "tensors": self.tensor_count,
            "stored": self.stored,
            **PARAMETERS.dict_of(self.config, self.parts),
            "buffers": {name: list(shape) for name, shape in self.buffers.items()},
            "missing": {name: list(shape) for name, shape in self.missing.items()},
            "extra": {name: list(shape) for name, shape in self.extra.items()},
            "misshapen": {
                name: {"found": list(found), "expected": list(expected)}
                for name, (found, expected) in self.misshapen.items()
            },
        }

    def table(self) -> Table:
        """Return the stored parameters by sublayer; buffers and faults beneath."""
        faults = (
            *_said("missing", {name: _times(shape) for name, shape in self.missing.items()}),
            *_said("extra", {name: _times(shape) for name, shape in self.extra.items()}),
            *_said(
                "misshapen",
                {
                    name: f"{_times(found)} where the rest makes it {_times(expected)}"
                    for name, (found, expected) in self.misshapen.items()
                },
            ),
        )
        verdict = "Nothing missing, nothing extra: every tensor is GPT-2's." if self.sound else ""
        turned = all(found == wanted[::-1] for found, wanted in self.misshapen.values())
        if self.misshapen and turned:
            faults += ("Those matrices are stored transposed, as nn.Linear does.",)
        notes = (f"{self.tensor_count:,} tensors.", *self._buffers_said(), verdict, *faults)
        unseen = {"n_head"} if self.config.n_head is None else set()  # no shape shows it
        title = f"{printable(self.path)}: {self.config.title(leaving_out=unseen)}"
        said = tuple(note for note in notes if note)
        return PARAMETERS.table_of(self.config, self.parts, said, title)

    def _buffers_said(self) -> tuple[str, ...]:
        if not self.buffers:
            return ()
        kinds = Counter(pattern_of(name) for name in self.buffers)
        numbers = sum(prod(shape) for shape in self.buffers.values())
        names = " and ".join(f"{times:,} x {name}" for name, times in kinds.items())
        said = f"Not counted: {names}, causal-mask buffers of {numbers:,} numbers"
        return (f"{said}; with them the file holds {self.stored:,}.",)


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Read a checkpoint's headers and say what GPT-2 it holds.

    Args:
        path: a ``.safetensors`` file, a ``.index.json`` of shards, or a folder with either; a
            ``config.json`` in the same folder is compared with the shapes.

    Raises:
        UserError: a file cannot be read, it is no GPT-2, or ``config.json`` says something else.

    """
    file = find_checkpoint(path)
    shapes = read_shapes(file)
    beside = file.parent / "config.json"
    stated = from_hugging_face(beside, with_cross_attention=True) if beside.exists() else None
    config = infer_config(str(path), shapes, stated)
    if stated is not None:
        _refuse_disagreement(beside, stated, config)
        _refuse_missing_cross_attention(beside, shapes)
    return _compared(str(path), config, shapes)


def _compared(path: str, config: GPT2Config, shapes: Shapes) -> Inspection:
    expected = {bare_name(name): shape for name, shape in named_shapes(config)}
    belonging: Shapes = {}
    buffers: Shapes = {}
    extra: Shapes = {}
    for name, shape in shapes.items():
        bare = bare_name(name)
        if bare in expected and bare not in belonging:
            belonging[bare] = shape
        elif _is_causal_mask(bare, shape, config):
            buffers[name] = shape
        else:
            extra[name] = shape
    return Inspection(
        path=path,
        config=config,
        parts=_parts_of(config, belonging),
        tensor_count=len(shapes),
        stored=sum(prod(shape) for shape in shapes.values()),
        buffers=buffers,
        missing={name: shape for name, shape in expected.items() if name not in belonging},
        extra=extra,
        misshapen={
            name: (shape, expected[name])
            for name, shape in belonging.items()
            if shape != expected[name]
        },
    )


def _parts_of(config: GPT2Config, belonging: Shapes) -> tuple[Part, ...]:
    """Add up tensors that really exist, each where the list has the tensor of its name."""
    places = {tensor.name: tensor for tensor in tensors(config)}
    found = (
        places[pattern_of(name)]._replace(shape=shape, copies=1)
        for name, shape in belonging.items()
    )
    return PARAMETERS.shares(found)


def _is_causal_mask(name: str, shape: tuple[int, ...], config: GPT2Config) -> bool:
    """Whether a tensor is what older transformers stored beside a block's parameters."""
    pattern, block = pattern_of(name), block_of(name)
    if block is None or block >= config.n_layer:
        return False
    if pattern == NAMES["causal_mask"]:
        return shape == (1, 1, config.n_ctx, config.n_ctx)
    return pattern == "h.*.attn.masked_bias" and prod(shape) == 1


def _refuse_disagreement(path: Path, stated: GPT2Config, inferred: GPT2Config) -> None:
    for name, known in GPT2Config.known.items():
        said, shown = stated.value(name), inferred.value(name)
        if said != shown and known.keys and name != "n_head":
            raise UserError(f"{path}: {known.keys[0]} is {said}, but {_evidence(name, shown)}")


def _refuse_missing_cross_attention(path: Path, shapes: Shapes) -> None:
    """Refuse a config that states cross-attention beside tensors that have none."""
    stated = read_json(path).get("add_cross_attention", False)
    if stated is not False and not any(".crossattention." in name for name in shapes):
        raise UserError(
            f"{path}: add_cross_attention is {quoted(stated)}, but no tensor beside it is of "
            "cross-attention: the checkpoint is incomplete, or set it to false"
        )


def _evidence(field: str, shown: Any) -> str:
    """Return what the tensors say against a field, and what may be the reason."""
    if field != "tie_embeddings":
        return f"the tensors beside it make it {shown}; one of the two belongs to another model"
    if shown:
        return "there is no lm_head.weight beside it; set it to true if the head is tied"
    return (
        "there is an lm_head.weight beside it; set it to false if the head is its own, or save the "
        "checkpoint without that copy"
    )


def _said(fault: str, tensors_said: dict[str, str]) -> list[str]:
    """Write a line for each of the first few tensors with a fault, and count the rest."""
    lines = [f"{fault}: {printable(name)} ({words})" for name, words in tensors_said.items()]
    unsaid = len(lines) - LISTED
    return lines if unsaid <= 0 else [*lines[:LISTED], f"{fault}: ... and {unsaid:,} more"]


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single number"
