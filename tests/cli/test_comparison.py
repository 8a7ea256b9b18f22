"""Models side by side."""

import json

import pytest

from gpt2calc import ModelConfig, UserError, compare

FOUR = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")


def test_flags_change_a_field_in_all(run):
    ran = run("compare", *FOUR, "--vocab", 40478, "--format", "json")
    totals = [each["total"] for each in json.loads(ran.out)["models"]]
    assert [round(total / 10**6) for total in totals] == [117, 345, 762, 1542]


def test_the_four_fit_80_columns_and_eight_are_folded(run):
    assert max(map(len, run("compare", *FOUR).out.splitlines())) <= 80
    eight = run("compare", *FOUR, *FOUR).out.splitlines()
    assert max(map(len, eight)) <= 80
    assert sum(line.startswith("parameters") for line in eight) == 2


def test_a_file_is_named_by_its_stem(run, tmp_path):
    (tmp_path / "mine.toml").write_text("n_layer = 1\n")
    assert "mine" in run("compare", "gpt2", tmp_path / "mine.toml").out
    assert "1 x 64" in compare(["gpt2", ModelConfig(n_layer=1, n_embd=64)]).text()


@pytest.mark.parametrize("models", [[], ["gpt2"]])
def test_it_takes_two(refused, models):
    assert "give two models or more" in refused("compare", *models)


def test_a_table_leaves_out_parts_that_none_of_the_models_has(run):
    assert "latents" not in run("compare", "gpt2", "gpt2-xl", "--of", "cache").out
    assert "latents" in run("compare", "gpt2", "deepseek-v3", "--of", "cache").out


def test_a_model_that_is_none_is_refused(refused):
    assert "did you mean 'gpt2-xl'?" in refused("compare", "gpt2", "gpt2-xk")
    with pytest.raises(UserError, match="n_layer is 0"):
        compare(FOUR, n_layer=0)
