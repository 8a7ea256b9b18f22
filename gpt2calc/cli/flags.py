"""The flags that commands share: one for each field of the config, in the field's own words."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict

from cyclopts import Group, Parameter

from gpt2calc.errors import UserError, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields import Declared, choices_of, is_list, is_switch
from gpt2calc.model.presets import preset_names
from gpt2calc.quantity.models import labelled, load
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.registry import NAMES, as_quantity
from gpt2calc.quantity.run import Run
from gpt2calc.report.result import Format
from gpt2calc.units import parse_size

FORMULA_FIELDS = (*ModelConfig.numbers(), "batch", "seq")
"""The fields that formulas have."""
OF_GPT2 = (
    "n_layer", "n_embd", "n_head", "vocab", "n_ctx", "n_inner",
    "bias", "qkv_bias", "tie_embeddings",
)  # fmt: skip
"""The fields in which GPT-2s differ from each other; all others are what descendants changed."""
PRESETS = Parameter(completer=lambda _: list(preset_names()))
"""Completes the names of models."""
Model = Annotated[
    str,
    Parameter(help="A preset, a file (config.json or TOML), or owner/name on the Hub."),
    PRESETS,
]
Form = Annotated[Format, Parameter(name="--format", help="How the result is printed.")]
LessonForm = Annotated[
    Literal["text", "markdown", "latex", "json"],
    Parameter(name="--format", help="How the derivation is written."),
]
SheetForm = Annotated[
    Literal["text", "markdown", "latex", "json", "csv"],
    Parameter(name="--format", help="How the exercises are written."),
]
Out = Annotated[Path | None, Parameter(help="Write to this file instead of printing.")]

Plot = Annotated[Path | None, Parameter(help="Draw it, too, into this file: .png, .svg or .pdf.")]


INFERENCE = Parameter(
    help="The same as --no-training: a prompt, and in memory the tokens after it.",
    negative=(),
    group="The run",
)


def _flag(
    kind: type[Declared], name: str, metavar: str = "N", group: Group | str | None = None
) -> Any:
    """Make the flag of a field: a switch, a choice, or a number, which the config itself checks."""
    of_group = Parameter(group=group or _group_of(kind, name))
    help_text = Parameter(help=kind.known[name].description)
    if is_switch(kind, name):
        return Annotated[bool, help_text, of_group]
    if name == "dtype":  # which has other names as well, that the config knows
        return Annotated[str, help_text, Parameter(metavar="DTYPE"), of_group]
    if choices_of(kind, name):
        return Annotated[kind.model_fields[name].annotation, help_text, of_group]
    if is_list(kind, name):
        metavar = "N,N"
    return Annotated[str, help_text, Parameter(metavar=metavar), of_group]


OF_MODEL = Group("The model", help="More, of which a model is built: gpt2calc --help-model.")
PARTS = Group("What a model is built from", show=False)
"""Twenty-odd sizes and switches that a preset or a file brings along."""
OF_RUN = Group("The run", help="More of how a model is trained: gpt2calc memory --help.")
RARELY = (
    "fused_gelu", "experts_implementation", "grad_accumulation",
    "reduce_dtype", "zero_stage", "master_weights",
)  # fmt: skip
"""Fields of a run that few ask about: the pages of commands with any quantity do not list them."""
PARTS_SHOWN = Group("What a model is built from, as flags of every command that takes a model")


def _group_in(kind: type[Declared], name: str, of: str | None) -> Group | str | None:
    """Return the group of a field on the page of a command; None for its usual one."""
    if kind is not Run or of is not None:
        return None
    return PARTS if name in RARELY else OF_RUN


def _group_of(kind: type[Declared], name: str) -> Group | str:
    if kind is Run:
        return "The run"
    return OF_MODEL if name in OF_GPT2 else PARTS


def _leaving_out(kind: type[Declared]) -> list[str]:
    """Return the choices of which one is none: they have a flag that says so, --no-positions."""
    is_of_model = kind is ModelConfig
    return [name for name in kind.known if is_of_model and "none" in choices_of(kind, name)]


def _without(kind: type[Declared], name: str) -> Any:
    plain = name.replace("_", "-")
    group = Parameter(group=_group_of(kind, name))
    return Annotated[bool, Parameter(help=f"The same as --{plain} none.", negative=()), group]


def _flags(
    title: str, kinds: tuple[type[Declared], ...], metavar: str = "N", of: str | None = None
) -> Any:
    """Make the flags of all fields of some configs, of a run those that change a quantity.

    A metavar says of what may be several values.
    """
    fields = {
        name: _flag(kind, name, metavar, _group_in(kind, name, of))
        for kind in kinds
        for name, known in kind.known.items()
        if kind is not Run or of is None or of in known.changes
    } | {f"no_{name}": _without(kind, name) for kind in kinds for name in _leaving_out(kind)}
    if Run in kinds:
        fields["inference"] = Annotated[bool, INFERENCE]
    return Annotated[TypedDict(title, fields, total=False), Parameter(name="*")]  # type: ignore[operator]


def _parts() -> Any:
    """Make the flags of what a model is built from, for a help page of their own."""
    names = [name for name in ModelConfig.known if name not in OF_GPT2]
    fields = {name: _flag(ModelConfig, name, group=PARTS_SHOWN) for name in names}
    return Annotated[TypedDict("Parts", fields, total=False), Parameter(name="*")]  # type: ignore[operator]


if TYPE_CHECKING:
    Parts = dict[str, Any]
    Overrides = dict[str, Any]
    CaseFields = dict[str, Any]
    FlopFields = dict[str, Any]
    MemoryFields = dict[str, Any]
    CacheFields = dict[str, Any]
    Axes = dict[str, Any]
    Of = str
else:
    Of = Annotated[Literal[NAMES], Parameter(name="--of", help="What is counted.")]
    _SETS = {
        "Parts": _parts,
        "Overrides": lambda: _flags("Overrides", (ModelConfig,)),
        "CaseFields": lambda: _flags("CaseFields", (ModelConfig, Run)),
        "FlopFields": lambda: _flags("FlopFields", (ModelConfig, Run), of="flops"),
        "MemoryFields": lambda: _flags("MemoryFields", (ModelConfig, Run), of="memory"),
        "CacheFields": lambda: _flags("CacheFields", (ModelConfig, Run), of="cache"),
        "Axes": lambda: _flags("Axes", (ModelConfig, Run), "AXIS"),
    }
    """Sets of flags by name, each made when a command that has it is asked for."""

    def __getattr__(name: str) -> object:
        if name not in _SETS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = _SETS[name]()
        return globals()[name]


def given(fields: dict[str, Any] | None) -> dict[str, Any]:
    """Return the fields given as flags; the config refuses what is no integer."""
    read: dict[str, Any] = {}
    for name, value in _without_inference(fields).items():
        if name not in _NONE_OF:
            read[name] = _numbers(value) if name in _LISTS else _number(name, value)
        elif value:
            choice = _NONE_OF[name]
            if (fields or {}).get(choice, "none") != "none":
                flag = choice.replace("_", "-")
                raise UserError(f"--no-{flag} is --{flag} none: leave out one of the two")
            read[choice] = "none"
    return read


def _without_inference(fields: dict[str, Any] | None) -> dict[str, Any]:
    """Say by the field ``training`` what ``--inference`` says."""
    rest = dict(fields or {})
    if not rest.pop("inference", False):
        return rest
    if rest.get("training"):
        raise UserError("--inference and --training are two questions: give one of them")
    return rest | {"training": False}


def configured(model: str, overrides: dict[str, Any] | None) -> ModelConfig:
    """Return the config of a preset or a file, with the fields that were given as flags."""
    return load(model).replace(**given(overrides))


def says_a_run(fields: dict[str, Any] | None) -> bool:
    """Tell whether a flag says how a model is run."""
    return any(name in Run.known for name in _without_inference(fields))


def case_given(model: str, of: str | Quantity, fields: dict[str, Any] | None) -> Any:
    """Return what a quantity is of, a model or a model and a run, with the fields given."""
    quantity = as_quantity(of)
    refuse_idle_run(quantity, fields)
    return labelled((model,), quantity.case, **given(fields))[0].config


def refuse_idle_run(of: str | Quantity, fields: dict[str, Any] | None) -> None:
    """Raise ``UserError`` for a flag of the run where the run does not matter."""
    quantity = as_quantity(of)
    said = _without_inference(fields)
    if quantity.name == "cache" and said.get("training") is False:
        del said["training"]  # a cache is of inference
    changes = {name: Run.known[name].changes for name in said if name in Run.known}
    for name, changed in changes.items():
        if quantity.name not in changed:
            raise UserError(
                f"--{name.replace('_', '-')} is of the run, which changes no {quantity.unit}: ask "
                f"--of {' or '.join(changed)}"
            )


def axes_and_fields(flags: dict[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split sweep flags into axes and fixed fields."""
    from gpt2calc.analysis.axes import read_axis

    flags = flags or {}
    several = {
        name: value
        for name, value in flags.items()
        if name not in _LISTS and isinstance(value, str) and ("," in value or ":" in value)
    }
    single = {name: value for name, value in flags.items() if name not in several}
    return {name: read_axis(name, text) for name, text in several.items()}, given(single)


_LISTS = tuple(name for name in ModelConfig.known if is_list(ModelConfig, name))
_NONE_OF = {f"no_{name}": name for name in _leaving_out(ModelConfig)}
"""The choices that each flag leaves out."""


def _numbers(text: Any) -> Any:
    """Read a list of numbers, ``0,1``; the config refuses what is none."""
    if not isinstance(text, str):
        return text
    return [_integer(part) for part in text.split(",") if part.strip()]


def _number(name: str, value: Any) -> Any:
    return parse_size(name, value) if isinstance(value, str) else value


def whole_number(flag: str, text: str | None) -> Any:
    """Read a flag's integer, None if it is not given. Raises ``UserError`` for anything else."""
    number = _integer(text)
    if not isinstance(number, int | None):
        raise UserError(f"{flag} is {quoted(text)}: it must be a whole number, such as 7")
    return number


def fraction(flag: str, text: str | None) -> float | None:
    """Read a flag's fraction, ``5%`` or ``0.05``. Raises ``UserError`` for anything else."""
    if text is None:
        return None
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise UserError(f"{flag} is {quoted(text)}: it must be a fraction, such as 5%") from None


def _integer(value: Any) -> Any:
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        return value
