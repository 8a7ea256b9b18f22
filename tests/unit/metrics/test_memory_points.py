"""Memory at many points at once: each is what a run of that point alone gives."""

import numpy as np
import pytest
from drawing import FAMILIES, draw
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples

from gpt2calc import ModelConfig, Run, load, memory, sweep
from gpt2calc.metrics.memory.points import Regions
from gpt2calc.metrics.memory.quantity import MEMORY, PARTS, memory_case
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.quantity.case import case_of
from gpt2calc.tape.symbolic import Decisions, Formula, SymInt

AXES = {
    "batch": [1, 2, 3, 16],
    "seq": [1, 2, 3, 7, 100],
    "n_layer": [1, 2, 4, 5, 6, 9],
    "vocab": [1, 2, 50, 1_000],
}


@st.composite
def grids(draw_):
    """A tiny model of any family, a run, and some axes."""
    family = draw_(st.sampled_from(FAMILIES))
    config = from_contents(draw(family, draw_(st.integers(0, 30))), "drawn")
    is_needed = config.full_layers_differ or config.has_other_layers
    full = config.full_layers if is_needed else None
    config = config.evaluate_at(full_layers=full, no_rope_layers=None)
    axes = [name for name in AXES if name != "n_layer" or not any(config.layer_lists)]
    training = draw_(st.booleans())
    has_sdpa = config.architecture.has_sdpa
    run = Run(
        training=training,
        seq=2,
        dtype=draw_(st.sampled_from(["float32", "bfloat16", "mixed"])),
        attention=draw_(st.sampled_from(["eager", "sdpa"] if has_sdpa else ["eager"])),
    )
    chosen = draw_(st.lists(st.sampled_from(axes), min_size=1, max_size=2, unique=True))
    values = {
        name: sorted(
            draw_(st.lists(st.sampled_from(AXES[name]), min_size=2, max_size=3, unique=True))
        )
        for name in chosen
    }
    return case_of(config.replace(n_ctx=200), run), values


@settings(max_examples=examples(12))
@given(grids())
def test_each_cell_of_a_sweep_is_what_a_run_of_it_gives(grid):
    case, axes = grid
    swept = sweep(case, of="memory", **axes)
    for place in np.ndindex(swept.shape):
        point = {name: each[n] for (name, each), n in zip(axes.items(), place, strict=True)}
        assert swept.total[place] == MEMORY.total(memory_case(case.evaluate_at(**point)))
    columns = swept.columns()
    assert (columns["total"] == sum(columns[part] for part in PARTS)).all()
    assert (columns["total"] == swept.total.ravel()).all()


def test_a_run_on_letters_serves_all_points_that_decide_alike(monkeypatch):
    from gpt2calc.metrics.memory import points

    runs = []
    followed = points.followed
    monkeypatch.setattr(points, "followed", lambda *each: runs.append(each) or followed(*each))
    case = memory_case(case_of(load("gpt2")))
    batches = np.arange(1, 1_001)
    found = Regions(case, PARTS).at({"batch": batches})
    assert len(runs) <= 6  # a batch of 1 alone, and few others
    line = sum(found.values())
    assert (np.diff(line, 2) == 0).sum() > 990


def test_widths_at_points_have_heads_of_their_own():
    case = memory_case(case_of(load("gpt2"), Run(seq=16)))
    widths = np.array([64, 128, 192, 640])
    found = Regions(case, PARTS).at({"n_embd": widths})
    for place, width in enumerate(widths.tolist()):
        alone = MEMORY.of(case.evaluate_at(n_embd=width))
        assert {part: found[part][place] for part in PARTS} == {
            part: alone[part].total for part in PARTS
        }


@given(st.integers(2, 50), st.integers(2, 50), st.integers(1, 60))
def test_decisions_hold_where_comparisons_come_out_alike(a, b, other):
    x, y = SymInt.letter("a", a), SymInt.letter("b", b)
    with Decisions() as decisions:
        outcomes = [x == y, x < y, x > y, x <= 7, x >= 7, x != 7, bool(x - 3), x % 3 == 0]
    assert [type(each) for each in outcomes] == [bool] * 8
    there = {"a": other, "b": b}
    again = [
        other == b,
        other < b,
        other > b,
        other <= 7,
        other >= 7,
        other != 7,
        other != 3,
        other % 3 == 0,
    ]
    holds = []
    for difference, relation, outcome in decisions.differences():
        sign, below = Formula(difference).numerator_at(there), Formula(difference).divisor_at(there)
        is_so = {"==": sign == 0, "<": sign < 0, ">": sign > 0, "whole": sign % below == 0}
        holds.append(is_so[relation] == outcome)
    assert all(holds) == (again == outcomes)


def test_how_many_points_are_done_is_reported():
    done = []
    case = memory_case(case_of(load("gpt2").replace(n_layer=2)))
    Regions(case, PARTS).at({"batch": np.arange(1, 30)}, done.append)
    assert sum(done) == 29


@pytest.mark.parametrize(
    "run",
    [Run(optimizer="adamw-8bit"), Run(zero_stage=1, gpus=7), Run(zero_stage=3, gpus=5)],
    ids=lambda run: f"{run.optimizer} on {run.gpus}",
)
@pytest.mark.parametrize("axis", ["vocab", "n_layer", "batch"])
def test_what_a_rule_rounds_is_swept_too(run, axis):
    """No size is a multiple of the GPUs, and some tensors are too small for a state in 8 bits."""
    config = ModelConfig(n_layer=3, n_embd=20, n_head=2, vocab=101, n_ctx=64)
    swept = sweep(case_of(config, run), of="memory", **{axis: [1, 2, 3, 211]})
    alone = [case_of(config, run).evaluate_at(**{axis: value}) for value in (1, 2, 3, 211)]
    assert swept.total.tolist() == [memory(case.model, case.run).total for case in alone]
