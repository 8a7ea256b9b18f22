"""Attention: queries, keys and values, their rotation, the cache, scores, the output projection.

Shapes: B sequences of S tokens of width d; h heads of width w; g heads of keys and values; K keys.
"""

from typing import NamedTuple

from gpt2calc.model.attention.cache import Cache
from gpt2calc.model.attention.masks import Implementation
from gpt2calc.model.attention.projections import Projection
from gpt2calc.model.attention.rotary import Rotary, Rotation
from gpt2calc.model.attention.scores import Attended, Scores, Sinks
from gpt2calc.model.dropout import Dropout
from gpt2calc.model.linear import Matrix, Scale
from gpt2calc.model.part import HiddenToHidden, Identity, Part
from gpt2calc.tape.elementwise import cast, elementwise, mul, of_output, sub
from gpt2calc.tape.reductions import sum_over
from gpt2calc.tape.tensor import Tensor, empty
from gpt2calc.tape.views import (
    contiguous,
    reshape,
    unsqueeze,
    view,
)


class LayerContext(NamedTuple):
    """What a block is called with beside its hidden states."""

    implementation: Implementation
    mask: Tensor | None
    rotation: Rotation | None
    alibi: Tensor | None
    position_ids: Tensor | None
    """Handed to every block, so that a checkpoint holds it whether it is used or not."""
    cache: Cache | None
    layer: int
    shared: dict[object, tuple[Tensor, Tensor]]
    """Keys and values that later layers take, by the kind of layer that made them."""
    per_layer: Tensor | None = None
    """The layer's own embedding of the tokens, (batch, tokens, per_layer_dim)."""


class Additions(NamedTuple):
    """What a model may have beside plain queries, keys and values."""

    qk_norm: str
    has_rotary: bool
    has_gate: bool
    has_sinks: bool


NO_ADDITIONS = Additions("none", has_rotary=False, has_gate=False, has_sinks=False)


class Attention(Part[[Tensor, LayerContext], Attended]):
    """Queries, keys and values; rotary positions; the cache; scores; the output projection."""

    role = "attention"
    drops_outcome = True
    """Whether attention applies dropout to its output; else the block does."""
    is_gated = False
    """Whether its outcome is multiplied by a gate, which the projection makes after the values."""

    def __init__(
        self,
        projection: Projection,
        rotary: Rotary | None,
        scores: Scores,
        out: Matrix,
        sinks: Sinks | None = None,
    ) -> None:
        self.sinks = sinks
        self.projection = projection
        self.rotary = rotary
        self.scores = scores
        self.lambdas: Lambdas | None = None
        self.sub_norm: HiddenToHidden = Identity()
        self.out = out
        self.dropout = Dropout("attention_dropout")

    @classmethod
    def takes(cls, additions: Additions) -> bool:
        """Tell whether the class does what a model adds to plain queries, keys and values."""
        return True

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Attend from each token of (B, S, d) to itself and those before it."""
        batch, seq, _ = x.shape
        q, k, v, *held = self.projection.forward(x)
        if self.rotary is not None and context.rotation is not None:
            q, k, *_held_too = self.rotary.turn(q, k, context.rotation)
        q = self.turned_query(q, context)
        k = self.turned_key(k)
        if context.cache is not None:
            k, v = context.cache.update(context.layer, k, v)
        output, weights = self.scores(context.implementation, q, k, v, context.mask)
        if self.lambdas is not None:
            second, _ = self.scores(context.implementation, q, k, v, context.mask)
            output = self.lambdas(output, second)
        output = contiguous(reshape(output, batch, seq, -1))
        if self.is_gated:
            output = gated(output, of_output("sigmoid", held[0]))
        output = self.sub_norm(output)
        output = self.out(output)
        if self.drops_outcome:
            output = self.dropout(output)
        return output, weights

    def turned_query(self, q: Tensor, context: LayerContext) -> Tensor:
        """Return rotated queries as they go into the scores."""
        return q

    def turned_key(self, k: Tensor) -> Tensor:
        """Return rotated keys as they go into the cache."""
        return k


class NormedAfterRotation(Attention):
    """Hunyuan's and nanochat's: norms of queries and keys come after their rotation."""

    @classmethod
    def takes(cls, additions: Additions) -> bool:
        """Tell whether queries and keys are normed head by head, and attention has no gate."""
        return additions.qk_norm == "head" and not additions.has_gate

    def turned_query(self, q: Tensor, context: LayerContext) -> Tensor:
        """Return queries after their norm."""
        return self.projection.normed_query(q)

    def turned_key(self, k: Tensor) -> Tensor:
        """Return keys after their norm."""
        return self.projection.normed_key(k)


class QueriesScaledByPosition(Attention):
    """Ministral 3's: queries are scaled by the logarithm of their positions."""

    def turned_query(self, q: Tensor, context: LayerContext) -> Tensor:
        """Return queries times a number for each position."""
        assert context.position_ids is not None
        return mul(q, cast(_logarithmic(context.position_ids), q.dtype))


def _logarithmic(position_ids: Tensor) -> Tensor:
    scaling = elementwise(
        "add", elementwise("mul", elementwise("log", _one_plus_floor(position_ids)))
    )
    return unsqueeze(unsqueeze(scaling, 1), 3)


def _one_plus_floor(position_ids: Tensor) -> Tensor:
    return elementwise("add", elementwise("floor", empty("div", position_ids.shape, "float32")))


class Lambdas(Part[[Tensor, Tensor], Tensor]):
    """DiffLlama's lambda: the share of the second attention's output taken from the first's.

    Args:
        width: of a head.

    """

    def __init__(self, width: int) -> None:
        self.first_query = Scale("lambda_q1", width)
        self.second_query = Scale("lambda_q2", width)
        self.first_key = Scale("lambda_k1", width)
        self.second_key = Scale("lambda_k2", width)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the first output (B, S, h, w), less a share of the second."""
        factors = [
            elementwise("exp", sum_over(query(key.weight), 0))
            for query, key in (
                (self.first_query, self.first_key),
                (self.second_query, self.second_key),
            )
        ]
        return sub(first, mul(second, sub(*factors)))


class DroppedByBlock(Attention):
    """GPT-NeoX's, Phi's and OPT's: the block applies dropout to what attention returns."""

    drops_outcome = False


def gated(output: Tensor, gate: Tensor) -> Tensor:
    """Multiply (B, S, h w) by a gate for each feature, or (B, S, h) for each head."""
    if gate.shape[-1] == output.shape[-1]:
        return mul(output, gate)
    by_head = view(output, *gate.shape, -1)
    return view(mul(by_head, unsqueeze(gate, -1)), *output.shape)
