"""A quantity that the package has never heard of goes through everything that takes one."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from strategies import configs, examples

from gpt2calc import (
    UserError,
    compare,
    count,
    explain,
    formula,
    load,
    named_shapes,
    solve,
    solve_for,
    sweep,
)
from gpt2calc.metrics.parameters import PARAMETERS, breakdown
from gpt2calc.model.tensors import tensors
from gpt2calc.model.terms import Term
from gpt2calc.plot import charts, pictures
from gpt2calc.plot.style import as_bytes
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.registry import as_quantity

TENSORS = replace(
    PARAMETERS,
    name="tensors",
    unit="tensors",
    terms=lambda config: [tensor._replace(shape=()) for tensor in tensors(config)],
)
"""How many tensors a model has."""


def products(config):
    """One matrix product of a head that scores all positions, and the mixing of them."""
    d, T = config.n_embd, config.n_ctx
    return [
        Term("qkv", "attention", "amount", (2, T, d, T), config.n_layer),
        Term("head", "lm_head", "amount", (2, T, d, config.vocab), 1),
    ]


WORK = Quantity("work", "operations", products, ("attention", "lm_head"))
"""A quantity with one column, other parts, and a square of the context."""


@given(configs())
def test_it_adds_up_what_the_operations_contribute(config):
    assert breakdown(config, TENSORS).total == len(named_shapes(config))
    d, T, L = config.n_embd, config.n_ctx, config.n_layer
    assert breakdown(config, WORK)["attention"].total == 2 * L * T * T * d


def test_a_breakdown_shows_its_own_parts_and_columns():
    shown = breakdown(load("gpt2"), WORK)
    assert list(shown) == ["attention", "lm_head"]
    assert json.loads(shown.json())["sublayers"]["attention"] == {
        "total": 2 * 12 * 1024 * 1024 * 768,
        "share": shown["attention"].share,
    }
    assert shown.csv().splitlines()[0] == "sublayer,total,share"
    assert breakdown(load("gpt2"), TENSORS).csv().splitlines()[-1] == "total,75,73,148,1.0"


def test_compare():
    compared = compare(["gpt2", "gpt2-xl"], of=TENSORS)
    assert [each.total for each in compared.counts] == [148, 580]
    assert compared.table().headings[0] == "tensors"


def test_sweep():
    swept = sweep(of=WORK, n_ctx=[512, 1024], n_layer=[1, 2])
    head = 2 * 768 * 50_257
    assert swept.total.tolist() == [
        [2 * L * T * T * 768 + head * T for L in (1, 2)] for T in (512, 1024)
    ]
    assert swept.headings == ("n_ctx", "n_layer", "total", "attention", "lm_head")
    assert swept.amount.tolist() == swept.total.tolist()
    with pytest.raises(AttributeError, match="no attribute 'weights'"):
        swept.weights  # noqa: B018
    assert "configs" in sweep(of=WORK, n_ctx=[512, 1024], at_least=10**11).text()


def test_solve():
    (solution,) = solve_for("n_layer", ["gpt2"], [580], of=TENSORS).solutions
    assert solution.below.value == solution.above.value == 48
    (solution,) = solve_for("n_ctx", ["gpt2"], ["100B"], of=WORK).solutions
    at = [breakdown(load("gpt2").replace(n_ctx=n), WORK).total for n in (1, 2)]
    assert at[0] < solution.below.total <= 10**11 < solution.above.total
    assert (
        "n_ctx for a number of operations" in solve_for("n_ctx", ["gpt2"], [10**11], of=WORK).text()
    )
    with pytest.raises(UserError, match="'n_inner' cannot be solved for; solve for n_layer, n_emb"):
        solve_for("n_inner", ["gpt2"], ["1B"], of=WORK)
    shapes = solve("gpt2", "100B", of=WORK)
    assert "Shapes near 100B operations" in shapes.text()


@settings(max_examples=examples(20))
@given(configs())
def test_formula(config):
    of_work = formula(config, of=WORK)
    values = {"L": config.n_layer, "d": config.n_embd, "V": config.vocab, "T": config.n_ctx}
    letters = {each: values[each.name] for each in of_work.total.free_symbols}
    assert of_work.total.subs(letters) == breakdown(config, WORK).total


def test_explain():
    said = explain("gpt2", of=WORK).text()
    assert "total    2 × V × T × d" not in said
    assert "2 × T × d × T = 2 × 1,024 × 768 × 1,024 = 1,610,612,736" in said
    assert "weights" not in said
    assert f"{breakdown(load('gpt2'), WORK).total:,}" in said
    with pytest.raises(UserError, match="'vocab' is in no formula"):
        explain("gpt2", of=TENSORS, free="vocab")


def test_pictures():
    compared = compare(["gpt2", "gpt2-medium"], of=WORK)
    drawn = pictures.of_comparison(compared, "grouped")
    assert drawn.axes[0].get_xlabel() == "share of all operations"
    for figure in (
        drawn,
        pictures.of_comparison(compared),
        pictures.of_count(compared.counts[0]),
        pictures.of_trend(compared),
        pictures.of_sweep(sweep(of=WORK, n_ctx=[512, 1024, 2048])),
        pictures.of_sweep(sweep(of=WORK, n_ctx=range(512, 2049, 64), n_layer=range(1, 20))),
        pictures.of_shapes(solve("gpt2", "100B", of=WORK)),
    ):
        assert as_bytes(figure, "png")
    assert charts.parts_of(compared) == ["attention", "lm_head"]


def test_quantities_have_names():
    assert as_quantity("parameters") is PARAMETERS
    assert as_quantity(WORK) is WORK
    with pytest.raises(UserError, match="no quantity is called 'parametres'; did you mean 'param"):
        compare(["gpt2", "gpt2-xl"], of="parametres")
    assert compare(["gpt2", "gpt2-xl"]).counts[0] == count(load("gpt2"))


def test_a_group_is_asked_for_like_a_part():
    counted = count("gpt2")
    assert counted["embeddings"].total == counted["token_embedding"].total + (
        counted["position_embedding"].total
    )
    assert "embeddings" in counted
    assert "experts of glass" not in counted


def test_a_list_is_no_quantity():
    with pytest.raises(UserError, match="no quantity is called"):
        compare("gpt2", of=["flops"])
