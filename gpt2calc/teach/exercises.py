"""Exercises in counting, with worked solutions: both come from the formulas."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from gpt2calc.errors import UserError, quoted
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.gpt2 import GPT2
from gpt2calc.quantity.along import solvable_fields
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import NoFormulaError, Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.quantity.symbols import LETTERS
from gpt2calc.report.listing import Listing, RowField, counts
from gpt2calc.report.text import wrapped
from gpt2calc.teach.derivation import in_one_line
from gpt2calc.teach.dice import Dice
from gpt2calc.teach.drawn_models import drawn_case
from gpt2calc.teach.questions import (
    NothingToAskError,
    Solved,
    about_a_block,
    about_a_field,
    about_a_part,
    about_a_tensor,
    about_the_whole,
)
from gpt2calc.teach.text import aligned

Level = Literal["easy", "medium", "hard"]

QUESTIONS: dict[str, tuple[Callable[[Dice, Quantity, Config], Solved], ...]] = {
    "easy": (about_a_tensor,),
    "medium": (about_a_part, about_a_block),
    "hard": (about_the_whole, about_a_field),
}
DRAWS = 50
"""How often a config is drawn again where it is no model, or has nothing to ask about."""
MOST = 1_000
"""The most exercises on one sheet."""
SEEDS = 10_000
"""A seed that is not given is drawn below this: short enough to read out in class."""


@dataclass(frozen=True)
class Exercise:
    """One question; the same seed and level give the same one on every machine."""

    seed: int
    level: Level
    solved: Solved


@dataclass(frozen=True, repr=False)
class Sheet(Listing):
    """Exercises, with their worked solutions if asked for."""

    exercises: tuple[Exercise, ...]
    with_answers: bool
    quantity: Quantity

    def to_dict(self) -> dict[str, Any]:
        """Return the questions; with answers also configs, answers as integers, steps in LaTeX."""
        return {"exercises": [self._as_dict(each) for each in self.exercises]}

    def summary(self) -> str:
        first = self.exercises[0]
        return f"{len(self.exercises)} of level {first.level}, seeds from {first.seed}"

    def items(self) -> tuple[Exercise, ...]:
        """Return the exercises."""
        return self.exercises

    def fields(self) -> tuple[RowField, ...]:
        """Return each question, and its answer if that is asked for."""
        return (
            RowField("seed", lambda each: str(each.seed), "seed", "mixed"),
            RowField("level", lambda each: each.level, "level"),
            RowField("question", lambda each: each.solved.question, "question"),
            counts("answer", lambda each: each.solved.answer if self.with_answers else None),
        )

    def text(self) -> str:
        """Write the questions, and apart from them the solutions."""
        return "\n\n".join((*self._questions(), *self._solutions()))

    def markdown(self) -> str:
        """Write a sheet of questions, and apart from them an answer key."""
        questions = [f"{number}. {each.solved.question}" for number, each in self._numbered()]
        blocks = ["# Exercises", self._heading(), *questions]
        if self.with_answers:
            blocks += ["# Answers", self.notation, *map(_markdown_answer, self._numbered())]
        return "\n\n".join(blocks)

    def latex(self) -> str:
        """Write a sheet of questions as a LaTeX document, and apart from them an answer key."""
        from gpt2calc.teach.latex import sheet

        questions = [exercise.solved.question for exercise in self.exercises]
        answers = [
            (_answer(exercise.solved), exercise.solved.steps, exercise.solved.conclusion)
            for exercise in self.exercises
            if self.with_answers
        ]
        return sheet(self._heading(), questions, self.notation, answers)

    @property
    def notation(self) -> str:
        """What the letters of all solutions stand for, as a sentence."""
        fields: dict[str, None] = {}
        for each in self.exercises:
            fields |= dict.fromkeys(self._fields_of(each.solved.config))
        return f"{', '.join(f'{LETTERS[name]} is {name}' for name in fields)}."

    def _fields_of(self, config: Config) -> tuple[str, ...]:
        """Return the fields whose letters may stand in a solution."""
        if config.family != GPT2.name:
            return solvable_fields(self.quantity, config)
        return solvable_fields(self.quantity, self.quantity.case(ModelConfig()).settled())

    def _heading(self) -> str:
        first = self.exercises[0]
        return f"Level {first.level}, seeds from {first.seed}."

    def _numbered(self) -> Iterator[tuple[int, Exercise]]:
        return enumerate(self.exercises, start=1)

    def _questions(self) -> Iterator[str]:
        for number, each in self._numbered():
            of = "" if self.quantity.name == PARAMETERS.name else f"--of {self.quantity.name} "
            whose = each.solved.config.family
            family = "" if whose == GPT2.name else f"--family {whose} "
            again = f"({of}{family}--level {each.level} --seed {each.seed})"
            label = f"{number}. " if len(self.exercises) > 1 else ""
            yield wrapped(f"{label}{each.solved.question} {again}")

    def _solutions(self) -> Iterator[str]:
        if not self.with_answers:
            return
        yield wrapped(self.notation)
        for number, each in self._numbered():
            label = f"Answer {number}" if len(self.exercises) > 1 else "Answer"
            yield f"{label}: {_answer(each.solved)}"
            for name, chain in each.solved.steps:
                yield f"  {name}:\n{aligned('  ', chain)}"
            if each.solved.conclusion:
                yield wrapped(each.solved.conclusion)

    def _as_dict(self, exercise: Exercise) -> dict[str, Any]:
        solved = exercise.solved
        asked = {
            "seed": exercise.seed,
            "level": exercise.level,
            "config": solved.config.effective(),
            "question": solved.question,
        }
        if not self.with_answers:
            return {name: each for name, each in asked.items() if name != "config"}
        return {
            **asked,
            "answer": solved.answer,
            "unit": solved.unit,
            "steps": [{"of": name, "chain": in_one_line(chain)} for name, chain in solved.steps],
            "conclusion": solved.conclusion,
        }


def exercise(
    seed: int | None = None,
    level: str = "easy",
    *,
    of: str | Quantity = "parameters",
    count: int = 1,
    answers: bool = False,
    family: str = GPT2.name,
) -> Sheet:
    """Set exercises, each with a seed of its own.

    Args:
        seed: of the first exercise, the others follow on; drawn by lot if left out.
        level: "easy" (one tensor), "medium" (a sublayer or a block), "hard" (the whole model, or
            which value of a field gives a number of parameters).
        of: the quantity that is asked about, or its name.
        count: how many exercises.
        answers: with worked solutions.
        family: whose models are drawn, such as "llama".

    Raises:
        UserError: there is no such level or family, the seed is negative, or there are too many
            exercises.

    """
    if level not in get_args(Level):
        raise UserError(f"level is {quoted(level)}: it must be easy, medium or hard")
    if not 1 <= count <= MOST:
        raise UserError(f"count is {count}: a sheet has 1 to {MOST:,} exercises")
    first = secrets.randbelow(SEEDS) if seed is None else seed
    if first < 0:
        raise UserError(f"seed is {first}: it must be 0 or more")
    seeds = range(first, first + count)
    quantity = as_quantity(of)
    exercises = tuple(_set(each, level, quantity, family) for each in seeds)
    return Sheet(exercises, answers, quantity)


def _set(seed: int, level: Any, quantity: Quantity, family: str) -> Exercise:
    """Draw a question and a config until the one can be asked of the other."""
    dice = Dice(seed * len(QUESTIONS) + list(QUESTIONS).index(level))
    refusal = f"nothing of level {level} can be asked about {quantity.name} of {family}"
    for _ in range(DRAWS):
        ask = dice.one_of(QUESTIONS[level])
        try:
            config = drawn_case(dice, quantity, family)
            return Exercise(seed, level, ask(dice, quantity, config))
        except UserError as error:
            refusal = str(error)
        except (NoFormulaError, NothingToAskError):
            continue
    raise UserError(refusal)


def _answer(solved: Solved) -> str:
    if solved.unit in solved.config.known:
        return f"{solved.unit} is {solved.answer:,}"
    return f"{solved.answer:,} {solved.unit}"


def _markdown_answer(numbered: tuple[int, Exercise]) -> str:
    number, each = numbered
    steps = [f"{name}: ${in_one_line(chain)}$" for name, chain in each.solved.steps]
    ends = [each.solved.conclusion] if each.solved.conclusion else []
    return "\n\n   ".join((f"{number}. {_answer(each.solved)}", *steps, *ends))
