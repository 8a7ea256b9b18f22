"""Values of one field, against brute force around them and the story of the GPT-2 paper."""

import json

import pytest

from gpt2calc import UserError, solve_for

PAPER = {"gpt2": "117M", "gpt2-medium": "345M", "gpt2-large": "762M", "gpt2-xl": "1542M"}


def test_the_command(run):
    flags = [each for figure in PAPER.values() for each in ("--params", figure)]
    ran = run("solve", *PAPER, *flags, "--for", "vocab", "--format", "json")
    assert json.loads(ran.out)["common"] == [40_468, 40_812]
    assert max(map(len, run("solve", *PAPER, *flags, "--for", "vocab").out.splitlines())) <= 80
    assert run("solve", "--params", "117M", "--for", "n-layer").status == 0
    for form in ("csv", "markdown"):
        assert "40" in run("solve", "--params=117M", "--for=vocab", "--format", form).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "solve needs a budget: --budget with a number of parameters, such as 350M"),
        (["--params", "x"], "'x' is no number of parameters"),
        (["--params", "-3"], "'-3' is no number of parameters"),
        (["--params", "350M", "--for", "bias"], "'bias' cannot be solved for; solve for n_layer"),
        (["--params", "350M", "--for", "vocabs"], "did you mean 'vocab'?"),
        (
            ["--params", "1M", "--for", "vocab"],
            "with vocab 1 there are 85,843,200 parameters already",
        ),
        (
            ["gpt2", "gpt2-xl", "--params", "1B", "--for", "vocab"],
            "models: 2, numbers of parameters: 1;",
        ),
        (["gpt2", "gpt2-xl", "--params", "1B"], "one field to solve for: --for n_layer"),
        (["--params", "1B", "--params", "2B"], "one field to solve for: --for n_layer"),
        (["--params", "1M"], "the smallest such model, 1 layer of width 64, has 3,332,096"),
        (["deepseek-v3", "--params", "1M"], "3 layers of width 64, has 18,373,056"),
        (["deepseek-v3", "--params", "1B", "--n-layer", "2"], "last of which is layer 2"),
        (["--params", "1e30"], "allow more than 10,000 depths"),
        (["--params", "1B", "--multiple-of", "0"], "widths are to be multiples of 0"),
        (["--params", "1B", "--multiple-of", "x"], "--multiple-of is 'x'"),
        (["--params", "1B", "--multiple-of", "1.5"], "--multiple-of is '1.5'"),
        (["--params", "1B", "--min-aspect", "1e10"], "it must be from 0 to 1,000,000,000"),
        (["--params", "1B", "--min-aspect", "1e6"], "of 1B parameters has an aspect of 1e+06"),
        (["--params", "1B", "--for", "vocab", "--min-aspect", "2"], "leave out --for"),
        (["--params", "1B", "--for", "n_head"], "'n_head' cannot be solved for; solve for n_layer"),
        (["--params", "1,5B"], "'1,5B' is no number of parameters"),
        (["--params", "1B", "--min-aspect", "nan"], "--min-aspect is 'nan': it must be 0 or more"),
        (["--params", "1B", "--min-aspect", "-1"], "--min-aspect is '-1': it must be 0 or more"),
        (["gpt", "--params", "1B"], "neither a preset nor a file"),
        (["--params", "1B", "--for", "d_model"], "did you mean 'n_embd'?"),
        (["--params", "1B", "--of", "memory", "--for", "n_layer"], "1B (1 byte; 1GB?) are too few"),
        (["--budget", "2B", "--of", "memory"], "within 5% of 2B (2 bytes; 2GB?)"),
        (
            ["--budget", "350M", "--gpu", "h100"],
            "--gpu is of a budget of compute: leave out --budget, or --gpu",
        ),
        (
            ["--budget", "1B", "--for", "vocab", "--limit", "2", "--min-aspect", "2"],
            "--min-aspect and --limit are of shapes: leave out --for, or --min-aspect and --limit",
        ),
        (["--params", "350M", "--n-head", "0"], "n_head is 0: it must be a positive whole number"),
        (
            ["--params", "350M", "--n-head", "24", "--n-embd", "1000"],
            "n_head is 24: it must divide n_embd, which is 1000",
        ),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused("solve", *arguments)


def test_models_are_named(run):
    ran = run("solve", "gpt2-xl", "--params", "1B", "--for", "vocab", "--n-layer", 12)
    assert "gpt2-xl, n_layer 12, 1B" in ran.out
    assert solve_for("vocab", ["gpt2"], ["117M"]).solutions[0].name == "gpt2"
    with pytest.raises(UserError, match="too few for any vocab of gpt2-xl: with vocab 1"):
        solve_for("vocab", ["gpt2-xl"], ["1M"])
    with pytest.raises(UserError, match="models: 0"):
        solve_for("vocab", [], [])
