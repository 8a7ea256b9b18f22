"""Inspection of a checkpoint: which model it is, and which tensors do not belong to that."""

import os
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from gpt2calc.errors import UserError, printable, quoted
from gpt2calc.metrics.parameters import ACTIVE, PARAMETERS, SublayerCount, active_said
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.named_parameters import Located, located
from gpt2calc.model.sources.config_json import from_hugging_face
from gpt2calc.model.sources.hub import fetch_config, fetch_shapes, is_repository
from gpt2calc.model.sources.reading import read_json
from gpt2calc.quantity.breakdown import PartByPart
from gpt2calc.verification.config_from_tensors import infer_config
from gpt2calc.verification.family_from_tensors import Shapes
from gpt2calc.verification.proof import first_few
from gpt2calc.verification.safetensors_headers import find_checkpoint, read_shapes

CAUSAL_MASKS = (".attn.bias", ".attention.bias", ".attn.causal_mask")
"""How the names of causal masks end in files of GPT-2, GPT-Neo, GPT-J, NeoX and CodeGen."""
MASKED_BIAS = ".masked_bias"
"""How the name of the buffer ends that holds the score of masked positions in older versions."""
FREQUENCIES = "rotary_emb.inv_freq"
"""How the names of the frequencies of rotary positions end."""
NEVER_SHOWN = ("n_head", "n_kv_head", "head_dim")
"""Fields that shapes do not show by themselves; where they do not fit, tensors are misshapen."""


