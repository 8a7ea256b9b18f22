"""Exercises: the answers are right, and the same seed asks the same question for ever."""

import re
from itertools import product
from math import isqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mathematics import from_latex, value
from strategies import LETTERS, by_turns, examples, some_or_all

from gpt2calc import ModelConfig, Run, UserError, count, exercise, flops, named_shapes
from gpt2calc.model.families.table import families
from gpt2calc.model.names import GPT2_NAMES
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.teach.exercises import QUESTIONS


def config_in(question):
    """The model that a question tells of, read by its words alone."""

    def number(pattern):
        found = re.search(pattern, question)
        return {} if found is None else {"value": int(found[1].replace(",", ""))}

    fields = {
        "n_layer": number(r"([\d,]+) layer"),
        "n_embd": number(r"width ([\d,]*\d)"),
        "vocab": number(r"vocabulary ([\d,]*\d)"),
        "n_ctx": number(r"context ([\d,]*\d)"),
    }
    known = {name: found["value"] for name, found in fields.items() if found}
    known |= {"bias": False} if "no biases" in question else {}
    return known | ({"tie_embeddings": False} if "untied head" in question else {})


def answered(question):
    """The answer by counting the shapes of the model in the question, one by one."""
    config = ModelConfig(**config_in(question))
    shapes = named_shapes(config)

    def size(wanted):
        total = 0
        for name, shape in shapes:
            if wanted(name):
                product = 1
                for each in shape:
                    product *= each
                total += product
        return total

    if found := re.search(r"How many parameters does (\S+\.(?:weight|bias)) have", question):
        copies = config.n_layer if "in one block" in question else 1
        return size(lambda name: GPT2_NAMES.pattern(name) == found[1]) // copies
    if found := re.search(r"How many (\w+) do.* (attention|MLP|layer norms) have", question):
        part = {"attention": ".attn.", "MLP": ".mlp.", "layer norms": ".ln_"}[found[2]]
        end = {"weights": ".weight", "biases": ".bias", "parameters": ""}[found[1]]
        return size(lambda name: part in name and name.endswith(end))
    if "does one more layer add" in question:
        return size(lambda name: ".h.0." in name)
    return size(lambda _: True)


@settings(max_examples=examples(200))
@given(st.integers(0, 10**6), st.sampled_from(list(QUESTIONS)))
def test_the_answer_is_right(seed, level):
    (set_,) = exercise(seed, level).exercises
    question = set_.solved.question
    asked_for = re.search(r"has ([\d,]+) parameters. What is its (\w+)\?", question)
    if asked_for:
        given_ = config_in(question) | {asked_for[2]: set_.solved.answer}
        assert count(ModelConfig(**given_)).total == int(asked_for[1].replace(",", ""))
    else:
        assert set_.solved.answer == answered(question)


@settings(max_examples=examples(60))
@given(st.integers(0, 10**6), st.sampled_from(list(QUESTIONS)))
def test_every_step_of_a_solution_is_true(seed, level):
    sheet = exercise(seed, level, answers=True)
    (set_,) = sheet.exercises
    config = set_.solved.config
    letters = {letter: getattr(config, name) for name, letter in LETTERS.items()}
    (shown,) = sheet.to_dict()["exercises"]
    for step in shown["steps"]:
        sides = {value(from_latex(each), letters) for each in step["chain"].split(" = ")}
        assert len(sides) == 1
    last = value(from_latex(shown["steps"][-1]["chain"].split(" = ")[-1]), letters)
    if set_.solved.conclusion:
        assert f"{last:,}" in set_.solved.conclusion
        root = re.search(
            r"\(√\(([\d,]+)² \+ 4 × ([\d,]+) × ([\d,]+)\) - ([\d,]+)\) / \(2 × ([\d,]+)\)",
            set_.solved.conclusion,
        )
        if root:
            b, a, total, again, once_more = (int(each.replace(",", "")) for each in root.groups())
            assert (a, b) == (once_more, again)
            assert (isqrt(b * b + 4 * a * total) - b) / (2 * a) == set_.solved.answer
        quotient = re.search(
            r"where \w is \(([\d,]+) - ([\d,]+)\) / ([\d,]+), which is ([\d,]*\d)",
            set_.solved.conclusion,
        )
        if quotient:
            top, less, divisor, result = (int(each.replace(",", "")) for each in quotient.groups())
            assert (top - less) / divisor == result == set_.solved.answer
    else:
        assert last == set_.solved.answer


