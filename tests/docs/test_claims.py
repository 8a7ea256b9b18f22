"""The article's claims: verdicts that change with the models, against counts made by hand."""

import re

import pytest

from gpt2calc import ModelConfig, count, load
from gpt2calc.analysis.comparison import comparison_of
from gpt2calc.plot.page.claims import CLAIMS, PRINTED, judged
from gpt2calc.quantity.models import labelled

FOUR = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")


def verdicts(*models):
    return [
        (each.section, each.judgement.verdict) for each in judged(comparison_of(labelled(models)))
    ]


def test_the_four_gpt2():
    assert verdicts(*FOUR) == [
        ("4.1", "holds"),
        ("4.2", "holds"),
        ("4.3", "holds as cut off"),
        ("4.3", "holds"),
        ("4.4", "holds"),
        ("5.1", "does not hold"),
        ("5.2", "holds"),
        ("5.2", "holds"),
        ("6.2", "does not hold"),
        ("6.2", "does not hold"),
        ("6.3", "holds"),
        ("6.3", "holds"),
    ]


def verdict(section, words, *models):
    (found,) = [
        each
        for each in judged(comparison_of(labelled(models)))
        if each.section == section and words in each.claim
    ]
    return found.judgement.verdict


LARGE_VOCAB = ModelConfig(vocab=10**6)
NARROW_MLP = ModelConfig(n_inner=64)
NO_BIAS = ModelConfig(bias=False)
HUGE = ModelConfig(n_layer=96, n_embd=12288)


@pytest.mark.parametrize(
    ("section", "words", "models", "expected"),
    [
        ("4.3", "shares", ("distilgpt2",), "says nothing here"),
        ("4.3", "shares", ("gpt2-medium",), "holds as cut off"),
        ("4.3", "twice", (NARROW_MLP,), "does not hold"),
        ("4.4", "largest", ("distilgpt2",), "does not hold"),
        ("4.4", "largest", (NARROW_MLP, "gpt2-xl"), "does not hold"),
        ("5.1", "one size", ("gpt2", "distilgpt2"), "holds"),
        ("5.1", "one size", ("gpt2",), "says nothing here"),
        ("5.1", "one size", ("gpt2", ModelConfig(tie_embeddings=False)), "does not hold"),
        ("5.2", "share", ("gpt2",), "says nothing here"),
        ("5.2", "linearly", (NO_BIAS, HUGE), "holds"),
        ("5.2", "share", ("distilgpt2", LARGE_VOCAB), "does not hold"),
        ("5.2", "share", ("gpt2-xl", "gpt2"), "holds"),
        ("6.2", "tens of", ("gpt2", "gpt2-medium"), "holds"),
        ("6.2", "tens of", ("gpt2-large",), "does not hold"),
        ("6.2", "0.01", (HUGE,), "holds"),
        ("6.3", "as many", (NO_BIAS,), "does not hold"),
    ],
)
def test_other_models_have_other_verdicts(section, words, models, expected):
    assert verdict(section, words, *models) == expected


def test_printed_shares_are_whole_percents_of_the_counts():
    for name, printed in PRINTED.items():
        for sublayer, whole in printed.items():
            assert int(100 * count(load(name))[sublayer].share) == whole


def test_a_share_that_is_printed_wrong_does_not_hold(monkeypatch):
    monkeypatch.setitem(PRINTED, "gpt2", {"attention": 21, "mlp": 45})
    assert verdict("4.3", "shares", "gpt2") == "does not hold"
    monkeypatch.setitem(PRINTED, "gpt2", {"attention": 23, "mlp": 46})
    assert verdict("4.3", "shares", "gpt2") == "holds"


def test_every_claim_says_its_figures():
    for each in judged(comparison_of(labelled(FOUR))):
        assert len(each.judgement.figures) == (8 if "table" in each.claim else 4) or (
            each.section in ("4.1", "4.2")
        )
    shares = next(each for each in judged(comparison_of(labelled(FOUR))) if "table" in each.claim)
    assert re.findall(r"\d+\.\d\d", " ".join(shares.judgement.figures)) == [
        "22.78",
        "45.54",
        "28.40",
        "56.77",
        "30.50",
        "60.99",
        "31.58",
        "63.14",
    ]


def test_what_is_true_instead_is_said_of_the_models_at_hand():
    def instead(section, words, *models):
        for each in judged(comparison_of(labelled(models))):
            if each.section == section and words in each.claim:
                return each.judgement.instead
        return None

    assert instead("5.1", "one size", "gpt2", "gpt3-small").endswith("follow n_ctx.")
    assert instead("5.1", "one size", *FOUR).endswith("follow n_embd.")
    assert instead("6.2", "tens of", *FOUR) == "There are 38,400 to 310,400."
    assert instead("6.2", "0.01", *FOUR) == "It is up to 3.1 times 0.01 percent."


def test_a_model_is_known_by_what_it_is_and_not_by_its_name(tmp_path):
    impostor = tmp_path / "gpt2-xl.toml"
    impostor.write_text("n_layer = 2\nn_embd = 64\n")
    assert verdict("4.3", "shares", impostor) == "says nothing here"
    same = ModelConfig(n_layer=48, n_embd=1600, n_head=25)
    assert verdict("4.3", "shares", same) == "holds as cut off"


def test_claims_are_in_the_articles_order():
    assert [section for section, *_ in CLAIMS] == sorted(section for section, *_ in CLAIMS)
