"""Numbers that people could not explain, and random ones made of known causes."""

import json

import pytest


def test_the_sentence_is_one_that_a_person_understands(run):
    said = " ".join(run("diagnose", 137022720, "gpt2").out.split())
    assert (
        "137,022,720 = 124,439,808 + 12 x 1,024 x 1,024: the causal-mask buffers of 12 layers were "
        "counted as parameters, as the Hub counts the file." in said
    )


def test_the_command_in_every_format(run):
    answer = json.loads(run("diagnose", "163M", "--format", "json").out)
    assert answer["explained"] is True
    assert [each["departures"] for each in answer["explanations"]] == [["untied_head"]]
    assert list(answer["explanations"][0]) == [
        "sentence",
        "departures",
        "free",
        "total",
        "residual",
        "cost",
    ]
    assert "163,037,184" in run("diagnose", "163M", "--format", "markdown").out
    assert run("diagnose", "163M", "--format", "csv").out.startswith("explanation,total,residual")
    assert max(map(len, run("diagnose", "82M").out.splitlines())) <= 80
    assert run("diagnose", 130_000_001, "--format", "markdown").out.count("\n- ") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "NUMBER needs a value"),
        (["x"], "'x' is no number of parameters"),
        (["-5"], "'-5' is no number of parameters"),
        (["0"], "'0' is no number of parameters"),
        (["1.5"], "'1.5' is no number of parameters"),
        (["163M", "gpt"], "'gpt' is neither a preset nor a file"),
        (["163M", "--n-layer", "0"], "n_layer is 0"),
        (["163M", "gpt2", "gpt2"], "one argument too many"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused("diagnose", *arguments)


def test_a_model_before_the_number_is_told_from_it(refused):
    said = refused("diagnose", "gpt2", "124M")
    assert said.endswith("the number comes first: gpt2calc diagnose 124M gpt2")
