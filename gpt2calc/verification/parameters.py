"""Verification of parameters: names, order and shapes against the class in transformers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import ACTIVE, PARAMETERS, Tally, active_said
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.naming import named_shapes
from gpt2calc.model.tensors import tensors
from gpt2calc.model.wording import in_their_words
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.report.listing import RowField, counts
from gpt2calc.report.sublayers import SUBLAYERS
from gpt2calc.verification.proof import Proof

NamedShapes = Sequence[tuple[str, tuple[int, ...]]]
"""Parameters as ``(name, shape)``, in PyTorch's order."""

DIFFERENCES_SHOWN = 5
LARGEST_TENSOR = (2**63 - 1) // 4
"""Elements of four bytes in the largest tensor that PyTorch can describe."""
DEEPEST = 10_000
"""Blocks that are built at most: PyTorch takes about 2 milliseconds for each."""

REQUIRED = "'torch>=2.4,<2.14' 'transformers>=4.45'"
"""The requirements of the package's extra ``torch``."""

NAMES_OF = (
    ("attention", ("attn", "attention")),
    ("mlp", ("mlp", "fc")),
    ("layer_norm", ("ln",)),
)
"""A sublayer, and what the names of its tensors contain: the first match counts.

Source: the lesson "Parameter distribution in GPT-2", section 3.
"""

OTHERS: tuple[tuple[str, str], ...] = (
    ("token_embedding", "wte."),
    ("position_embedding", "wpe."),
    ("lm_head", "lm_head."),
)
"""The same for the sublayers that the lesson leaves unsorted."""


@dataclass(frozen=True, repr=False)
class Verification(Proof):
    """Formulas and PyTorch side by side, sublayer by sublayer, and every tensor that differs."""

    tensor_count: int
    """Tensors that PyTorch's model has."""
    formulas: dict[str, Tally]
    pytorch: dict[str, Tally]
    """Parameters, counted over the tensors that PyTorch built."""
    differences: tuple[str, ...]
    """A sentence for each name, shape or place in the order that differs."""

    @property
    def identical(self) -> bool:
        """Whether names, order, shapes and every sublayer's sums agree."""
        return not self.differences and self.formulas == self.pytorch

    def to_dict(self) -> dict[str, Any]:
        """Return counts in parameters; the differences as sentences."""
        return {
            **self.head(),
            "tensors": self.tensor_count,
            "total": sum(part.total for part in self.pytorch.values()),
            "active": int(ACTIVE.total(self.config)),
            "sublayers": {
                name: {
                    "formulas": self.formulas[name]._asdict(),
                    "pytorch": self.pytorch[name]._asdict(),
                }
                for name in SUBLAYERS
            },
            "differences": list(self.differences),
        }

    def items(self) -> tuple[str, ...]:
        """Return the sublayers."""
        return SUBLAYERS

    def fields(self) -> tuple[RowField, ...]:
        """Return weights and biases by the formulas and by PyTorch."""
        ours, theirs = self.formulas, self.pytorch
        return (
            RowField("sublayer", str, "sublayer"),
            counts("weights", lambda part: ours[part].weights),
            counts("biases", lambda part: ours[part].biases),
            counts("PyTorch weights", lambda part: theirs[part].weights),
            counts("PyTorch biases", lambda part: theirs[part].biases),
        )

    def sums(self) -> dict[str, Any]:
        """Add up the sublayers."""
        return self.added_up()

    def notes(self) -> tuple[str, ...]:
        """Return the verdict, and the first differences."""
        return (self._verdict(), *active_said(self.config), *self._first_differences())

    def _verdict(self) -> str:
        if self.identical:
            return (
                f"identical: {self.tensor_count:,} tensors, their names, order and shapes, and "
                f"{sum(part.total for part in self.pytorch.values()):,} parameters"
            )
        return f"different: {len(self.differences):,} of the tensors"

    def _first_differences(self) -> tuple[str, ...]:
        unsaid = len(self.differences) - DIFFERENCES_SHOWN
        more = (f"... and {unsaid:,} more",) if unsaid > 0 else ()
        return (*self.differences[:DIFFERENCES_SHOWN], *more)


def verify(config: Model) -> Verification:
    """Build the family's class in transformers without memory or weights, and compare.

    Raises:
        UserError: torch or transformers is not installed, or they cannot build such a model.

    """
    config = as_config(config)
    refuse_what_cannot_be_built(config)
    model, against = built_on_meta(config)
    shapes = [(name, tuple(each.shape)) for name, each in model.named_parameters()]
    return compare_shapes(config, shapes, against)


SPECIAL_TOKENS = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
"""Tokens that any vocabulary has: the defaults of the classes are beyond a small one."""
DROPOUT = 0.1
"""The probability where dropout is on; which one it is makes no difference."""


def built_on_meta(config: ModelConfig, *, dropout: bool = False) -> tuple[Any, str]:
    """Build the model's class with no memory, and say what it is and of which version.

    Its attention is the eager one, which multiplies scores and values one after the other; its
    experts are multiplied in batches, since none of them has tokens on the meta device.
    """
    torch, transformers = torch_and_transformers()
    builds = config.of_family.builds
    if not hasattr(transformers, builds):
        raise UserError(
            f"transformers {transformers.__version__} has no {builds}: install a newer one, "
            "pip install --upgrade transformers"
        )
    words = in_their_words(config) | {"attn_implementation": "eager"}
    words |= {"experts_implementation": "batched_mm"} if config.n_expert else {}
    theirs = transformers.AutoConfig.for_model(**words, **SPECIAL_TOKENS)
    for part in (theirs, getattr(theirs, "attn_config", None)):
        known = {} if part is None else vars(part)  # written to past a check that wants integers
        for key in [key for key in known if "drop" in key and not isinstance(known[key], bool)]:
            known[key] = DROPOUT if dropout and key != "layerdrop" else 0.0
    with torch.device("meta"):
        model = getattr(transformers, builds)(theirs)
    return model, f"{builds} of transformers {transformers.__version__}"


