"""Every displayed step is evaluated; every format holds what it must."""

import pytest


def test_it_fits_80_columns(run):
    for arguments in (
        (),
        ("gpt3-175b", "--no-tie-embeddings"),
        ("--free", "all"),
        ("--n-inner", 5),
    ):
        printed = run("explain", *arguments).out
        assert max(map(len, printed.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sublayer", "mpl"], "no part is called 'mpl'; did you mean 'mlp'?"),
        (["--sublayer", "lm_head"], "lm_head has no parameters here: the head is tied"),
        (
            ["--of", "memory", "--no-training", "--sublayer", "lm_head", "--no-tie-embeddings"],
            "lm_head has no bytes here: explain one of weights, inputs, temporary, cache",
        ),
        (["--free", "n_layers"], "'n_layers' is in no formula, so it cannot be left open; did you"),
        (["--free", "n_head"], "'n_head' is in no formula"),
        (["--free", "bias"], "'bias' is in no formula, so it cannot be left open; leave open n_l"),
        (["--free", ""], "'' is in no formula"),
        (["--free", "vocab,,n_ctx"], "'' is in no formula"),
        (["--free"], "--free needs a value"),
        (["--format", "csv"], "--format is 'csv': it must be text, markdown, latex or json"),
        (["gpt"], "neither a preset nor a file"),
        (["--n-layer", "0"], "n_layer is 0"),
        (["gpt2", "gpt2"], "one argument too many"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused("explain", *arguments)


def test_several_fields_are_left_open_in_any_spelling(run):
    one = run("explain", "--free", "n-layer,vocab").out
    assert one == run("explain", "--free", "n_layer", "--free", "vocab").out
    assert one == run("explain", "--free", "V, L").out
    assert one.rstrip().endswith("= 768 V + 7,087,872 L + 787,968")
    assert run("explain", "--free", "all,vocab").out == run("explain", "--free", "all").out
