"""Which layers of a model differ from the others, and where their pattern repeats."""

from math import lcm

from gpt2calc.model.fields.biases import BiasFields


class Layered(BiasFields):
    """A config with what its lists say of each layer, numbered from 0."""

    @property
    def layer_lists(self) -> tuple[tuple[int, ...], ...]:
        """The lists of layers that have other parts than most."""
        full = self.full_layers if self.full_layers_differ else None
        own = (self.indexer_layers, self.attention_layers, self.mlp_layers, self.shared_kv_layers)
        return self.dense_layers, *(listed or () for listed in (*own, full))

    @property
    def full_layers_differ(self) -> bool:
        """Whether layers without a window have other parameters than those with one."""
        without_sinks = self.attention_sinks and not self.full_sinks
        return self.has_full_sizes or self.full_values_are_keys or without_sinks

    @property
    def blocks_differ(self) -> bool:
        """Whether blocks differ in what mixes their tokens, or in the sizes of what does."""
        if self.full_layers_differ or self.shared_kv_layers:
            return True
        return self.has_other_layers and bool(self.attention_layers or self.mlp_layers)

    @property
    def blocks_said(self) -> str:
        """Words for the blocks that a name with ``*`` for the block's number stands for."""
        return "each block that has it" if any(self.layer_lists) else "each of the L blocks"

    @property
    def repetition(self) -> tuple[int, int]:
        """The layer from which on the kinds of layers repeat, and the period in layers."""
        lists: list[tuple[int, ...] | None] = [*self.layer_lists]
        steps = []
        if self.window is not None:
            lists.append(self.full_layers)
            steps.append(self.full_every if self.full_layers is None else None)
        if self.positions == "rotary":
            lists.append(self.no_rope_layers)
            steps.append(self.no_rope_every if self.no_rope_layers is None else None)
        begin = max((layer + 1 for listed in lists for layer in listed or ()), default=0)
        return begin, lcm(*(step for step in steps if step is not None))
