"""Exercises: the answers are right, and the same seed asks the same question for ever."""

import json
import re

import pytest

from gpt2calc import exercise
from gpt2calc.teach.exercises import QUESTIONS


def test_the_command(run):
    asked = run("exercise", "--seed", 7).out
    assert asked == run("exercise", "--seed", 7).out
    assert "(--level easy --seed 7)" in " ".join(asked.split())
    assert "Answer" not in asked
    solved = run("exercise", "--seed", 7, "--answer").out
    assert solved.startswith(asked.rstrip())
    assert "Answer: " in solved
    assert max(map(len, solved.splitlines())) <= 80


def test_a_seed_drawn_by_lot_is_said(run):
    seed = re.search(r"--seed\s+(\d+)", run("exercise", "--level", "hard").out)[1]
    assert run("exercise", "--level", "hard", "--seed", seed).status == 0


def test_a_sheet_has_its_key_apart(run):
    flags = ("exercise", "--seed", 1, "--count", 4, "--format", "markdown")
    assert run(*flags).out == run(*flags, "--answer").out
    questions, answers = run(*flags).out.split("# Answers")
    assert "Level easy, seeds from 1." in questions
    assert "L is n_layer, d is n_embd, V is vocab, T is n_ctx" in answers
    asked = re.findall(r"^\d\. (.+)$", questions, re.MULTILINE)
    for place, question in enumerate(asked):
        assert question == exercise(1 + place).exercises[0].solved.question
    assert len(set(asked)) == 4
    assert len(re.findall(r"^\d\. ", questions, re.MULTILINE)) == 4
    assert len(re.findall(r"^\d\. ", answers, re.MULTILINE)) == 4
    alone = run("exercise", "--seed", 1, "--format", "markdown").out
    assert "# Answers" not in alone
    sheet = run("exercise", "--seed", 1, "--count", 2, "--answer").out
    assert sheet.index("2. ") < sheet.index("Answer 1: ") < sheet.index("Answer 2: ")


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_a_students_sheet_has_no_answers(run, form):
    flags = ("exercise", "--seed", 1, "--count", 3, "--level", "hard", "--format", form)
    with_key, without = run(*flags).out, run(*flags, "--no-answer").out
    assert "Answers" in with_key
    assert "Answers" not in without
    for exercise_ in exercise(1, "hard", count=3).exercises:
        question = exercise_.solved.question.replace("_", r"\_" if form == "latex" else "_")
        assert question in without
    body = with_key.split("Answers")[0].rstrip().removesuffix(r"\newpage\section*{").rstrip()
    assert without.startswith(body.removesuffix("#").rstrip())


@pytest.mark.parametrize("level", QUESTIONS)
def test_every_format(run, level):
    flags = ("exercise", "--seed", 5, "--level", level, "--count", 3)
    plain = json.loads(run(*flags, "--format", "json").out)["exercises"]
    assert all("answer" not in each and "config" not in each for each in plain)
    solved = json.loads(run(*flags, "--answer", "--format", "json").out)["exercises"]
    assert [each["question"] for each in plain] == [each["question"] for each in solved]
    assert run(*flags, "--format", "csv").out.count("\n") == 4
    assert all(line.endswith(",") for line in run(*flags, "--format", "csv").out.split("\n")[1:4])
    assert str(solved[0]["answer"]) in run(*flags, "--answer", "--format", "csv").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--level", "insane"], "--level is 'insane': it must be easy, medium or hard"),
        (["--seed", "x"], "--seed is 'x': it must be a whole number, such as 8"),
        (["--seed", "1.5"], "--seed is '1.5'"),
        (["--count", "2.5"], "--count is '2.5'"),
        (["--seed", "-1"], "seed is -1: it must be 0 or more"),
        (["--count", "0"], "count is 0: a sheet has 1 to 1,000 exercises"),
        (["--count", "100000"], "count is 100000"),
        (["--count", "x"], "--count is 'x'"),
        (["gpt2"], "'gpt2' is one argument too many"),
        (["--answers"], "there is no flag --answers; did you mean '--answer'?"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused("exercise", *arguments)