QUESTIONS_FOR_EVER = {
    ("easy", 1): "How many parameters does wte.weight have, in a GPT-2 with 12 layers, width 384, "
    "vocabulary 32,000, context 1,024?",
    (
        "medium",
        1,
    ): "How many parameters do all layer norms have, the final one included, in a "
    "GPT-2 with 2 layers, width 384, vocabulary 1,000, context 128?",
    ("hard", 1): "A GPT-2 with width 1,280, vocabulary 50,257, context 1,024, untied head has "
    "602,229,760 parameters. What is its n_layer?",
    ("hard", 2): "How many parameters does a GPT-2 with 48 layers, width 128, vocabulary 40,478, "
    "context 128 have?",
}


@pytest.mark.parametrize(("level", "seed"), QUESTIONS_FOR_EVER)
def test_a_seed_asks_the_same_question_for_ever(level, seed):
    (set_,) = exercise(seed, level).exercises
    assert set_.solved.question == QUESTIONS_FOR_EVER[level, seed]


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_solution_is_written_down_whole(form):
    sheet = exercise(1, "hard", answers=True)
    (set_,) = sheet.exercises
    written = " ".join(getattr(sheet, form)().split())
    assert set_.solved.conclusion in written
    assert f"n_layer is {set_.solved.answer:,}" in written
    for name, _ in set_.solved.steps:
        assert f"{name}:" in written
    total = exercise(2, "hard", answers=True)
    assert f"{total.exercises[0].solved.answer:,} parameters" in getattr(total, form)()


def test_seeds_are_drawn_from_many():
    assert len({exercise().exercises[0].seed for _ in range(50)}) > 10


def test_levels_of_one_seed_are_about_different_models():
    models = {exercise(1, level).exercises[0].solved.config for level in QUESTIONS}
    assert len(models) == 3


def test_a_level_that_is_none_is_refused():
    with pytest.raises(UserError, match="level is 'insane'"):
        exercise(1, "insane")


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("asked", "family"),
    by_turns(
        [*product(["parameters", "active", "flops", "cache"], ["easy", "medium", "hard"])],
        ["llama", "mixtral", "falcon", "opt", "qwen3"],
    )
    + by_turns([("memory", "easy"), ("memory", "medium"), ("memory", "hard")], ["llama", "mamba"]),
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
def test_a_family_can_be_asked_about(asked, family):
    of, level = asked
    sheet = exercise(0, level, of=of, count=examples(8), family=family)
    for solved in (each.solved for each in sheet.exercises):
        assert solved.config.family == family
        check(solved, as_quantity(of))


def number(words):
    return int(words.replace(",", ""))


ROOT = r"\(√\((-?[\d,]+)² \+ 4 × ([\d,]+) × ([\d,]+)\)(?: ([-+]) ([\d,]+))?\) / \(2 × ([\d,]+)\)"
QUOTIENT = r"where \S+ is \(([\d,]+)(?: ([-+]) ([\d,]+))?\) / ([\d,]+), which is"


def solution(conclusion):
    """What the arithmetic of a conclusion comes to."""
    signs = {"+": 1, "-": -1, None: 0}
    if found := re.search(QUOTIENT, conclusion):
        total, sign, less, divisor = found.groups(default=None)
        return (number(total) + signs[sign] * number(less or "0")) / number(divisor)
    slope, square, rest, sign, less, half = re.search(ROOT, conclusion).groups(default=None)
    root = isqrt(number(slope) ** 2 + 4 * number(square) * number(rest))
    return (root + signs[sign] * number(less or "0")) / (2 * number(half))


