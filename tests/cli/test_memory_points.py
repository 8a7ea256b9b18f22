"""Memory at many points at once: each is what a run of that point alone gives."""

import numpy as np
import pytest

from gpt2calc import Run, load
from gpt2calc.metrics.memory.points import Regions
from gpt2calc.metrics.memory.quantity import MEMORY, PARTS, memory_case
from gpt2calc.quantity.case import case_of


@pytest.mark.parametrize(
    "run", [Run(optimizer="adamw-8bit"), Run(gpus=3, zero_stage=2), Run(gpus=3, shard="fsdp")]
)
def test_what_a_rule_rounds_is_run_point_by_point(run):
    case = memory_case(case_of(load("gpt2"), run))
    found = sum(Regions(case, PARTS).at({"vocab": np.array([100, 101])}).values())
    assert found.tolist() == [MEMORY.total(case.evaluate_at(vocab=n)) for n in (100, 101)]
