"""The embeddings of a decoder, and the head, whose matrix may be the token embedding's."""

from gpt2calc.model.blocks.per_layer import PerLayerEmbeddings
from gpt2calc.model.dropout import Dropout
from gpt2calc.model.linear import Embedding, Linear
from gpt2calc.model.part import HiddenToHidden, Leaf
from gpt2calc.tape.matmul import linear
from gpt2calc.tape.tensor import Parameter, Tensor


class Embeddings(HiddenToHidden):
    """The embeddings of a decoder: of tokens, of positions, and a norm after them."""

    def __init__(
        self,
        tokens: Embedding,
        positions: Embedding | None,
        norm: HiddenToHidden | None,
        project_in: Linear | None = None,
        per_layer: PerLayerEmbeddings | None = None,
        streams: HiddenToHidden | None = None,
    ) -> None:
        self.tokens = tokens
        self.project_in = project_in
        self.positions = positions
        self.norm = norm
        self.per_layer = per_layer
        self.streams = streams
        self.dropout = Dropout("embedding_dropout")

    def forward(self, ids: Tensor) -> Tensor:
        """Look up the rows of (batch, tokens), each as wide as the model."""
        return self.projected(self.tokens(ids))

    def projected(self, embedded: Tensor) -> Tensor:
        """Make embeddings as wide as the model, where they are not."""
        return embedded if self.project_in is None else self.project_in(embedded)


class NormedAndProjected(HiddenToHidden):
    """OPT-350m's: after the last norm, if there is one, down to the width of the embeddings."""

    def __init__(self, norm: HiddenToHidden, project_out: Linear) -> None:
        self.norm = norm
        self.project_out = project_out

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        x = self.norm(x)
        return self.project_out(x)


class Head(Leaf):
    """The output head: a matrix of its own (vocabulary, width), or the token embedding's."""

    role = "head"

    def __init__(
        self, tokens: Embedding, vocab: int, width: int, *, tied: bool, bias: bool
    ) -> None:
        self.tokens = tokens
        if not tied:
            self.weight = Parameter((vocab, width))
        if bias:
            self.bias = Parameter((vocab,))

    def forward(self, x: Tensor) -> Tensor:
        """Score every token of the vocabulary."""
        matrix = self.tokens.weight if self.weight is None else self.weight
        return linear(x, matrix, self.bias)
