"""Tensors of the tape, and what a run on it did, for tests that have no PyTorch beside it."""

from gpt2calc.tape.engine import backward
from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.tensor import Tensor, empty


def made(*shape: int, dtype: str = "float32", requires_grad: bool = True) -> Tensor:
    """A tensor with bytes of its own; a leaf that takes a gradient, if it is not told otherwise."""
    tensor = empty("made", shape, dtype)
    tensor.requires_grad = requires_grad
    return tensor


def constant(*shape: int, dtype: str = "float32") -> Tensor:
    return made(*shape, dtype=dtype, requires_grad=False)


def born(tape: Tape, phase: str = "forward") -> list[tuple[str, int]]:
    """What the operations of a phase allocated, in order, without the tensors that were given."""
    return [(e.op, e.born) for e in tape.events if e.phase == phase and e.op != "made"]


def born_in_backward(tape: Tape, outcome: Tensor) -> list[tuple[str, int]]:
    """Run backward, and return what its operations allocated after the first gradient of ones."""
    backward(outcome)
    first, *others = born(tape, "backward")
    assert first[0] == "ones_like"
    return others
