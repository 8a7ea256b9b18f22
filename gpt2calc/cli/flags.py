"""The flags that commands share: one for each field of a model and of a run, made of its type."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypedDict, get_args

from cyclopts import Group, Parameter, Token

from gpt2calc.cli.numbers import Bytes
from gpt2calc.dtypes import dtype_called
from gpt2calc.errors import UserError, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.declared import Declared, choices_of, is_list, is_switch
from gpt2calc.model.sources.field_text import read_field
from gpt2calc.model.sources.presets import preset_names
from gpt2calc.quantity.registry import NAMES
from gpt2calc.quantity.run import Run
from gpt2calc.report.result import Format

FORMULA_FIELDS = (*ModelConfig.numbers(), "batch", "seq")
"""The fields that formulas have."""
OF_GPT2 = (
    "n_layer", "n_embd", "n_head", "vocab", "n_ctx", "n_inner",
    "bias", "qkv_bias", "tie_embeddings",
)  # fmt: skip
"""The fields in which GPT-2s differ: help pages list them, and --help-model the others."""
OF_MANY = "n_layer, n_embd, n_head, vocab, n_ctx, n_inner, batch, seq"
"""The numbers that a help page names where a flag takes any of a model or its run."""
OF_MOST_RUNS = (
    "batch", "seq", "training", "dtype", "attention", "checkpointing", "optimizer", "gpus", "shard",
)  # fmt: skip
"""The fields of a run that people ask about first."""

OPTIONS = Group("Options", sort_key=1)
OF_RUN = Group("The run", sort_key=2)
OF_ANY_RUN = Group(
    "The run", help="More of it: gpt2calc flops --help, gpt2calc memory --help.", sort_key=2
)
OF_MODEL = Group(
    "The model",
    help="More of its parts: gpt2calc --help-model. Of a multimodal file, --text-only reads the "
    "text model.",
    sort_key=3,
)
MORE_OF_RUN = Group("More of the run", sort_key=4)
PARTS = Group("The parts of a model")
HIDDEN = Group("Flags that a page does not list", show=False)

PRESETS = Parameter(completer=lambda _: list(preset_names()))
"""Completes the names of models."""
Model = Annotated[
    str,
    Parameter(help="A preset, a file (config.json or TOML), or owner/name on the Hub."),
    PRESETS,
]
Gpu = Annotated[
    str | None,
    Parameter(
        help="Does it fit? A device like h100 or 4090, 24GB, or a TOML file.", metavar="DEVICE"
    ),
]
Margin = Annotated[
    Bytes | None, Parameter(help="Bytes of each device not counted on; 1GB if left out.")
]


def kept_free(margin: int | None, gpu: str | None) -> int:
    """Return the margin to keep free on a device. Raises ``UserError`` if there is no device."""
    from gpt2calc.metrics.memory.fitting import MARGIN

    if margin is not None and gpu is None:
        raise UserError("--margin needs --gpu, such as a100-80gb: give a device, or leave it out")
    return MARGIN if margin is None else margin


def _chosen(kind: object, tokens: Sequence[Token]) -> object:
    """Read one of a few words: in capitals or not, dtypes as people call them."""
    choices = [each for part in get_args(kind) for each in get_args(part) or (part,)]
    words = [each for each in choices if isinstance(each, str)]
    word = str(dtype_called(tokens[0].value)).lower()
    if word not in words:
        raise UserError(
            f"{tokens[0].keyword} is {quoted(tokens[0].value)}: it must be "
            f"{', '.join(words[:-1])} or {words[-1]}"
        )
    return word


CHOICE = Parameter(converter=_chosen, n_tokens=1)
"""Reads a ``Literal``."""
Switch = Annotated[bool, Parameter(negative=(), show_default=False)]
"""A flag that is off unless it is given."""
Form = Annotated[Format, Parameter(name="--format", help="How the result is printed."), CHOICE]


def _named(_: object, tokens: Sequence[Token]) -> Path:
    """Read the name of a file."""
    if not tokens[0].value:
        raise UserError(f"{tokens[0].keyword or 'PATH'} is '': it must be the name of a file")
    return Path(tokens[0].value)


File = Annotated[Path, Parameter(converter=_named, n_tokens=1)]
Out = Annotated[File | None, Parameter(help="Write to this file instead of printing.")]
Plot = Annotated[File | None, Parameter(help="Draw it, too, into this file: .png, .svg or .pdf.")]


def _split(_: object, tokens: Sequence[Token]) -> list[str]:
    """Read names with commas between."""
    return [name.strip() for token in tokens for name in token.value.split(",")]


Names = Annotated[list[str], Parameter(converter=_split, n_tokens=1, negative=(), metavar="FIELDS")]

AS_ENGINES = {
    "dtype": "Type of weights and cache. If left out: the published weights', in 16 bits.",
    "attention": "flash, if left out: a GPU's kernel, which holds no scores; or as on a CPU.",
}
"""What ``serve`` says of its flags, whose defaults are those of serving engines."""
Reader = Callable[[type[Declared], str, str], object]
"""A function from config class, field and text of a flag to the field's value."""
Flag = tuple[type[Declared], str, Group]
"""A config class, a field of it, and the group of a help page that lists its flag."""


