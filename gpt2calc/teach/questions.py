"""Kinds of questions about a quantity: each draws a config, and derives its own solution."""

import random
from collections.abc import Collection, Sequence
from dataclasses import replace as with_changes
from typing import Any, NamedTuple, TypeVar, cast

from gpt2calc.metrics.memory.naming import START
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.gpt2 import GPT2
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.quantity.along import along
from gpt2calc.quantity.quantity import Config, Quantity
from gpt2calc.quantity.symbols import LETTERS
from gpt2calc.teach.derivation import Chain, Derivation

DEPTHS = (2, 4, 6, 8, 12, 16, 24, 32, 48)
WIDTHS = (64, 128, 256, 384, 512, 768, 1_024, 1_280, 1_600)
VOCABS = (1_000, 8_000, 16_000, 32_000, 40_478, 50_257)
CONTEXTS = (128, 256, 512, 1_024, 2_048)
SWITCHES: tuple[dict[str, Any], ...] = ({}, {}, {"bias": False}, {"tie_embeddings": False})
"""Two in four models are plain ones."""
OF_OTHERS: tuple[dict[str, Any], ...] = ({}, {"n_kv_head": 1}, {"tie_embeddings": True})
"""What varies in models of another family, beside their sizes."""

PARTS_IN_WORDS = {
    "attention": "does attention {} over all layers",
    "mlp": "does the MLP {} over all layers",
    "layer_norm": "do all layer norms {}, the final one included,",
    "projections": "do attention's projections {} over all layers",
    "scores": "do attention's scores {}, the mixing of values included, over all layers",
    "lm_head": "does the head {}",
    "keys": "do the cached keys {} over all layers",
    "values": "do the cached values {} over all layers",
}
"""How a question names a part, with a place for the quantity's verb."""
PARTS_OF = {
    "parameters": ("attention", "mlp", "layer_norm"),
    "active": ("attention", "mlp", "layer_norm"),
    "flops": ("projections", "scores", "mlp", "lm_head"),
    "memory": ("layer_norm", "scores", "mlp"),
    "cache": ("keys", "values"),
}
FIELDS_OF = {
    "parameters": ("n_layer", "n_embd", "vocab", "n_ctx"),
    "active": ("n_layer", "n_embd", "vocab", "n_ctx"),
    "flops": ("n_layer", "n_embd", "vocab", "batch", "seq"),
    "memory": ("n_layer", "vocab", "seq"),
    "cache": ("n_layer", "batch", "seq"),
}
"""The fields that are solved for, by quantity."""
BATCHES = (1, 2, 4, 8, 16)
SEQUENCES = (64, 128, 256, 512, 1_024)

T = TypeVar("T")


