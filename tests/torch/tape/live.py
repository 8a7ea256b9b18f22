"""What PyTorch allocates on a CPU, and which version's bytes the tape has."""

import pytest

__all__ = ["Allocation", "Live", "flop_counter", "pinned", "torch", "torch_checkpoint"]

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.utils import checkpoint as torch_checkpoint  # noqa: E402
from torch.utils import flop_counter  # noqa: E402

from gpt2calc.verification.live import Allocation, Live  # noqa: E402

MEASURED = "2.13"
"""The version of PyTorch whose bytes the tape reproduces; another one may allocate otherwise."""

pinned = pytest.mark.skipif(
    not torch.__version__.startswith(MEASURED),
    reason=f"the tape has the bytes of torch {MEASURED}, this is {torch.__version__}",
)
