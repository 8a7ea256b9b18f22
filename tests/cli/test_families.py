"""Every family against its own class in transformers: names, order, shapes, sums and FLOPs."""

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
        (["gpt2", "--dense-layers", "0"], "dense_layers is"),
        (["presets", "no such"], "no preset has 'no such' in its name or family"),
    ],
)
def test_a_mistake_about_a_switch_is_one_line(refused, arguments, words):
    assert words in refused(*arguments)


def test_dense_layers_are_given_as_a_list(run):
    said = run("mixtral-8x7b", "--dense-layers", "0,1").out
    assert "no experts in layers 0, 1" in " ".join(said.split())


def test_formulas_of_a_descendant_as_rows(run):
    lines = run("formula", "mixtral-8x7b", "--format", "csv").out.splitlines()
    assert lines[0].startswith("of,")
    assert lines[-1].startswith("the whole model,")