class Dice:
    """Choices that are the same for a seed on every machine and every Python.

    Of Python's generator only ``random()`` is promised never to change, so nothing else is used.
    """

    def __init__(self, seed: int, family: str = GPT2.name) -> None:
        self._random = random.Random(seed)
        self._family = family

    def one_of(self, choices: Sequence[T]) -> T:
        """One of them, each as likely as the others."""
        return choices[int(self._random.random() * len(choices))]

    def case(self, quantity: Quantity) -> Config:
        """Return a model of round numbers; with a run, where the quantity depends on one."""
        case = quantity.case(self.model())
        if "seq" not in case.known:
            return case
        sequences = [each for each in SEQUENCES if each <= case.n_ctx]
        run = {"batch": self.one_of(BATCHES), "seq": self.one_of(sequences)}
        if quantity.alternatives is None:
            return case.replace(**run, training=self.one_of((False, True)))
        drawn = case.replace(**run)
        return with_changes(quantity.settle(drawn), moment=START)

    def model(self) -> ModelConfig:
        """Return a model of round numbers."""
        sizes = {"n_layer": DEPTHS, "n_embd": WIDTHS, "vocab": VOCABS, "n_ctx": CONTEXTS}
        drawn: dict[str, Any] = {name: self.one_of(values) for name, values in sizes.items()}
        if self._family == GPT2.name:
            return ModelConfig(**drawn, **self.one_of(SWITCHES))
        heads = {"n_head": drawn["n_embd"] // HEAD_WIDTH}
        model = ModelConfig(family=self._family, **drawn, **heads)
        varying = [each for each in OF_OTHERS if all(model.of_family.called.get(n) for n in each)]
        return model.replace(**self.one_of(varying)).spelled_out()


class Solved(NamedTuple):
    """A question about a config, its answer, and the steps that lead to it."""

    config: Config
    question: str
    answer: int
    unit: str
    """What the answer is: ``"parameters"``, ``"weights"``, or the field that was asked for."""
    steps: tuple[tuple[str, Chain], ...]
    """Chains of equal expressions, each with what it is of."""
    conclusion: str = ""
    """What follows from the steps, where they do not end in the answer."""


def about_a_tensor(dice: Dice, quantity: Quantity) -> Solved:
    """Ask what one term comes to: the parameters of a tensor, the FLOPs of a product."""
    config = dice.case(quantity)
    steps = dice.one_of(Derivation(config, (), quantity).sublayers())
    step = dice.one_of(steps.terms)
    name = step.term.name(config.names)
    where = "in one block of" if step.term.in_block else "in"
    what = name if quantity.alternatives is None else f"the tensor '{name}'"
    question = f"How many {quantity.unit} does {what} {quantity.verb}, {where} {_model(config)}?"
    return Solved(config, question, _end(step.chain), quantity.unit, ((name, step.chain),))


def about_a_part(dice: Dice, quantity: Quantity) -> Solved:
    """Ask what a sublayer comes to over all layers, or one of its columns."""
    config = dice.case(quantity)
    config = config.evaluate_at(bias=True) if config.family == GPT2.name else config
    name = dice.one_of(PARTS_OF[quantity.name])
    steps = Derivation(config, (), quantity).sublayer(name)
    what = dice.one_of([column for column, chain in steps.sums if isinstance(chain[-1], int)])
    chain = steps.sum_of(what)
    unit = what if what in ("weights", "biases") else quantity.unit
    passes = f" in the {what} pass" if what in ("forward", "backward") else ""
    asked = PARTS_IN_WORDS[name].format(quantity.verb)
    question = f"How many {unit} {asked}{passes} in {_model(config)}?"
    return Solved(config, question, _end(chain), unit, ((f"{name}, {what}", chain),))


def about_a_block(dice: Dice, quantity: Quantity) -> Solved:
    """Ask what one more layer adds."""
    config = dice.case(quantity)
    chain = Derivation(config, (), quantity).block()
    question = f"How many {quantity.unit} does one more layer add to {_model(config)}?"
    return Solved(config, question, _end(chain), quantity.unit, (("one block", chain),))


def about_the_whole(dice: Dice, quantity: Quantity) -> Solved:
    """Ask what the whole model comes to."""
    config = dice.case(quantity)
    derivation = Derivation(config, (), quantity)
    steps = (("one block", derivation.block()), ("the whole model", derivation.total()))
    question = f"How many {quantity.unit} does {_model(config)} {quantity.verb}?"
    return Solved(config, question, _end(derivation.total()), quantity.unit, steps)


def about_a_field(dice: Dice, quantity: Quantity) -> Solved:
    """Ask which value of one field gives a total."""
    config = dice.case(quantity)

    def matters(name: str) -> bool:
        return along(quantity.total, config, name).degree > 0

    field = dice.one_of([name for name in FIELDS_OF[quantity.name] if matters(name)])
    total, value = quantity.total(config), getattr(config, field)
    model = _model(config, {field}).partition(" ")[2]
    has = "has" if quantity.verb == "have" else f"{quantity.verb}s"
    return Solved(
        config,
        f"A {model} {has} {total:,} {quantity.unit}. What is its {field}?",
        value,
        field,
        (("the whole model", Derivation(config, (field,), quantity).total()),),
        _solved_for(config, quantity, field, value),
    )


def _solved_for(config: Config, quantity: Quantity, field: str, value: int) -> str:
    """Return the last step of a question about a field: an equation in its letter, solved."""
    curve, letter = along(quantity.total, config, field), LETTERS[field]
    total = curve.at(value)
    constant, slope, *higher = curve.coefficients[: curve.degree + 1]
    rest = f"{total:,} - {constant:,}" if constant else f"{total:,}"
    if higher:
        (square,) = higher
        root = f"√({slope:,}² + 4 × {square:,} × {total - constant:,})"
        return (
            f"That is {total:,} where {letter} is ({root} - {slope:,}) / "
            f"(2 × {square:,}), the positive root of a quadratic, which is {value:,}."
        )
    return f"That is {total:,} where {letter} is ({rest}) / {slope:,}, which is {value:,}."


def _model(config: Config, unsaid: Collection[str] = ()) -> str:
    if getattr(config, "moment", None) is None:
        unsaid = {"n_head", *unsaid} if config.head_dim is None else unsaid
        return _with_article(config.title(leaving_out=unsaid)) + _width_of_its_mlp(config, unsaid)
    return f"a {config.title(leaving_out=unsaid)}, in float32 with AdamW and eager attention"


def _width_of_its_mlp(config: Config, unsaid: Collection[str]) -> str:
    """Say the rule of the MLP's width, which is GPT-2's and of few other families."""
    is_told = config.family == "gpt2" or config.n_inner is not None or "n_inner" in unsaid
    return "" if is_told else ", and an MLP four times as wide"


def _with_article(title: str) -> str:
    return f"{'an' if title.startswith(('O', 'MPT')) else 'a'} {title}"


def _end(chain: Chain) -> int:
    """Return what a chain with numbers in it comes to."""
    return cast(int, chain[-1])