def compare_shapes(config: ModelConfig, shapes: NamedShapes, against: str) -> Verification:
    """Compare ``(name, shape)`` pairs, from wherever they are, with the formulas."""
    return Verification(
        config=config,
        against=against,
        tensor_count=len(shapes),
        formulas=PARAMETERS.of(config),
        pytorch=_sorted_by_name(config, shapes),
        differences=tuple(_differences(named_shapes(config), shapes)),
    )


def count_by_name(named_parameters: Iterable[tuple[str, Any]]) -> dict[str, Tally]:
    """Add up any torch module's parameters, sorted into sublayers by substrings of their names.

    Args:
        named_parameters: pairs of a name and what has ``numel()``, such as
            ``module.named_parameters()``.

    Returns:
        Parameters of ``"attention"`` (names with "attn" or "attention"), ``"mlp"`` ("mlp" or "fc"),
        ``"layer_norm"`` ("ln") and ``"other"``, the first rule that fits; biases are the tensors
        whose names end with "bias".

    Source: the lesson "Parameter distribution in GPT-2", section 3.
    """
    sums = {group: [0, 0] for group in (*(rule[0] for rule in NAMES_OF), "other")}
    for name, parameter in named_parameters:
        fitting = (group for group, parts in NAMES_OF if any(part in name for part in parts))
        sums[next(fitting, "other")][name.endswith("bias")] += parameter.numel()
    return {group: Tally(*pair) for group, pair in sums.items()}


def refuse_what_cannot_be_built(config: ModelConfig) -> None:
    """Raise ``UserError`` for a model that transformers or PyTorch cannot build."""
    in_their_words(config)
    if config.n_layer > DEEPEST:
        raise UserError(
            f"n_layer is {config.n_layer:,}: building more than {DEEPEST:,} blocks takes too long; "
            "all blocks are alike, so verify fewer"
        )
    largest = max(tensors(config), key=lambda tensor: tensor.each)
    if largest.each > LARGEST_TENSOR:
        raise UserError(
            f"{largest.name(config.names)} has {largest.each:,} elements: PyTorch describes at "
            f"most {LARGEST_TENSOR:,}; verify a smaller model of the same family"
        )


def refuse_what_cannot_be_run(case: Case) -> None:
    """Raise ``UserError`` for a run whose tensors PyTorch cannot describe."""
    tokens, heads = case.tokens, case.heads or 1
    largest = max(tokens * case.vocab, tokens * case.mlp_width, tokens * heads * case.q_len)
    if largest > LARGEST_TENSOR:
        raise UserError(
            f"a tensor of this run would have {largest:,} elements: PyTorch describes at most "
            f"{LARGEST_TENSOR:,}; verify a smaller batch"
        )


def torch_and_transformers() -> tuple[Any, Any]:
    """Import both. Raises ``UserError`` where one is not installed."""
    try:
        import torch
        import transformers
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed, and the proof needs it: pip install {REQUIRED}"
        ) from None
    except (ImportError, OSError) as error:
        raise UserError(
            f"PyTorch and transformers cannot be imported ({error}); install them anew: "
            f"pip install --force-reinstall {REQUIRED}"
        ) from None
    return torch, transformers


def _sorted_by_name(config: ModelConfig, shapes: NamedShapes) -> dict[str, Tally]:
    """Add tensors up by sublayer; for GPT-2 by substrings of names, apart from the formulas."""
    sums: dict[str, list[int]] = {name: [0, 0] for name in SUBLAYERS}
    places = {each.name(config.names): (each.sublayer, each.kind) for each in tensors(config)}
    for name, shape in shapes:
        is_gpt2 = config.family == "gpt2"
        found = _by_the_article(name) if is_gpt2 else places.get(config.names.pattern(name))
        if found is not None:
            group, kind = found
            sums[group][kind == "bias"] += prod(shape)
    return {name: Tally(*sums[name]) for name in SUBLAYERS}


def _by_the_article(name: str) -> tuple[str, str] | None:
    rules = (*NAMES_OF, *((group, (part,)) for group, part in OTHERS))
    group = next((group for group, parts in rules if any(part in name for part in parts)), None)
    return None if group is None else (group, name.rpartition(".")[2])


def _differences(expected: NamedShapes, found: NamedShapes) -> list[str]:
    """Say which names or shapes only one side has, or where the order of names differs."""
    ours, theirs = dict(expected), dict(found)
    sentences = [f"{name}: only the formulas have it" for name in ours if name not in theirs]
    for name, shape in theirs.items():
        if name not in ours:
            sentences.append(f"{name}: only PyTorch has it")
        elif shape != ours[name]:
            sentences.append(f"{name}: {ours[name]} by the formulas, {shape} in PyTorch")
    if not sentences and list(ours) != list(theirs):
        moved = next(pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1])
        sentences.append(f"{moved[1]}: stands where the formulas have {moved[0]}")
    return sentences
