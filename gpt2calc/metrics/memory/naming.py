"""What a storage is for, and what a moment of a run is called."""

from gpt2calc.metrics.memory.timeline import Moment, role_of
from gpt2calc.model.names import Names
from gpt2calc.model.tensors import NORM, SUBLAYERS
from gpt2calc.tape.fsdp import REDUCE, UNSHARD
from gpt2calc.tape.recorder import Event, Lifetime
from gpt2calc.units import ordinal

START = "the start of backward"
"""The moment when backward begins: all saved activations are still alive."""
ROWS = {
    "attention": "projections",
    "token_embedding": "embeddings",
    "position_embedding": "embeddings",
}
"""Sublayers that have other names in the parts of memory."""
PART_OF = {
    **{role: ROWS.get(part, part) for role, part in SUBLAYERS.items()},
    "altup_mix": "mlp",
    "embedding_dropout": "embeddings",
    "rotation": "embeddings",
    "attention": "scores",
    "scores": "scores",
    "softmax": "scores",
    "mix": "scores",
    "attention_dropout": "projections",
    "mlp": "mlp",
    "gelu": "mlp",
    "mlp_dropout": "mlp",
    "block": "mlp",
    "model": "checkpoints",
    "loss": "loss",
}
"""The row of the activations table for what a module saves for backward, by the module's role;
modules that are not listed belong to layer_norm."""
PART_WORDS = {
    "forward": "forward",
    "backward": "backward",
    "step": "the optimizer's step",
    "prefill": "prefill",
    "decoding": "decoding",
    "token 1": "the first new token",
    "token 2": "the second new token",
}
"""What each part of a run is called in sentences."""
BLOCKS = {
    ("first", 0): "first",
    ("first", 1): "second",
    ("last", 0): "last",
    ("last", 1): "second to last",
}
"""What blocks near an end are called; others by their number."""


def _counted_from(end: str, number: int) -> str:
    return f"{ordinal(number + 1)}{' to last' if end == 'last' else ''}"


def of_training(lifetime: Lifetime, event: Event, index: int) -> str:
    """Say what a storage of a training step is for at a moment."""
    if lifetime.gradient_from <= index:
        return "gradients"
    if lifetime.whole_gradient_from <= index or role_of(event.module) in (UNSHARD, REDUCE):
        return "gathered"
    if lifetime.saved_from > index:
        return "temporary"
    role = role_of(lifetime.module) or ("block" if lifetime.module else "model")
    return PART_OF.get(role, NORM)


def of_forward(lifetime: Lifetime, event: Event, index: int) -> str:
    """Say what a storage that is alive at the end of forward is for.

    One that is not saved for backward is a block's input, kept by activation checkpointing;
    gradients accumulated from earlier batches stay gradients.
    """
    part = of_training(lifetime, event, index)
    return "checkpoints" if part == "temporary" else part


def of_serving(lifetime: Lifetime, event: Event, index: int) -> str:
    """Say what a storage of serving is for at a moment."""
    if lifetime.cache_from <= index:
        return "cache"
    return "logits" if event.module == ("head",) else "temporary"


def name_of(moment: Moment, names: Names) -> str:
    """Say which moment it is: ``"backward of mlp.act (mul) of the last block"``."""
    place, event = moment.place, moment.event
    role = role_of(event.module)
    if place.part == "step":
        return PART_WORDS["step"]
    if place.phase == "backward" and event.module == ("loss",):
        return START
    if not role:
        what = "a block" if place.block is not None else "the model"
    else:
        what = names.inside(role) if place.block is not None else names.module(role)
    where = f"{what} ({event.op})"
    if place.block is not None:
        end, number = place.block
        where = f"{where} of the {BLOCKS.get(place.block, _counted_from(end, number))} block"
    words = {"recomputed": "running again"}.get(place.phase, PART_WORDS[place.part])
    return f"{where} in {words}" if place.part.startswith("token") else f"{words} of {where}"
