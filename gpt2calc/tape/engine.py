"""The backward pass: the order in which nodes run, and gradients are added up and let go of.

It is that of PyTorch's engine. Source: PyTorch, ``torch/csrc/autograd/engine.cpp`` and
``functions/accumulate_grad.h``.
"""

import heapq
from collections.abc import Callable

from gpt2calc.tape.autograd import Edge, Gradients, Node, sum_to
from gpt2calc.tape.recorder import Tape, current
from gpt2calc.tape.tensor import Parameter, Tensor, elementwise_order, empty

OF_LEAVES = 1 << 60
"""The priority of leaves, which accumulate as soon as they can: above that of all nodes."""


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