def check(solved, quantity):
    """Hold the answer against sums over the config that the question is about."""
    total = quantity.total(solved.config)
    assert type(solved.answer) is int
    if solved.conclusion:
        assert f" {total:,} " in solved.question
        assert solution(solved.conclusion) == solved.answer
        assert getattr(solved.config, solved.unit) == solved.answer
    elif "one more layer" in solved.question:
        assert solved.answer == quantity.per_block(solved.config)
    elif solved.steps[-1][0] == "the whole model":
        assert solved.answer == total
    else:
        assert 0 < solved.answer <= total


@pytest.mark.parametrize("of", ["parameters", "active", "flops", "cache"])
def test_every_family_can_be_asked_about_at_every_level(of):
    pairs = [*product(families(), QUESTIONS)]
    for family, level in some_or_all(pairs, 7 if of == "flops" else 3):
        if (of, family) != ("cache", "openai-gpt"):
            for each in exercise(0, level, of=of, count=2, family=family).exercises:
                check(each.solved, as_quantity(of))


@pytest.mark.parametrize(
    ("family", "of", "level", "seed"),
    [
        ("olmo", "parameters", "medium", 1),  # its norms have no weights
        ("qwen3_5_text", "cache", "medium", 1),  # two layers, neither with attention
        ("gpt_neo", "cache", "hard", 0),  # layers take turns: no formula in n_layer
        ("minicpm3", "flops", "easy", 0),  # latent attention, which has no head_dim
        ("deepseek_v3", "parameters", "medium", 1),  # the first depth drawn is too small
        ("diffllama", "parameters", "hard", 0),  # the first number of heads drawn is odd
        ("axk1", "active", "hard", 1),  # a constant below zero
    ],
)
def test_what_cannot_be_asked_is_drawn_again(family, of, level, seed):
    (set_,) = exercise(seed, level, of=of, family=family).exercises
    check(set_.solved, as_quantity(of))
    assert "- -" not in set_.solved.conclusion


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
def test_what_is_asked_of_a_cache_says_so(level):
    for seed in range(8):
        (asked,) = exercise(seed, level, of="cache", family="llama").exercises
        assert "cache" in asked.solved.question.partition(" a Llama")[0]


def test_a_class_without_a_cache_is_refused():
    with pytest.raises(UserError, match="GPT's class has no cache"):
        exercise(0, of="cache", family="openai-gpt")


def test_a_forward_pass_has_the_logits_of_all_tokens():
    passes = set()
    for seed in range(8):
        (set_,) = exercise(seed, "hard", of="flops").exercises
        config = set_.solved.config
        run = Run(batch=config.batch, seq=config.seq, training=config.training)
        passes.add(run.training)
        counted = flops(config.model, run)
        if set_.solved.unit == "FLOPs":
            assert set_.solved.answer == counted.total
        assert ("forward and backward" in set_.solved.question) == bool(config.training)
        assert not config.last_logits
    assert passes == {None, True}


def test_a_cache_is_of_inference_in_a_dtype_that_is_said():
    for seed in range(6):
        (set_,) = exercise(seed, "hard", of="cache", family="llama").exercises
        assert "backward" not in set_.solved.question
        assert "in bfloat16" in set_.solved.question


@pytest.mark.parametrize(
    ("family", "words"),
    [
        ("gpt2", "a GPT-2"),
        ("opt", "an OPT"),
        ("mpt", "an MPT"),
        ("lfm2", "an LFM2"),
        ("xglm", "an XGLM"),
        ("internlm3", "an InternLM3"),
        ("axk1", "an A.X-K1"),
        ("llama", "a Llama"),
        ("hyperclovax", "a HyperCLOVA X"),
        ("smollm3", "a SmolLM3"),
    ],
)
def test_names_have_the_article_that_is_said(family, words):
    (set_,) = exercise(1, "medium", family=family).exercises
    assert f" {words} with " in set_.solved.question
    field = next(
        each.solved.question
        for each in exercise(0, "hard", count=20, family=family).exercises
        if each.solved.conclusion
    )
    assert field.startswith(f"{words[0].upper()}{words[1:]} ")
