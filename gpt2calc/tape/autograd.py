"""Autograd's graph: what operations record for backward, and what they save.

Source: PyTorch, ``torch/csrc/autograd/function.h``.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias, cast

from gpt2calc.tape.recorder import NEVER, current
from gpt2calc.tape.tensor import (
    GradFn,
    Shape,
    Tensor,
    contiguous_stride,
    empty,
)

Saved: TypeAlias = list[Tensor]
"""The tensors that an operation saved, in its own order."""
Gradients: TypeAlias = list[Tensor]
"""The gradients of an operation's outputs, of those that have one."""
Needed: TypeAlias = list[bool]
"""Whether each input of an operation needs a gradient."""
Backward: TypeAlias = Callable[[Saved, Gradients, Needed], Sequence[Tensor | None]]
"""Makes a gradient for each input."""

SavedTensorsHook: TypeAlias = Callable[[Saved], tuple[Saved, Callable[[], Saved] | None]]
"""Packs saved tensors: returns what is kept of them, and what unpacks them in backward."""


class Edge(NamedTuple):
    """Where the gradient of an input goes: an output of a node, or a leaf."""

    target: "Node | Tensor"
    output_nr: int
    shape: Shape
    dtype: str


class Node(GradFn):
    """An operation that backward has to run, with what it saved."""

    __slots__ = ("__weakref__", "backward", "edges", "module", "saved", "sequence", "unpack")

    def __init__(self, inputs: Sequence[Tensor | None], saved: Saved, backward: Backward) -> None:
        tape = current()
        self.sequence = tape.next_sequence_number()
        self.backward = backward
        self.module = tape.module
        self.unpack: Callable[[], Saved] | None = None
        self.edges = [_edge(tensor) for tensor in inputs]
        kept = [saved_form(tensor) for tensor in saved]
        mark_as_saved(saved)
        hook = cast(SavedTensorsHook | None, tape.saved_tensors_hook)
        if hook is not None and kept:
            kept, self.unpack = hook(kept)
        self.saved = kept


def _edge(tensor: Tensor | None) -> Edge | None:
    if tensor is None or not tensor.requires_grad:
        return None
    target = tensor if tensor.node is None else cast(Node, tensor.node)
    return Edge(target, tensor.output_nr, tensor.shape, tensor.dtype)


def saved_form(tensor: Tensor) -> Tensor:
    """Return a tensor as backward saves it: without its node. Parameters are themselves."""
    return tensor if tensor.storage is None else tensor.detached()


def mark_as_saved(tensors: Sequence[Tensor]) -> None:
    """Note that storages are saved for backward from now on, and by which module."""
    for tensor in tensors:
        lifetime = None if tensor.storage is None else tensor.storage.lifetime
        if lifetime is not None and lifetime.saved_from == NEVER:
            tape = current()
            lifetime.saved_from, lifetime.module = len(tape.events), tape.module


def save_for_backward(
    inputs: Sequence[Tensor | None], saved: Saved, backward: Backward
) -> Node | None:
    """Record an operation; one that saves only inputs does so before its output exists.

    Args:
        inputs: the tensors that may take a gradient; None for one that is left out.
        saved: what backward needs.
        backward: makes a gradient for each input.

    Returns:
        The node for :func:`attach`; None where nothing is recorded.

    """
    if not current().grad_enabled:
        return None
    if not any(tensor is not None and tensor.requires_grad for tensor in inputs):
        return None
    return Node(inputs, saved, backward)


def attach(node: Node | None, *outputs: Tensor) -> None:
    """Make tensors the outputs of a recorded operation."""
    if node is None:
        return
    for index, output in enumerate(outputs):
        output.node = node
        output.output_nr = index
        output.requires_grad = True


def record(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor | None],
    saved: Saved,
    backward: Backward,
) -> None:
    """Record an operation whose outputs exist: one that saves outputs, or nothing."""
    attach(save_for_backward(inputs, saved, backward), *outputs)


def sum_to(gradient: Tensor, shape: Shape) -> Tensor:
    """Sum a gradient over broadcast dimensions, so that it has ``shape``, as ``at::sum_to``."""
    lead = len(gradient.shape) - len(shape)
    kept = tuple(
        1 if dim < lead or shape[dim - lead] == 1 else size
        for dim, size in enumerate(gradient.shape)
    )
    if not lead and kept == gradient.shape:
        return gradient
    return empty("sum", kept, gradient.dtype).like(shape, contiguous_stride(shape))
