"""A decoder under FSDP2: a unit for each block, and one for what is outside of them.

The units are those of calling ``fully_shard`` on each block and then on the model. Source:
PyTorch, ``torch/distributed/fsdp/_fully_shard/_fsdp_state.py``.
"""

from collections.abc import Sequence

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.blocks.blocks import BlockOutput, BlockPart
from gpt2calc.model.decoders.decoder import Decoder
from gpt2calc.model.names import Names
from gpt2calc.model.part import Leaf
from gpt2calc.tape.elementwise import cast
from gpt2calc.tape.fsdp import FullyShard, Sharding, Unit, on_gradient
from gpt2calc.tape.recorder import module
from gpt2calc.tape.tensor import Parameter, Tensor


class ShardedBlock(BlockPart):
    """A block whose parameters are gathered before each of its passes, and freed after it."""

    role = ""

    def __init__(self, block: BlockPart, unit: Unit, fsdp: FullyShard) -> None:
        self.block = block
        self.unit = unit
        self.fsdp = fsdp
        self.window, self.is_full, self.caches = block.window, block.is_full, block.caches

    def run(self, x: Tensor, context: LayerContext, *, checkpoints: bool) -> BlockOutput:
        """Run the block on (batch, tokens, width).

        Gathering stands outside of the checkpoint: backward gathers once, before it runs the block
        again.
        """
        with module(self.block.role):
            context = self._lowered(context)
            self.fsdp.before_forward(self.unit)
            x = on_gradient(x, lambda: self.fsdp.after_backward(self.unit))
        outcome, probabilities = self.block.run(x, context, checkpoints=checkpoints)
        with module(self.block.role):
            self.fsdp.after_forward(self.unit)
            outcome = on_gradient(outcome, lambda: self.fsdp.before_backward(self.unit))
        return outcome, probabilities

    def _lowered(self, context: LayerContext) -> LayerContext:
        """Cast the tables in the context to ``param_dtype``, as ``cast_forward_inputs`` does."""
        sharding = self.unit.sharding
        if sharding.param_dtype == sharding.dtype:
            return context
        to, rotation = sharding.param_dtype, context.rotation
        return context._replace(
            rotation=None if rotation is None else (cast(rotation[0], to), cast(rotation[1], to)),
            alibi=None if context.alibi is None else cast(context.alibi, to),
        )


def fully_shard(decoder: Decoder, names: Names, sharding: Sharding) -> FullyShard:
    """Shard a decoder's parameters, and replace its blocks by :class:`ShardedBlock`.

    Args:
        decoder: whose blocks are replaced.
        names: the names of its family, which give PyTorch's order of parameters.
        sharding: the number of GPUs, and the dtypes.

    """
    outside = [*decoder.embeddings.leaves(), *decoder.final_norm.leaves(), decoder.head]
    decoder.embeddings.tokens.buffer_dtype = sharding.dtype
    root = Unit(_parameters(outside, names), sharding, is_root=True)
    units = [Unit(_parameters(block.leaves(), names), sharding) for block in decoder.blocks]
    fsdp = FullyShard(root, units)
    decoder.blocks = [
        ShardedBlock(block, unit, fsdp) for block, unit in zip(decoder.blocks, units, strict=True)
    ]
    return fsdp


def _parameters(leaves: Sequence[Leaf], names: Names) -> list[Parameter]:
    """Return the parameters of some parts, in PyTorch's order."""
    ordered = sorted(leaves, key=lambda leaf: names.place(leaf.role))
    return [parameter for leaf in ordered for parameter in leaf.parameters()]
