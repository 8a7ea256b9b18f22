"""FSDP2: each GPU holds a shard of every parameter, and gathers the rest for as long as it needs.

Parameters belong to units: one for each block, and a root for all others. A block is gathered
before its forward pass and again before its backward pass, and freed after each; the root stays
gathered from forward to backward. The gradients of a unit are reduced and scattered as soon as all
of them are there. Source: PyTorch, ``torch/distributed/fsdp/_fully_shard``,
``_fsdp_param_group.py`` and ``_fsdp_collectives.py``.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gpt2calc.tape.autograd import Gradients, Needed, Saved, record
from gpt2calc.tape.recorder import module
from gpt2calc.tape.tensor import Parameter, Spec, Tensor, empty, empty_several

UNSHARD, REDUCE = "unshard", "reduce"
"""The modules under which the events of gathering and of scattering are recorded."""


class Sharding(NamedTuple):
    """How parameters are shared out."""

    world: int
    """GPUs."""
    dtype: str
    """Of the shards and of their gradients."""
    param_dtype: str
    """In which parameters are gathered, and gradients are made."""
    reduce_dtype: str
    """In which gradients are scattered and added up."""


class Unit:
    """Parameters that are gathered together; on the GPU whose shards are the largest.

    Args:
        parameters: in PyTorch's order.
        sharding: how they are shared out.
        is_root: whether they are those outside of all blocks, which stay gathered after forward.

    """

    def __init__(
        self, parameters: Sequence[Parameter], sharding: Sharding, *, is_root: bool = False
    ) -> None:
        self.parameters = parameters
        self.sharding = sharding
        self.is_root = is_root
        self.shards = [
            Parameter((-(-each.shape[0] // sharding.world), *each.shape[1:]), sharding.dtype)
            for each in parameters
        ]
        """A part of the rows of each; PyTorch pads those of the last GPUs."""
        for each in parameters:
            each.is_gathered = True
        self.received: Tensor | None = None
        """The shards of all GPUs, in a row, until they are copied out."""
        self.gathered: list[Tensor] = []

    @property
    def numel(self) -> int:
        """Elements of this GPU's shards, padding included."""
        return sum(each.numel for each in self.shards)

    def gather(self) -> None:
        """All-gather the shards of all GPUs, if that has not been done."""
        if self.gathered or self.received is not None:
            return
        world, dtype = self.sharding.world, self.sharding.param_dtype
        is_cast = dtype != self.sharding.dtype
        cast = empty("_foreach_copy", (self.numel,), dtype) if is_cast else None
        self.received = empty("all_gather", (world * self.numel,), dtype)
        del cast

    def copy_out(self) -> None:
        """Copy whole parameters out of what was received."""
        world, dtype = self.sharding.world, self.sharding.param_dtype
        whole = [Spec((world * shard.numel,), dtype) for shard in self.shards]
        self.gathered = empty_several("split_with_sizes_copy", *whole)

    def reduce(self) -> Tensor:
        """Reduce-scatter the gradients; return its input, which lives until the next unit's."""
        world, dtype = self.sharding.world, self.sharding.reduce_dtype
        had = [each for each in self.parameters if each.grad is not None]
        gradients = [each.grad for each in had]
        last = gradients[-1]  # which a loop's variable holds
        for each in had:
            each.grad = None
        self.gathered = []
        sent = empty("reduce_scatter_input", (world * self.numel,), dtype)
        gradients.clear()
        shard = empty("reduce_scatter", (self.numel,), dtype)
        if dtype != self.sharding.dtype:
            shard = empty("_to_copy", (self.numel,), self.sharding.dtype)
        self._add(shard)
        del last
        return sent

    def _add(self, gradient: Tensor) -> None:
        """Give the shards their gradients, or add them to those of batches before."""
        if self.shards[0].grad is not None:
            return
        assert gradient.storage is not None
        gradient.storage.becomes_gradient()
        for each in self.shards:
            each.grad = Tensor(each.shape, each.dtype, gradient.storage)


class FullyShard:
    """The units of a model, and the buffers of communication in flight.

    Args:
        root: the parameters outside of all blocks.
        blocks: those of each block, in order.

    """

    def __init__(self, root: Unit, blocks: Sequence[Unit]) -> None:
        self.root = root
        self.blocks = blocks
        self._received: Tensor | None = None
        """What was received last in forward: it stays until the next unit's is copied out."""
        self._sent: Tensor | None = None
        """The gradients that were sent last."""

    @property
    def units(self) -> list[Unit]:
        """All of them, the root first."""
        return [self.root, *self.blocks]

    @property
    def shards(self) -> list[Parameter]:
        """What this GPU holds of every parameter."""
        return [shard for unit in self.units for shard in unit.shards]

    def before_forward(self, unit: Unit) -> None:
        """Gather a unit."""
        with module(UNSHARD):
            unit.gather()
            if unit.received is not None:
                unit.copy_out()
                self._received, unit.received = unit.received, None

    def after_forward(self, unit: Unit) -> None:
        """Free a block; after the root, which is the last, free what was received."""
        if unit.is_root:
            self._received = None
        else:
            unit.gathered = []

    def before_backward(self, unit: Unit) -> None:
        """Gather a unit, and prefetch the one that comes next."""
        with module(UNSHARD):
            unit.gather()
            if unit.received is not None:
                unit.copy_out()
                unit.received = None
            following = self._next_in_backward(unit)
            if following is not None:
                following.gather()

    def _next_in_backward(self, unit: Unit) -> Unit | None:
        place = len(self.blocks) if unit.is_root else self.blocks.index(unit)
        return self.blocks[place - 1] if place > 0 else None

    def after_backward(self, unit: Unit) -> None:
        """Scatter a unit's gradients."""
        with module(REDUCE):
            self._sent = None
            self._sent = unit.reduce()

    def end(self) -> None:
        """Scatter the root's gradients, and free what was sent."""
        self.after_backward(self.root)
        self._sent = None


def on_gradient(x: Tensor, event: Callable[[], None]) -> Tensor:
    """Return ``x``; once its gradient is complete, ``event`` is called before backward goes on."""
    output = x.detached()

    def back(_: Saved, gradients: Gradients, __: Needed) -> Gradients:
        event()
        return gradients

    record([output], [x], [], back)
    return output
