"""Per-layer embeddings: each layer has a narrow embedding of each token for itself.

Source: transformers, ``models/gemma3n/modeling_gemma3n.py`` and ``models/gemma4/``,
``project_per_layer_inputs`` and ``*DecoderLayer.forward``.
Shapes: B sequences of S tokens of width d; L layers, each with an embedding of width p.
"""

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.blocks.blocks import BlockOutput, BlockPart
from gpt2calc.model.linear import Embedding, Linear
from gpt2calc.model.mlps.mlp import Activation
from gpt2calc.model.part import HiddenToHidden, Part
from gpt2calc.tape.elementwise import add, mul, scale
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import view


class PerLayerEmbeddings(Part[[Tensor, Tensor], Tensor]):
    """The embeddings of all layers, from one table, plus a projection of the usual embedding.

    Args:
        tokens: a row of L p for each token.
        projection: of the usual embedding, d to L p.
        norm: over each layer's p features of the projection.
        depth: L.

    """

    def __init__(
        self, tokens: Embedding, projection: Linear, norm: HiddenToHidden, depth: int
    ) -> None:
        self.tokens = tokens
        self.projection = projection
        self.norm = norm
        self.depth = depth

    def forward(self, ids: Tensor, embedded: Tensor) -> Tensor:
        """Return (B, S, L, p) of ids (B, S) and their usual embedding (B, S, d)."""
        rows = self._by_layer(self.tokens(ids))
        projected = self.norm(self._by_layer(scale(self.projection(embedded))))
        return scale(add(projected, rows))

    def _by_layer(self, x: Tensor) -> Tensor:
        return view(x, *x.shape[:-1], self.depth, -1)


class GatedPerLayerEmbedding(Part[[Tensor, Tensor], Tensor]):
    """What a layer adds: its own embedding times a gate of the hidden states, made wide again."""

    def __init__(self, gate: Linear, activation: str, out: Linear, norm: HiddenToHidden) -> None:
        self.gate = gate
        self.act = Activation(activation)
        self.out = out
        self.norm = norm

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return (B, S, d) of hidden states (B, S, d) and an embedding (B, S, p)."""
        return self.norm(self.out(mul(self.act(self.gate(x)), embedding)))


class BlockWithEmbedding(BlockPart):
    """A block that adds the layer's own embedding at its end."""

    def __init__(self, block: BlockPart, embedding: GatedPerLayerEmbedding) -> None:
        block.role = ""
        self.block = block
        self.embedding = embedding

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (B, S, d)."""
        x, probabilities = self.block(x, context)
        assert context.per_layer is not None
        return add(x, self.embedding(x, context.per_layer)), probabilities