@dataclass(frozen=True, repr=False)
class Inspection(PartByPart):
    """What a checkpoint's headers say: its config, its counts, and what does not belong."""

    path: str
    config: ModelConfig
    """Read off the shapes; ``n_head``, which no shape shows, off ``config.json`` if it is there."""
    parts: tuple[SublayerCount, ...]
    """Parameters stored in each sublayer, in the order of ``report.sublayers.SUBLAYERS``."""
    tensor_count: int
    """Tensors in the file, whatever they are."""
    stored: int
    """Numbers in the file, buffers and all."""
    buffers: Shapes
    """Tensors that are no parameters: causal masks, rotary frequencies, a copy of the tied head."""
    missing: Shapes
    extra: Shapes
    misshapen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    """By name: the shape found, and the shape that fits the rest."""
    unseen: tuple[str, ...] = ()
    """Fields that no tensor shows and no ``config.json`` states: they have the usual values."""
    quantity = PARAMETERS

    @property
    def sound(self) -> bool:
        """Whether the tensors are those of the model, and no parameter is missing or left over."""
        return not (self.missing or self.extra or self.misshapen)

    @property
    def total(self) -> int:
        """Parameters stored that belong to the model."""
        return sum(part.total for part in self.parts)

    @property
    def active(self) -> int | None:
        """Parameters that a token goes through; None where nothing says how many experts it has."""
        return None if "n_expert_active" in self.unseen else int(ACTIVE.total(self.config))

    def summary(self) -> str:
        """Say what is in the checkpoint."""
        verdict = "sound" if self.sound else "with faults"
        return f"{self.config.title()}, {self.total:,} parameters, {verdict}"

    def to_dict(self) -> dict[str, Any]:
        """Return counts in parameters; tensors by name with their shapes."""
        return {
            "path": self.path,
            "sound": self.sound,
            "unseen": list(self.unseen),
            "tensors": self.tensor_count,
            "stored": self.stored,
            **self.amounts(),
            "active": self.active,
            "buffers": {name: list(shape) for name, shape in self.buffers.items()},
            "missing": {name: list(shape) for name, shape in self.missing.items()},
            "extra": {name: list(shape) for name, shape in self.extra.items()},
            "misshapen": {
                name: {"found": list(found), "expected": list(expected)}
                for name, (found, expected) in self.misshapen.items()
            },
        }

    def title(self) -> str:
        return f"{printable(self.path)}: {self.config.title(leaving_out=self.unseen)}"

    def notes(self) -> tuple[str, ...]:
        """Say what else is stored, and what does not belong."""
        whose = self.config.of_family.words
        sound = f"Nothing missing, nothing extra: every tensor is {whose}'s."
        return (
            f"{self.tensor_count:,} tensors.",
            *(() if self.active is None else active_said(self.config)),
            *self._head_said(),
            *self._buffers_said(),
            *((sound,) if self.sound else self._faults_said()),
        )

    def _faults_said(self) -> tuple[str, ...]:
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
        turned = all(found == wanted[::-1] for found, wanted in self.misshapen.values())
        if self.misshapen and turned:
            family = self.config.of_family
            order = "outputs" if family.outputs_first else "inputs"
            return (*faults, f"Those matrices are transposed: {family.words} stores {order} first.")
        return faults

    def _head_said(self) -> tuple[str, ...]:
        """Say that the head is only supposed to be tied, where that is not usual in the family."""
        is_supposed = set(NEVER_SHOWN) <= set(self.unseen) and self.config.tie_embeddings
        if not is_supposed or self.config.of_family.default_fields.get("tie_embeddings", True):
            return ()
        return ("No output head is stored: it is tied, as is supposed here, or there is none.",)

    def _buffers_said(self) -> tuple[str, ...]:
        if not self.buffers:
            return ()
        head = self.config.names.of_tensor("head", "weight")
        kinds = Counter(self.config.names.pattern(name) for name in self.buffers)
        copy = kinds.pop(head, 0)
        said = [f"{times:,} x {name}" for name, times in kinds.items()]
        why = [self._kind_of_buffers(kinds)] if kinds else []
        said += [head] if copy else []
        why += ["a copy of the embedding that the head is tied to, in all"] if copy else []
        numbers = sum(prod(shape) for shape in self.buffers.values())
        what = f"{' and '.join(said)}, {' and '.join(why)} of"
        return (
            f"Not counted: {what} {numbers:,} numbers; with them the file holds {self.stored:,}.",
        )

    @staticmethod
    def _kind_of_buffers(kinds: Counter[str]) -> str:
        rotary = [name for name in kinds if name.endswith(FREQUENCIES)]
        if not rotary:
            return "causal-mask buffers"
        both = "buffers of causal masks and rotary positions"
        return both if len(rotary) < len(kinds) else "buffers of rotary positions"


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Read a checkpoint's headers and say which model it holds.

    Args:
        path: a ``.safetensors`` file, a ``.index.json`` of shards, or a folder with either; a
            ``config.json`` in the same folder is compared with the shapes. Or a repository on the
            Hugging Face Hub, ``owner/name``.

    Raises:
        UserError: a file cannot be read, it holds no model of a known family, or ``config.json``
            says something else.

    """
    word = os.fspath(path)
    if not os.path.exists(word) and is_repository(word):
        shapes, beside = fetch_shapes(word), fetch_config(word)
    else:
        file = find_checkpoint(path)
        shapes, beside = read_shapes(file), file.parent / "config.json"
    stated = from_hugging_face(beside, in_part=True) if beside.exists() else None
    config = infer_config(str(path), shapes, stated)
    if stated is not None:
        _refuse_disagreement(beside, stated, config)
        _refuse_missing_cross_attention(beside, shapes)
    return _compared(str(path), config, shapes, _unseen(config, stated))


def _unseen(config: ModelConfig, stated: ModelConfig | None) -> tuple[str, ...]:
    if stated is not None:
        return ("n_head",) if config.n_head is None else ()
    context = () if config.positions == "learned" else ("n_ctx",)
    return (*NEVER_SHOWN, *context, *(("n_expert_active",) if config.n_expert else ()))


def _compared(
    path: str, config: ModelConfig, shapes: Shapes, unseen: tuple[str, ...] = ()
) -> Inspection:
    names = config.names
    expected = {each.name: each for each in _expected(config, shapes)}
    belonging: Shapes = {}
    buffers: Shapes = {}
    extra: Shapes = {}
    for name, shape in shapes.items():
        bare = names.bare(name)
        if bare in expected and bare not in belonging:
            belonging[bare] = shape
        elif _is_no_parameter(bare, shape, config):
            buffers[name] = shape
        else:
            extra[name] = shape
    return Inspection(
        path=path,
        config=config,
        parts=PARAMETERS.shares(
            expected[name].tensor._replace(shape=shape, copies=1)
            for name, shape in belonging.items()
        ),
        tensor_count=len(shapes),
        stored=sum(prod(shape) for shape in shapes.values()),
        buffers=buffers,
        missing={name: each.shape for name, each in expected.items() if name not in belonging},
        extra=extra,
        misshapen={
            name: (shape, expected[name].shape)
            for name, shape in belonging.items()
            if shape != expected[name].shape
        },
        unseen=unseen,
    )


def _expected(config: ModelConfig, shapes: Shapes) -> list[Located]:
    """Return the model's parameters, with experts cut as most of the file's names have them."""
    names = {config.names.bare(name) for name in shapes}
    ways = [located(config, one_by_one=each) for each in (False, True)]
    return max(ways, key=lambda way: sum(each.name in names for each in way))


def _is_no_parameter(bare: str, shape: tuple[int, ...], config: ModelConfig) -> bool:
    """Whether a tensor is a buffer that older transformers stored, or a copy of the tied head."""
    if bare == config.names.of_tensor("head", "weight"):
        width = config.n_embd if config.token_width is None else config.token_width
        return config.tie_embeddings and shape == (config.vocab, width)
    block = config.names.block(bare)
    if bare.endswith(FREQUENCIES):
        return len(shape) == 1
    if block is None or block >= config.n_layer:
        return False
    if bare.endswith(CAUSAL_MASKS):
        is_square = len(shape) >= 2 and shape[-1] == shape[-2] and prod(shape[:-2]) == 1
        return is_square and (config.positions != "learned" or shape[-1] == config.n_ctx)
    return bare.endswith(MASKED_BIAS) and prod(shape) == 1


def _refuse_disagreement(path: Path, stated: ModelConfig, inferred: ModelConfig) -> None:
    for name in ModelConfig.known:
        said, shown = stated.value(name), inferred.value(name)
        keys = stated.of_family.keys.get(name)
        if said != shown and keys and name not in NEVER_SHOWN:
            raise UserError(f"{path}: {keys[0]} is {said}, but {_evidence(name, shown)}")


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


def _said(fault: str, tensors_said: dict[str, str]) -> tuple[str, ...]:
    """Write a line for each of the first few tensors with a fault, and count the rest."""
    lines = [f"{fault}: {printable(name)} ({words})" for name, words in tensors_said.items()]
    return first_few(lines, f"{fault}: ")


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single number"
