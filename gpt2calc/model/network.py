"""A model as groups of layers that are alike, and the parts before and after the layers."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from gpt2calc.model.attention.rotary import Rotation
from gpt2calc.model.blocks.blocks import BlockPart
from gpt2calc.model.decoders.decoder import Decoder
from gpt2calc.model.decoders.embeddings import Embeddings, Head
from gpt2calc.model.dropout import Dropout
from gpt2calc.model.kinds import LayerKind
from gpt2calc.model.part import HiddenToHidden, Leaf, Part
from gpt2calc.tape.tensor import Tensor

Tables: TypeAlias = Part[[Tensor], Rotation]
MakesDecoder: TypeAlias = Callable[
    [Embeddings, tuple[BlockPart, ...], Tables | None, HiddenToHidden, Head], Decoder
]


class LayerGroup(NamedTuple):
    """Layers that are alike."""

    build: Callable[[], BlockPart]
    """Makes one of them, with parameters of its own."""
    kind: LayerKind
    number: int
    """How many there are."""
    layers: tuple[int, ...] | None = None
    """Their places, from 0; None for all that are in no other group."""


class Network(NamedTuple):
    """The parts of a model. Sizes may be symbols or arrays, until the model is run."""

    embeddings: Embeddings
    groups: tuple[LayerGroup, ...]
    final_norm: HiddenToHidden
    head: Head
    tables: Tables | None
    decoder: MakesDecoder
    """Makes the decoder, which runs on the tape, of the parts."""

    def leaves(self) -> list[tuple[Leaf, int]]:
        """Return each part that holds parameters, with the number of its copies."""
        found = [(leaf, 1) for leaf in self.embeddings.leaves()]
        for group in self.groups:
            number = group.number
            found += [(leaf, number) for leaf in group.build().leaves()]
        found += [(leaf, 1) for leaf in self.final_norm.leaves()]
        found.append((self.head, 1))
        return found

    def one_of_each(self) -> tuple[BlockPart, ...]:
        """Return a layer of each group."""
        return tuple(group.build() for group in self.groups)

    def layers_of_groups(self) -> list[tuple[int, ...]]:
        """Return the places of the layers of each group, from 0."""
        listed = {layer for group in self.groups for layer in group.layers or ()}
        depth = sum(group.number for group in self.groups)
        rest = tuple(layer for layer in range(depth) if layer not in listed)
        return [rest if group.layers is None else group.layers for group in self.groups]

    def all_layers(self) -> tuple[BlockPart, ...]:
        """Return every layer, in order."""
        places = zip(self.groups, self.layers_of_groups(), strict=True)
        by_layer = {layer: group for group, layers in places for layer in layers}
        return tuple(group.build() for _, group in sorted(by_layer.items()))

    def runnable(
        self,
        blocks: Iterable[BlockPart],
        dtype: str = "float32",
        *,
        dropout: Collection[str] = (),
    ) -> Decoder:
        """Return a decoder that runs on the tape.

        Args:
            blocks: in order.
            dtype: of the weights.
            dropout: the roles of the dropouts that are on.

        """
        blocks = tuple(blocks)
        leaves = [*self.embeddings.leaves(), *self.final_norm.leaves(), self.head]
        for number, block in enumerate(blocks):
            block.role = f"block.{number}"
            leaves += block.leaves()
            for each in dropouts(block):
                each.is_on = each.role in dropout
        self.embeddings.dropout.is_on = "embedding_dropout" in dropout
        for leaf in leaves:
            leaf.to(dtype)
        return self.decoder(self.embeddings, blocks, self.tables, self.final_norm, self.head)


def dropouts(part: object) -> Iterator[Dropout]:
    """Yield every dropout in a part, at any depth."""
    for inner in vars(part).values():
        if isinstance(inner, Dropout):
            yield inner
        elif hasattr(inner, "__dict__") and not isinstance(inner, type):
            yield from dropouts(inner)
