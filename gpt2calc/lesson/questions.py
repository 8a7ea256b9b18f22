"""Kinds of questions about parameter counts: each draws a config, and derives its own solution."""

import random
from collections.abc import Sequence
from typing import NamedTuple, TypeVar, cast

from gpt2calc.config import GPT2Config
from gpt2calc.counting import PARAMETERS, count
from gpt2calc.lesson.derivation import Chain, Derivation
from gpt2calc.polynomial import total_along
from gpt2calc.symbols import LETTERS

DEPTHS = (2, 4, 6, 8, 12, 16, 24, 32, 48)
WIDTHS = (64, 128, 256, 384, 512, 768, 1_024, 1_280, 1_600)
VOCABS = (1_000, 8_000, 16_000, 32_000, 40_478, 50_257)
CONTEXTS = (128, 256, 512, 1_024, 2_048)
SWITCHES: tuple[dict[str, bool], ...] = ({}, {}, {"bias": False}, {"tie_embeddings": False})
"""Two in four models are plain ones."""

HAVE = {
    "attention": "does attention have over all layers",
    "mlp": "does the MLP have over all layers",
    "layer_norm": "do all layer norms have, the final one included,",
}

T = TypeVar("T")


class Dice:
    """Choices that are the same for a seed on every machine and every Python.

    Of Python's generator only ``random()`` is promised never to change, so nothing else is used.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one_of(self, choices: Sequence[T]) -> T:
        """One of them, each as likely as the others."""
        return choices[int(self._random.random() * len(choices))]

    def model(self) -> GPT2Config:
        """Return a model of round numbers."""
        return GPT2Config(
            n_layer=self.one_of(DEPTHS),
            n_embd=self.one_of(WIDTHS),
            vocab=self.one_of(VOCABS),
            n_ctx=self.one_of(CONTEXTS),
            **self.one_of(SWITCHES),
        )


class Solved(NamedTuple):
    """A question about a config, its answer, and the steps that lead to it."""

    config: GPT2Config
    question: str
    answer: int
    unit: str
    """What the answer is: ``"parameters"``, ``"weights"``, or the field that was asked for."""
    steps: tuple[tuple[str, Chain], ...]
    """Chains of equal expressions, each with what it is of."""
    conclusion: str = ""
    """What follows from the steps, where they do not end in the answer."""


def about_a_tensor(dice: Dice) -> Solved:
    """How many parameters one tensor has."""
    config = dice.model()
    steps = dice.one_of(Derivation(config, (), PARAMETERS).sublayers())
    step = dice.one_of(steps.terms)
    name, where = step.term.name, "in one block of" if step.term.in_block else "in"
    question = f"How many parameters does {name} have, {where} {_model(config)}?"
    return Solved(config, question, _end(step.chain), "parameters", ((name, step.chain),))


def about_a_part(dice: Dice) -> Solved:
    """How many parameters a sublayer has over all layers, or its weights, or its biases."""
    config = dice.model().replace(bias=True)
    name = dice.one_of(("attention", "mlp", "layer_norm"))
    what = dice.one_of(("weights", "biases", "total"))
    chain = Derivation(config, (), PARAMETERS).sublayer(name).sum_of(what)
    counted = "parameters" if what == "total" else what
    question = f"How many {counted} {HAVE[name]} in {_model(config)}?"
    return Solved(config, question, _end(chain), counted, ((f"{name}, {what}", chain),))


def about_a_block(dice: Dice) -> Solved:
    """Return what one more layer adds."""
    config = dice.model()
    chain = Derivation(config, (), PARAMETERS).block()
    question = f"How many parameters does one more layer add to {_model(config)}?"
    return Solved(config, question, _end(chain), "parameters", (("one block", chain),))


def about_the_whole(dice: Dice) -> Solved:
    """How many parameters a model has."""
    config = dice.model()
    derivation = Derivation(config, (), PARAMETERS)
    steps = (("one block", derivation.block()), ("the whole model", derivation.total()))
    question = f"How many parameters does {_model(config)} have?"
    return Solved(config, question, _end(derivation.total()), "parameters", steps)


def about_a_field(dice: Dice) -> Solved:
    """Which value of one field gives a number of parameters."""
    config = dice.model()
    field = dice.one_of(("n_layer", "n_embd", "vocab", "n_ctx"))
    total, value = count(config).total, getattr(config, field)
    model = config.title(leaving_out={field, "n_head"})
    return Solved(
        config,
        f"A {model} has {total:,} parameters. What is its {field}?",
        value,
        field,
        (("the whole model", Derivation(config, (field,), PARAMETERS).total()),),
        _solved_for(config, field, total, value),
    )


def _solved_for(config: GPT2Config, field: str, total: int, value: int) -> str:
    """Return the last step of a question about a field: an equation in its letter, solved."""
    curve, letter = total_along(config, field, PARAMETERS), LETTERS[field]
    constant, slope, *higher = curve.coefficients[: curve.degree + 1]
    rest = f"{total:,} - {constant:,}" if constant else f"{total:,}"
    if higher:
        (square,) = higher
        root = f"√({slope:,}² + 4 × {square:,} × {total:,})"
        return (
            f"That is {total:,} where {letter} is ({root} - {slope:,}) / "
            f"(2 × {square:,}), the positive root of a quadratic, which is {value:,}."
        )
    return f"That is {total:,} where {letter} is ({rest}) / {slope:,}, which is {value:,}."


def _model(config: GPT2Config) -> str:
    return f"a {config.title(leaving_out={'n_head'})}"


def _end(chain: Chain) -> int:
    """Return what a chain with numbers in it comes to."""
    return cast(int, chain[-1])
