"""Gemma 3n's block: AltUp, several residual streams, and LAuReL, a low-rank residual.

A block predicts all streams from one another, works on the first of them alone, and corrects the
others by what came of it. Source: Baykal et al. 2023, "Alternating Updates for Efficient
Transformers"; transformers, ``models/gemma3n/modeling_gemma3n.py``.
Shapes: a streams, B sequences of S tokens of width d.
"""

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.scores import Attended
from gpt2calc.model.blocks.blocks import Block, BlockOutput
from gpt2calc.model.blocks.per_layer import GatedPerLayerEmbedding
from gpt2calc.model.linear import Linear, Scale
from gpt2calc.model.part import HiddenToHidden, Leaf, Part
from gpt2calc.tape.elementwise import add, add_scalar, cast, cat, mul, of_output, scale, sub
from gpt2calc.tape.matmul import bmm, matmul
from gpt2calc.tape.recorder import module
from gpt2calc.tape.reductions import sum_over
from gpt2calc.tape.tensor import Parameter, Tensor
from gpt2calc.tape.views import contiguous, expand, narrow, reshape, select, transpose, unsqueeze


class AltUp(HiddenToHidden):
    """AltUp (alternating updates): predicts the streams before a block and corrects them after it.

    Args:
        width: d.
        streams: a.
        norm: of the router's input.

    """

    def __init__(self, width: int, streams: int, norm: HiddenToHidden) -> None:
        self.output_scale = Scale("altup_scale", width)
        self.correction = Linear("altup_correction", streams, streams)
        self.prediction = Linear("altup_prediction", streams, streams * streams)
        self.router = Linear("altup_router", width, streams)
        self.norm = norm
        self.streams = streams

    def modalities(self, x: Tensor) -> Tensor:
        """Return the router's score of each stream (B, S, a) for hidden states (B, S, d)."""
        routed = self.router(scale(self.norm(x)))
        return cast(of_output("tanh", cast(routed, "float32")), x.dtype)

    def predict(self, streams: Tensor) -> Tensor:
        """Predict all streams (a, B, S, d) from one another."""
        coefficients = self.prediction(self.modalities(select(streams, 0)))
        batch, seq, _ = coefficients.shape
        square = transpose(reshape(coefficients, batch, seq, self.streams, self.streams), 2, 3)
        last = transpose(transpose(transpose(streams, 0, 1), 1, 2), 2, 3)
        with module("altup_mix"):
            predicted = matmul(last, square)
        first = transpose(transpose(transpose(predicted, 2, 3), 1, 2), 0, 1)
        return contiguous(add(first, streams))

    def correct(self, predicted: Tensor, activated: Tensor) -> Tensor:
        """Correct the streams (a, B, S, d) by what the block made of the first one (B, S, d)."""
        coefficients = add_scalar(self.correction(self.modalities(activated)))
        innovation = sub(activated, select(predicted, 0))
        first = unsqueeze(transpose(transpose(coefficients, 1, 2), 0, 1), -1)
        return contiguous(add(mul(innovation, first), predicted))


class Laurel(HiddenToHidden):
    """LAuReL (learned augmented residual layer): a residual of low rank beside attention."""

    def __init__(self, down: Linear, up: Linear, norm: HiddenToHidden) -> None:
        self.down = down
        self.up = up
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + norm(up(down(x)))``, (B, S, d)."""
        return add(x, self.norm(self.up(self.down(x))))


class Gemma3nBlock(Block):
    """Gemma 3n's decoder layer, with AltUp, LAuReL and an embedding of its own where given.

    Args:
        attention: the attention.
        mlp: the MLP, or experts.
        norm1, norm2: before attention and before the MLP.
        post_norm1, post_norm2: after them.
        altup: or None for one stream.
        laurel: or None.
        embedding: the layer's own embedding, or None.

    """

    def __init__(
        self,
        attention: Part[[Tensor, LayerContext], Attended],
        mlp: HiddenToHidden,
        *,
        norm1: HiddenToHidden,
        norm2: HiddenToHidden,
        post_norm1: HiddenToHidden,
        post_norm2: HiddenToHidden,
        altup: AltUp | None,
        laurel: Laurel | None,
        embedding: GatedPerLayerEmbedding | None,
    ) -> None:
        super().__init__(
            attention, mlp, norm1=norm1, norm2=norm2, post_norm1=post_norm1, post_norm2=post_norm2
        )
        self.altup = altup
        self.laurel = laurel
        self.embedding = embedding

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (a, B, S, d), or on (B, S, d) where there is one stream."""
        if self.altup is None:
            x = self._activated(x, context)
            return (x if self.embedding is None else add(x, self._embedded(x, context))), None
        predicted = self.altup.predict(x)
        activated = self._activated(select(predicted, 0), context)
        corrected = self.altup.correct(predicted, activated)
        if self.embedding is None:
            return corrected, None
        first = self.altup.output_scale(select(corrected, 0))
        return add(corrected, self._embedded(first, context)), None

    def _activated(self, x: Tensor, context: LayerContext) -> Tensor:
        normed = self.norm1(x)
        attended, _probabilities = self.attention(normed, context)
        x = add(x, self.post_norm1(attended))
        if self.laurel is not None:
            x = scale(add(x, self.laurel(normed)))
        return add(x, self.post_norm2(self.mlp(self.norm2(x))))

    def _embedded(self, x: Tensor, context: LayerContext) -> Tensor:
        if self.embedding is None or context.per_layer is None:
            return x
        return self.embedding(x, context.per_layer)


class StreamMatrices(Leaf):
    """A matrix (d, d) for each stream but the first."""

    weight: Parameter

    def __init__(self, role: str, width: int, streams: int) -> None:
        self.role = role
        self.weight = Parameter((streams - 1, width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply each of (a - 1, B, S, d) by its matrix."""
        others, batch, seq, width = x.shape
        rows = reshape(x, others, batch * seq, width)
        return reshape(bmm(rows, transpose(self.weight, 1, 2)), others, batch, seq, width)


class Streams(HiddenToHidden):
    """Makes AltUp's residual streams of the embeddings.

    Args:
        width: d.
        streams: a.

    """

    def __init__(self, width: int, streams: int) -> None:
        self.projections = StreamMatrices("altup_in", width, streams)
        self.streams = streams

    def forward(self, x: Tensor) -> Tensor:
        """Return (a, B, S, d) of embeddings (B, S, d)."""
        others = self.projections(expand(unsqueeze(x, 0), self.streams - 1, *x.shape))
        return cat((unsqueeze(x, 0), scale(others)), 0)


class OneOfStreams(HiddenToHidden):
    """Makes one tensor of AltUp's streams after the last block, and norms it."""

    def __init__(self, width: int, streams: int, norm: HiddenToHidden) -> None:
        self.norm = norm
        self.projections = StreamMatrices("altup_out", width, streams)
        self.streams = streams

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, S, d) of streams (a, B, S, d)."""
        others = scale(self.projections(narrow(x, 0, self.streams - 1)))
        return self.norm(scale(sum_over(cat((narrow(x, 0, 1), others), 0), 0)))
