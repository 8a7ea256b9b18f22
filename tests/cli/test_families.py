"""Every family against its own class in transformers: names, order, shapes, sums and FLOPs."""

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep", "llama-3-8b", "--n-kv-head", "1,3"], "n_kv_head is 3: it must divide n_head"),
        (["sweep", "gpt2", "--n-expert-active", "1,2"], "give n_expert, such as 8"),
        (
            ["sweep", "mixtral-8x7b", "--n-expert-active", "2,16"],
            "n_expert_active is 16: it must be at most n_expert, which is 8",
        ),
        (["gpt2", "--no-norm", "--norm", "rms"], "--norm is given more than once"),
        (["gpt2", "--norm", "best"], "norm is 'best': it must be"),
        (["gpt2", "--dense-layers", "0"], "dense_layers needs experts"),
        (["presets", "no such"], "no preset has 'no such' in its name or family"),
    ],
)
def test_a_mistake_about_a_switch_is_one_line(refused, arguments, words):
    assert words in refused(*arguments)


@pytest.mark.parametrize(
    ("said", "read"),
    [("0-2", (0, 1, 2)), ("0,3-5", (0, 3, 4, 5)), ("7-7", (7,)), (" 1 , 3 ", (1, 3))],
)
def test_layers_in_a_row_are_given_by_the_first_and_the_last(run, said, read):
    counted = json.loads(run("deepseek-v3", "--dense-layers", said, "--format", "json").out)
    assert tuple(counted["config"]["dense_layers"]) == read


@pytest.mark.parametrize("said", ["2-0", "0-99999999999", "1-", "-1", "a-b", "1--2", "0-1-2"])
def test_a_range_that_is_none_is_refused(refused, said):
    wrong = refused("deepseek-v3", f"--dense-layers={said}")
    assert "it must be a list of whole numbers, such as 0,1 or 0-3" in wrong


def test_dense_layers_are_given_as_a_list(run):
    said = run("mixtral-8x7b", "--dense-layers", "0,1").out
    assert "no experts in layers 0-1" in " ".join(said.split())


def test_formulas_of_a_descendant_as_rows(run):
    lines = run("formula", "mixtral-8x7b", "--format", "csv").out.splitlines()
    assert lines[0].startswith("of,")
    assert lines[-1].startswith("the whole model,")
