"""One way to name a model, taken by everything that takes a model; and what was changed is said."""

import pytest

from gpt2calc import ModelConfig, UserError, compare


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("gpt2,n_layer", "'n_layer' changes nothing: write a field and its value"),
        ("gpt2,n_layer=x", "n_layer is 'x': it must be a positive whole number"),
        ("gpt2,n_layer=0", "n_layer is 0"),
        ("gpt2,bias=3", "bias is '3': it must be true or false"),
        ("gpt2,n_layr=3", "unknown field 'n_layr'; did you mean 'n_layer'"),
        ("gpt2,vocab_size=3", "unknown field 'vocab_size'; did you mean 'vocab'"),
        ("gpt2,", "changes nothing"),
        ("gpt2x,n_layer=3", "'gpt2x' is neither a preset nor a file; did you mean 'gpt2"),
        ("label=", "'' is neither"),
        ("gpt2:n_layer=24", "'gpt2:n_layer=24' is no model: write gpt2,n_layer=24"),
        ("n-layer=24", "'n-layer=24' is no model: write gpt2,n-layer=24"),
        ("gpt2,n_layer=24,n-layer=36", "has n_layer more than once: give it one value"),
    ],
)
def test_a_change_that_makes_no_sense_is_one_line(refused, word, words):
    assert words in refused("compare", word, "gpt2")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("vocab_size", "vocab"),
        ("block_size", "n_ctx"),
        ("n_positions", "n_ctx"),
        ("max_position_embeddings", "n_ctx"),
        ("hidden_size", "n_embd"),
        ("d_model", "n_embd"),
        ("num_hidden_layers", "n_layer"),
        ("num_attention_heads", "n_head"),
        ("intermediate_size", "n_inner"),
        ("tie_word_embeddings", "tie_embeddings"),
    ],
)
def test_other_peoples_names_of_a_field_are_hinted_at(refused, tmp_path, theirs, ours):
    with pytest.raises(UserError, match=f"unknown field '{theirs}'; did you mean '{ours}'"):
        ModelConfig(**{theirs: 64})
    path = tmp_path / "mine.toml"
    path.write_text(f"{theirs} = 64\n")
    assert f"did you mean '{ours}'" in refused(path)
    flag = f"--{theirs.replace('_', '-')}"
    assert f"did you mean '--{ours.replace('_', '-')}'" in refused(f"{flag}=64")


def test_before_against_after_is_one_command(run):
    for arguments in (("gpt2", "gpt2,n_layer=24"), ("gpt2", "--n-layer", "24")):
        said = run("compare", *arguments).out
        assert said.splitlines()[0].split() == ["parameters", "gpt2", "gpt2,", "n_layer", "24"]
        assert said.splitlines()[2].split() == ["n_layer", "12", "24"]
    labelled_by_hand = run("compare", "gpt2", "deeper=gpt2,n_layer=24").out
    assert labelled_by_hand.splitlines()[0].split() == ["parameters", "gpt2", "deeper"]


def test_a_change_to_all_models_is_said_in_names_and_rows(run):
    said = run("compare", "gpt2", "gpt2-xl", "--no-tie-embeddings", "--format", "markdown").out
    assert "gpt2, tie_embeddings no" in said
    assert "gpt2-xl, tie_embeddings no" in said
    row = next(line for line in said.splitlines() if line.startswith("| tie_embeddings "))
    assert row.split() == ["|", "tie_embeddings", "|", "no", "|", "no", "|"]
    compared = compare(["gpt2", "gpt2"], n_layer=24)
    assert compared.to_rows()[0]["n_layer"] == 24