def _flag(
    kind: type[Declared], name: str, group: Group, read: Reader, metavar: str, described: str = ""
) -> Any:
    """Make the flag of a field by its type: a switch, a choice, a number, or a list of numbers."""
    known, plain = kind.known[name], name.replace("_", "-")
    description = described or known.description
    opposites = [f"--no-{plain}", *([f"--{known.opposite}"] if known.opposite else ())]
    choices = [*map(str, choices_of(kind, name))]
    if is_switch(kind, name):
        return Annotated[bool, Parameter(help=description, group=group, negative=opposites)]

    def convert(_: object, tokens: Sequence[Token]) -> object:
        return read(kind, name, tokens[0].value)

    flag = Parameter(
        help=description + (f" [choices: {', '.join(choices)}]" if choices else ""),
        group=group,
        metavar="CHOICE" if choices else _metavar(kind, name) or metavar,
        converter=convert,
        completer=lambda _: choices,
        negative=opposites if "none" in choices else (),  # --no-positions gives None
        n_tokens=1,
    )
    return Annotated[Any | None, flag]


def _metavar(kind: type[Declared], name: str) -> str:
    """Return what a help page calls the value of a field that is no number."""
    if is_list(kind, name):
        return "N,N-N"
    return "NAME" if kind.model_fields[name].annotation is str else ""


def _read_several(kind: type[Declared], name: str, text: str) -> object:
    """Read an axis, ``12,24`` or ``12:96:12``, or a list of words; one value as it is."""
    if is_list(kind, name) or not ("," in text or ":" in text):
        return read_field(kind, name, text)
    if choices_of(kind, name) or kind.model_fields[name].annotation is str:
        return text.split(",")
    from gpt2calc.analysis.axes import read_axis

    return read_axis(name, text)


def _flags(
    flags: Iterable[Flag],
    read: Reader = read_field,
    metavar: str = "N",
    described: Mapping[str, str] | None = None,
) -> Any:
    """Make the flags of some fields; a command gets a dict of those that were typed.

    ``described`` has what a command says of fields whose default is another there.
    """
    fields = {
        name: _flag(kind, name, group, read, metavar, (described or {}).get(name, ""))
        for kind, name, group in flags
    }
    return Annotated[TypedDict("Fields", fields, total=False), Parameter(name="*")]  # type: ignore[operator]


def _of_model() -> list[Flag]:
    return [
        (ModelConfig, name, OF_MODEL if name in OF_GPT2 else HIDDEN) for name in ModelConfig.known
    ]


def _of_any_run() -> list[Flag]:
    return [(Run, name, OF_ANY_RUN if name in OF_MOST_RUNS else HIDDEN) for name in Run.known]


def _of_run(quantity: str) -> Iterator[Flag]:
    """Yield the fields of a run that change a quantity."""
    for name, known in Run.known.items():
        if quantity in known.changes:
            yield Run, name, OF_RUN if name in OF_MOST_RUNS else MORE_OF_RUN
        elif quantity in known.fixed:
            yield Run, name, HIDDEN


Fields: TypeAlias = dict[str, Any]
"""The fields that were given as flags, by name; None where a flag says that there is none."""
if TYPE_CHECKING:
    Parts: TypeAlias = Fields
    ModelFields: TypeAlias = Fields
    CaseFields: TypeAlias = Fields
    FlopFields: TypeAlias = Fields
    MemoryFields: TypeAlias = Fields
    CacheFields: TypeAlias = Fields
    ServeFields: TypeAlias = Fields
    Axes: TypeAlias = Fields
    Of: TypeAlias = str
else:
    Of = Annotated[Literal[NAMES], Parameter(name="--of", help="What is counted."), CHOICE]
    _SETS = {
        "Parts": lambda: _flags(
            (kind, name, PARTS) for kind, name, group in _of_model() if group is HIDDEN
        ),
        "ModelFields": lambda: _flags(_of_model()),
        "CaseFields": lambda: _flags([*_of_model(), *_of_any_run()]),
        "FlopFields": lambda: _flags([*_of_model(), *_of_run("flops")]),
        "MemoryFields": lambda: _flags([*_of_model(), *_of_run("memory")]),
        "CacheFields": lambda: _flags([*_of_model(), *_of_run("cache")]),
        "ServeFields": lambda: _flags(
            [*_of_model(), (Run, "dtype", OF_RUN), (Run, "attention", OF_RUN)],
            described=AS_ENGINES,
        ),
        "Axes": lambda: _flags([*_of_model(), *_of_any_run()], _read_several, "AXIS"),
    }
    """Sets of flags by name, each made when a command that has it is asked for."""

    def __getattr__(name: str) -> object:
        if name not in _SETS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = _SETS[name]()
        return globals()[name]
