"""How long training takes: the arithmetic by hand, and every figure solved for from the others."""

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "tokens or days are needed"),
        (["--tokens", "0"], "'0' is no number of tokens"),
        (["--tokens", "ten"], "'ten' is no number of tokens"),
        (["--steps", "-1"], "'-1' is no number of steps"),
        (["--tokens", "1B", "--steps", "5"], "give one of them"),
        (["--tokens", "1B", "--mfu", "1.2"], "mfu is '1.2': it must be at most 1"),
        (["--tokens", "1B", "--mfu", "0"], "mfu is '0': it must be a positive number"),
        (["--tokens", "1B", "--mfu", "x"], "mfu is 'x'"),
        (["--tokens", "1B", "--gpus", "0"], "gpus is 0: it must be 1 or more"),
        (["--tokens", "1B", "--gpus", "x"], "--gpus is 'x': it must be a whole number"),
        (["--tokens", "1B", "--gpu", "a100-8"], "did you mean 'a100-80gb'?"),
        (["--tokens", "1B", "--gpu", "h100sxm"], "did you mean 'h100-sxm'?"),
        (["--tokens", "1B", "--gpu", "abacus"], "'gpt2calc devices' lists them"),
        (["--tokens", "1B", "--gpu", "t4", "--precision", "bfloat16"], "it has float32, float16"),
        (["--tokens", "1B", "--days", "nan"], "days is 'nan': it must be a positive number"),
        (["--days", "1e-9"], "the time is too short for one sequence"),
        (["--tokens", "1T", "--days", "1", "--gpus", "1"], "would need a utilization of"),
        (["--tokens", "1B", "--days", "1", "--gpus", "1", "--mfu", "0.1"], "all given: leave out"),
        (["--tokens", "1B", "--price", "-2"], "price is '-2'"),
        (["--tokens", "1B", "--last-logits"], "last_logits is for generation"),
        (["--days", "0"], "such as 30"),
        (["--tokens", "1B", "--seq", "5000"], "the model has positions for 1,024 tokens"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused("train", "gpt2", *arguments)


def test_the_command(run):
    said = json.loads(run("train", "gpt2-xl", "--days", "7", "--gpus", "8", "--format", "json").out)
    assert said["solved_for"] == "tokens"
    assert said["tokens"] % 1_024 == 0
    assert (
        run("train", "gpt2-xl", "--tokens", "300B", "--gpus", "8")
        .out.splitlines()[5]
        .startswith("time")
    )
