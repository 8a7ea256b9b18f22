"""Autograd: what operations save for backward, and the backward pass itself.

The order in which backward runs, adds up and lets go of gradients is that of PyTorch's engine.
Source: PyTorch, ``torch/csrc/autograd/engine.cpp`` and ``function.h``.
"""

import heapq
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias, cast

from gpt2calc.tape.recorder import NEVER, Tape, current
from gpt2calc.tape.tensor import (
    GradFn,
    Parameter,
    Shape,
    Tensor,
    contiguous_stride,
    elementwise_order,
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

OF_LEAVES = 1 << 60
"""The priority of leaves, which accumulate as soon as they can: above that of all nodes."""


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


class _Ready:
    """Nodes and leaves whose gradients are complete: leaves in order, then the newest nodes."""

    def __init__(self, tape: Tape, root: Node) -> None:
        self.tape = tape
        self.heap: list[tuple[int, int, Node | Tensor]] = []
        self.missing = _gradients_to_come(root)
        self.push(root)

    def push(self, target: Node | Tensor) -> None:
        number = self.tape.next_sequence_number()
        priority = OF_LEAVES if isinstance(target, Tensor) else target.sequence
        heapq.heappush(self.heap, (-priority, number, target))

    def pop(self) -> Node | Tensor:
        return heapq.heappop(self.heap)[-1]


def _gradients_to_come(root: Node) -> dict[Node | Tensor, int]:
    """Return how many gradients each node and leaf waits for."""
    count: dict[Node | Tensor, int] = {}
    seen, to_visit = {root}, [root]
    while to_visit:
        for edge in to_visit.pop().edges:
            if edge is None:
                continue
            target = edge.target
            count[target] = count.get(target, 0) + 1
            if isinstance(target, Node) and target not in seen:
                seen.add(target)
                to_visit.append(target)
    return count


def backward(loss: Tensor, at_the_end: Callable[[], None] | None = None) -> None:
    """Run backward from a scalar, as ``loss.backward()``: leaves get their gradients.

    Args:
        loss: the scalar.
        at_the_end: called when all gradients are there, as a callback queued in the engine.

    A tensor that is held here longer than PyTorch's engine holds it would change the bytes of the
    run, so every name is cleared as soon as the engine drops the tensor.
    """
    tape, root = current(), loss.node
    if not isinstance(root, Node):
        raise ValueError("backward of a tensor that no recorded operation made")
    before = tape.grad_enabled, tape.phase, tape.module
    tape.grad_enabled, tape.phase = False, "backward"
    ones = empty("ones_like", loss.shape, loss.dtype)  # held by the caller's frame to the end
    buffers: dict[Node | Tensor, list[Tensor | None]] = {root: [ones]}
    ready = _Ready(tape, root)
    target: Node | Tensor | None
    edge: Edge | None
    while ready.heap:
        target = ready.pop()
        received = [gradient for gradient in buffers.pop(target) if gradient is not None]
        if isinstance(target, Tensor):
            _accumulate(target, received)
            target = received = None  # type: ignore[assignment]
            continue
        tape.module = target.module
        produced = _run(target, received)
        received = None  # type: ignore[assignment]
        edges = target.edges
        target.saved, target.unpack = [], None
        target = None
        for index, edge in enumerate(edges):
            if edge is None:
                continue
            if produced[index] is not None:
                _add_to(buffers.setdefault(edge.target, []), edge.output_nr, produced, index)
            ready.missing[edge.target] -= 1
            if ready.missing[edge.target] == 0:
                buffers.setdefault(edge.target, [])
                ready.push(edge.target)
        produced, edges, edge = [], [], None
    if at_the_end is not None:
        tape.module = ()
        at_the_end()
    tape.grad_enabled, tape.phase, tape.module = before


def _add_to(
    buffer: list[Tensor | None], output: int, produced: list[Tensor | None], index: int
) -> None:
    """Hand one gradient on; a second one is added out of place.

    An addend stays with the node's other gradients until all of them are handed on.
    """
    while len(buffer) <= output:
        buffer.append(None)
    earlier, gradient = buffer[output], produced[index]
    if earlier is None:
        buffer[output], produced[index] = gradient, None
        return
    assert gradient is not None
    buffer[output] = None
    buffer[output] = _sum(earlier, gradient)


def _sum(one: Tensor, other: Tensor) -> Tensor:
    shape = one.shape
    return empty("add", shape, one.dtype, elementwise_order((one, other), shape))


def _run(node: Node, gradients: Gradients) -> list[Tensor | None]:
    saved = node.unpack() if node.unpack is not None else node.saved
    needed = [edge is not None for edge in node.edges]
    made = node.backward(saved, gradients, needed)
    produced: list[Tensor | None] = list(made)
    made = saved = None  # type: ignore[assignment]
    for index, edge in enumerate(node.edges):
        if edge is None:
            produced[index] = None
            continue
        gradient = produced[index]
        if gradient is None:
            continue
        if gradient.shape != edge.shape:
            gradient = produced[index] = sum_to(gradient, edge.shape)
        if gradient.dtype != edge.dtype:
            produced[index] = _cast(gradient, edge.dtype)
    return produced


def _cast(gradient: Tensor, dtype: str) -> Tensor:
    order = elementwise_order((gradient,), gradient.shape)
    return empty("_to_copy", gradient.shape, dtype, order)


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


def _accumulate(leaf: Tensor, received: Gradients) -> None:
    gradient = received.pop()
    if leaf.grad is not None:
        return  # the gradient is added to it in place
    if not _is_laid_out_alike(gradient, leaf):
        gradient = empty("clone", gradient.shape, gradient.dtype)
    leaf.grad = gradient
    if gradient.storage is None:
        return
    if isinstance(leaf, Parameter) and leaf.is_gathered:
        gradient.storage.becomes_whole_gradient()
    else:
        gradient.storage.becomes_gradient()


def _is_laid_out_alike(gradient: Tensor, leaf: Tensor) -> bool:
    """Compare strides of all dimensions longer than 1, as ``obeys_layout_contract``."""
    strides = zip(leaf.shape, gradient.stride, leaf.stride, strict=True)
    return all(size == 1 or one == other for size, one, other in strides)
