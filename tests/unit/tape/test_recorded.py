"""Bytes and FLOPs that PyTorch took for tiny models of every family, without PyTorch."""

import pytest
from recorded import CELLS, recorded

from gpt2calc.metrics.flops import flops
from gpt2calc.verification.memory_verification import by_the_tape

FOUND = recorded()
KNOWN = [cell for cell in CELLS if cell.key in FOUND]


@pytest.mark.parametrize("cell", KNOWN, ids=lambda cell: cell.key)
def test_what_pytorch_takes_for_a_tiny_model(cell):
    expected, case = FOUND[cell.key].copy(), cell.case
    counted = expected.pop("FLOPs", None)
    if counted is not None:
        assert flops(case.model, case.run).total == counted
    if expected:
        assert by_the_tape(case) == expected


def test_most_families_are_known():
    assert len({cell.family for cell in KNOWN}) > 80
    followed = [
        cell for cell in KNOWN if "forward" in FOUND[cell.key] or "prefill" in FOUND[cell.key]
    ]
    assert len(followed) > 180
