"""The timeline of a run: bytes of each part at every event."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2calc import ModelConfig, Run, UserError, memory
from gpt2calc.metrics.memory.events import Events
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.stacked import GROUP_OF, ORDER, Stacked, stacked
from gpt2calc.quantity.case import case_of

SMALL = ModelConfig(n_layer=3, n_embd=64, n_head=4, vocab=512, n_ctx=64)
RUNS = (
    Run(batch=2, seq=32, training=True),
    Run(batch=2, seq=32, training=True, checkpointing="block", dtype="mixed"),
    Run(batch=2, seq=32, training=True, optimizer="sgd", grad_accumulation=4),
    Run(batch=2, seq=32, training=True, shard="fsdp", gpus=4, dtype="mixed"),
    Run(batch=2, seq=32, training=False),
    Run(batch=2, seq=1, cached=20, training=False),
)


@pytest.mark.parametrize("run", RUNS)
def test_parts_add_up_to_what_is_there_at_each_event(run):
    case = case_of(SMALL, run)
    standing = sum(term.amount for term in Moments(case.settled()).standing())
    drawn = stacked(case)
    assert drawn.total.tolist() == [e.live + standing for e in Events.of(case).run.events]
    assert drawn.total.tolist() == [row["total"] for row in Events.of(case).to_rows()]
    assert list(drawn.parts) == [name for name in ORDER if name in drawn.parts]


@pytest.mark.parametrize("run", RUNS)
def test_parts_at_the_peak_are_those_of_the_table(run):
    held = memory(SMALL, run)
    drawn = stacked(held.config)
    place = int(drawn.total.argmax())
    table = {name: part.total for name, part in held.coarse.items() if part.total}
    assert {name: int(part[place]) for name, part in drawn.parts.items() if part[place]} == table


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_what_gpus_share_out_by_rule(stage):
    run = Run(batch=2, seq=32, zero_stage=stage, gpus=3, dtype="bfloat16", training=True)
    held = memory(SMALL, run)
    drawn = stacked(held.config)
    assert drawn.total.max() == held.total
    assert min(part.min() for part in drawn.parts.values()) >= 0


@given(
    st.lists(st.integers(0, 1_000), min_size=1, max_size=400),
    st.integers(1, 50),
    st.integers(0, 400),
)
def test_thinning_keeps_the_peak_of_each_part_of_a_run(sizes, most, second):
    part = np.array(sizes, np.int64)
    begins = {"forward": 0} | ({"backward": second} if 0 < second < len(sizes) else {})
    thin = Stacked({"weights": part}, begins, np.ones(len(part), np.int64)).thinned(most)
    assert thin.stands_for.sum() == len(part)
    assert thin.total.max() == part.max()
    assert len(thin.total) <= max(len(begins) * 2, most + len(begins))
    starts = [*begins.values(), len(sizes)]
    thin_starts = [*thin.begins.values(), len(thin.total)]
    for number in range(len(begins)):
        before = part[starts[number] : starts[number + 1]]
        after = thin.total[thin_starts[number] : thin_starts[number + 1]]
        assert before.max() == after.max()


def test_every_part_of_memory_has_a_place():
    assert set(GROUP_OF.values()) == set(ORDER)


def test_too_many_layers_are_refused():
    deep = replace(case_of(SMALL), model=SMALL.replace(n_layer=2_000))
    with pytest.raises(UserError, match="at most 1,000 layers"):
        stacked(deep.evaluate_at(training=True))


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_events_of_one_gpu_of_several(stage):
    held = memory(SMALL, Run(batch=2, seq=32, zero_stage=stage, gpus=3, training=True))
    assert max(row["total"] for row in held.events.to_rows()) == held.total


def test_a_part_of_a_run_without_events_has_no_place():
    run = Run(batch=2, seq=32, training=True, optimizer="sgd")
    drawn = stacked(case_of(SMALL, run))
    assert "step" not in drawn.begins
    assert drawn.thinned(20).total.max() == drawn.total.max()
