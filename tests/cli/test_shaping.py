"""Shapes near a budget, against going through every depth and width, and against published ones."""

import io
import json
import sys

import pytest
from strategies import some_or_all

from gpt2calc import Run, load, memory, solve
from gpt2calc.analysis import shape_points
from gpt2calc.cli.app import main
from gpt2calc.quantity.case import case_of


def test_the_command(run):
    said = json.loads(run("solve", "--params", "350M", "--format", "json").out)
    assert list(said) == [
        "config",
        "budget",
        "min_aspect",
        "max_aspect",
        "tolerance",
        "found",
        "shapes",
    ]
    assert (said["budget"], said["min_aspect"], said["max_aspect"]) == ("350M", 32, 128)
    assert (said["tolerance"], said["found"]) == (0.05, 17)
    assert said["shapes"][0] == {
        "n_layer": 24,
        "n_embd": 1024,
        "n_head": 16,
        "total": 354_823_168,
        "error": 4_823_168,
        "aspect": 1024 / 24,
        "preset": "gpt2-medium",
        "shares": {
            "embeddings": (50_257 + 1_024) * 1024 / 354_823_168,
            "attention": 24 * (4 * 1024**2 + 4 * 1024) / 354_823_168,
            "mlp": 24 * (8 * 1024**2 + 5 * 1024) / 354_823_168,
        },
    }
    assert len(said["shapes"]) == 10
    for budget in ("350M", "175B"):
        text = run("solve", "gpt3-6.7b", "--params", budget).out
        assert max(map(len, text.splitlines())) <= 80
    flags = ("--multiple-of=128", "--limit=3", "--tolerance=10%", "--max-aspect=100")
    coarse = json.loads(run("solve", "--params=350M", *flags, "--format=json").out)
    assert len(coarse["shapes"]) == 3
    assert coarse["tolerance"] == 0.1
    assert all(each["n_embd"] % 128 == 0 for each in coarse["shapes"])
    assert all(each["aspect"] <= 100 for each in coarse["shapes"])
    fixed = run("solve", "--params", "350M", "--n-inner", 3072).out
    assert "MLP width 3,072" in " ".join(fixed.split())
    assert " 24   1,024 " in run("solve", "--params", "350M", "--n-layer", 24).out


def test_the_bounds_are_said(run):
    said = " ".join(run("solve", "--params", "350M", "--min-aspect", "20").out.split())
    assert "aspect of 20 to 128, within 5% of the budget" in said
    assert "--min-aspect, --max-aspect, --tolerance, --limit" in said


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--tolerance", "x"], "--tolerance is 'x': it must be 0 or more, such as 5%"),
        (["--tolerance", "200%"], "tolerance is 2: it must be from 0 to 1"),
        (["--limit", "0"], "limit is 0: give 1 or more"),
        (["--limit", "x"], "--limit is 'x'"),
        (["--min-aspect", "90", "--max-aspect", "80"], "min_aspect is 90, more than max_aspect"),
        (["--max-aspect", "-1"], "--max-aspect is '-1': it must be 0 or more"),
        (["--multiple-of", "0"], "multiples of 0"),
        (
            ["--tolerance", "0"],
            "no shape within 0% of 350M parameters has an aspect of 32 to 128; ",
        ),
        (["--n-layer", "1000"], "the nearest is 1,000 x"),
        (["--n-layer", "12:30"], "n_layer is '12:30': it must be a positive whole number"),
        (["--n-embd", "768,1024"], "n_embd is '768,1024': it must be a positive whole number"),
        (["--for", "vocab", "--limit", "3"], "--limit is of shapes: leave out --for, or --limit"),
    ],
)
def test_a_bound_that_nothing_meets_is_one_line(refused, flags, words):
    assert words in refused("solve", "--params", "350M", *flags)


def test_where_no_heads_divide_it_says_so(refused):
    said = refused("solve", "gpt2", "--n-kv-head", "12", "--budget", "8B", "--n-layer", "24")
    assert "n_kv_head is 12: it must divide n_head" in said
    assert said.endswith("widen --tolerance")


RUNS = (
    ("gpt2", Run(batch=8), "16GB"),
    ("mixtral-8x7b", Run(training=False, dtype="bfloat16", seq=64, attention="sdpa"), "80GB"),
    ("qwen2.5-0.5b", Run(training=False, dtype="bfloat16", seq=1024), "24GB"),
    ("bloom-560m", Run(training=False, seq=64), "2GB"),
)


@pytest.mark.by_turns
@pytest.mark.parametrize(("name", "run", "budget"), some_or_all(RUNS, 4))
def test_shapes_of_memory_are_counted_one_by_one(name, run, budget):
    shapes = solve(case_of(load(name), run), budget, of="memory", limit=4)
    for shape in shapes.shapes:
        alone = memory(shape.counted.config, shape.counted.config.run).total
        assert alone == shape.counted.total
        assert abs(alone - shapes.budget.value) <= 0.05 * shapes.budget.value


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_while_shapes_of_memory_are_evaluated(monkeypatch):
    batches = []
    evaluate = shape_points._evaluated

    def counted(*arguments):
        batches.append(len({depth for depth, _ in arguments[-1]}))
        return evaluate(*arguments)

    monkeypatch.setattr(shape_points, "_evaluated", counted)
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    assert main(["solve", "gpt2", "--of", "memory", "--budget", "16GB"]) == 0
    assert "counting" in shown.getvalue()
    assert batches == sorted(batches)
    assert batches[0] < 10 < batches[-1]


def test_a_budget_that_no_shape_of_memory_has(refused):
    said = refused("solve", "gpt2", "--of", "memory", "--budget", "1MB")
    assert "no shape within 5% of 1MB" in said
    assert "the nearest is 1 x 64" in said
    said = refused("solve", "gpt2", "--of", "memory", "--budget", "16GB", "--n-embd", "1000")
    assert "heads that divide its width" in said
