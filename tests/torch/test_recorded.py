"""What is on record of PyTorch is what PyTorch takes."""

import pytest
from recorded import CELLS, measured, recorded
from strategies import some_or_all

FOUND = recorded()


@pytest.mark.by_turns
@pytest.mark.parametrize(
    "cell",
    some_or_all([cell for cell in CELLS if cell.key in FOUND], 40, thorough=5),
    ids=lambda cell: cell.key,
)
def test_what_is_on_record_is_measured_again(cell):
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert measured(cell.case) == FOUND[cell.key]
