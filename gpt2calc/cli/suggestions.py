"""What may have been meant by a flag that a command does not have."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.declared import field_called
from gpt2calc.quantity.run import Run

_LENGTH = (
    "ctx", "context-length", "context-len", "seq-len", "seq-length", "sequence-length", "length",
    "max-length", "max-model-len", "prompt", "tokens",
)  # fmt: skip
_AT_ONCE = ("batch-size", "bs", "micro-batch-size", "concurrency", "requests")
_GPUS = ("num-gpus", "n-gpus", "gpu-count")
CALLED: dict[str, tuple[str, ...]] = {
    "context": ("seq", *_LENGTH),
    "seq": ("context", *_LENGTH),
    "users": ("batch", *_AT_ONCE),
    "batch": ("users", *_AT_ONCE),
    "tensor-parallel": ("tp", "tp-size", "tensor-parallel-size", "gpus", *_GPUS),
    "gpus": ("tensor-parallel", "world-size", *_GPUS),
    "weight-bits": ("bits", "quantization", "quantize", "quant", "load-in-4bit", "load-in-8bit"),
    "gpu": ("device", "hardware", "card"),
    "precision": ("dtype", "torch-dtype"),
    "checkpointing": ("gradient-checkpointing", "activation-checkpointing", "recompute"),
    "grad-accumulation": ("gradient-accumulation", "gradient-accumulation-steps"),
    "zero-stage": ("zero", "deepspeed"),
    "out": ("output", "o"),
    "format": ("json", "csv", "markdown", "output-format"),
}
"""What people call a flag, beside what they call the fields; a command may have two of the same."""
NEAR = 0.8
"""How alike a flag and a slip of it are: --n-layr is near --n-layer, and --bits not --bias."""
MOST_COMMANDS = 3
"""Commands that a message names, at most."""

Flags = Mapping[str, Collection[str]]
"""The flags of every command."""


def meant_flag(flag: str, known: Collection[str], commands: Flags) -> str:
    """Return the end of a message on an unknown flag: what was meant, or nothing if it is unclear.

    Args:
        flag: as it was typed.
        known: the flags of the command.
        commands: the flags of the other commands, too.

    """
    word = flag.lstrip("-").lower().replace("_", "-")
    names = [f"--{name}" for name in dict.fromkeys(_names(word))]
    here = next((name for name in names if name in known), None)
    did_you_mean = f"; did you mean {here!r}?" if here else ""
    of_others = _commands_with(f"--{word}", commands)
    if of_others:
        return f" here: --{word} is a flag of {of_others}{did_you_mean}"
    if did_you_mean:
        return did_you_mean
    for name in names:
        if of_others := _commands_with(name, commands):
            return f" here: {name} is a flag of {of_others}"
    return _near(word, known)


def _names(word: str) -> Iterator[str]:
    """Yield the flags that a word may stand for, the likeliest first."""
    yield from (name for name, others in CALLED.items() if word in others)
    for kind in (ModelConfig, Run):
        field = field_called(word, kind)
        if field is not None:
            yield field.replace("_", "-")
    yield word


def _commands_with(flag: str, commands: Flags) -> str:
    """Name the commands that have a flag; those that count what it changes come first."""
    known = Run.known.get(flag.removeprefix("--").replace("-", "_"))
    first: Sequence[str] = known.changes if known else ()
    there = [name for name in dict.fromkeys((*first, *commands)) if flag in commands[name]]
    named = ", ".join(f"'gpt2calc {name}'" for name in there[:MOST_COMMANDS])
    return f"{named} and others" if len(there) > MOST_COMMANDS else named


def _near(word: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, [name.lstrip("-") for name in known], n=1, cutoff=NEAR)
    return f"; did you mean '--{near[0]}'?" if near else ""
