"""Latent attention: keys and values are made of a latent, which is cached in their place.

Shapes: B sequences of S tokens of width d; h heads; K keys; a latent of width c, and one of width q
for queries; of a query or key n features without rotary positions and r with them; values of width
v.

Source: DeepSeek-AI 2024, "DeepSeek-V2", section 2.1; transformers, ``models/deepseek_v3``.
"""

from typing import NamedTuple

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.rotary import Rotary
from gpt2calc.model.attention.scores import Attended, Scores
from gpt2calc.model.linear import Linear
from gpt2calc.model.norms import Norm
from gpt2calc.model.part import HiddenToHidden, Part
from gpt2calc.tape.elementwise import cat, of_output
from gpt2calc.tape.matmul import matmul
from gpt2calc.tape.recorder import module, no_grad
from gpt2calc.tape.tensor import Tensor, empty
from gpt2calc.tape.views import (
    contiguous,
    expand,
    reshape,
    split,
    transpose,
    unsqueeze,
    view,
)


class LatentSizes(NamedTuple):
    """The number of heads, and the widths c, n, r and v of latent attention."""

    heads: int
    latent: int
    nope: int
    rope: int
    value: int


class LatentQuery(HiddenToHidden):
    """Makes queries from a latent of their own; without ``down``, from the hidden states."""

    def __init__(self, down: Linear | None, norm: Norm | None, up: Linear) -> None:
        self.down = down
        self.norm = norm
        self.up = up

    def latent(self, x: Tensor) -> Tensor:
        """Return the latent (B, S, q) of (B, S, d)."""
        return x if self.down is None or self.norm is None else self.norm(self.down(x))


class Indexer(Part[[Tensor, Tensor, LayerContext], Tensor]):
    """Scores all tokens cheaply: attention then sees only those with the highest scores.

    Args:
        query: the linear layer from the queries' latent.
        key, weights: the linear layers from the hidden states.
        norm: of the keys.
        width: of a head.

    """

    def __init__(self, query: Linear, key: Linear, norm: Norm, weights: Linear, width: int) -> None:
        self.query = query
        self.key = key
        self.norm = norm
        self.weights = weights
        self.width = width

    def forward(self, x: Tensor, latent: Tensor, context: LayerContext) -> Tensor:
        """Return a score (B, S, 1, K) of each key for each token; no gradient goes through it."""
        with no_grad():
            return self._scored(x, latent, context)

    def _scored(self, x: Tensor, latent: Tensor, context: LayerContext) -> Tensor:
        batch, seq, _ = x.shape
        q = view(self.query(latent), batch, seq, -1, self.width)
        k = unsqueeze(self.norm(self.key(x)), 1)
        if context.cache is not None:
            k = context.cache.join_index(context.layer, k)
        if context.implementation == "flash":
            return self._in_one_kernel(k, self.weights(x))
        with module("index_scores"):
            keys = transpose(k, 2, 3)
            scores = of_output("relu", matmul(transpose(q, 1, 2), keys))
        with module("index_mix"):
            return matmul(unsqueeze(self.weights(x), 2), transpose(scores, 1, 2))

    def _in_one_kernel(self, k: Tensor, weights: Tensor) -> Tensor:
        """Add up the scores of all heads inside a kernel. Source: DeepGEMM, ``fp8_mqa_logits``."""
        batch, seq, _ = weights.shape
        return empty("mqa_logits", (batch, seq, 1, k.shape[2]), "float32")


class LatentAttention(Part[[Tensor, LayerContext], Attended]):
    """DeepSeek's attention by latents; all heads share the rotary part of the keys."""

    role = "attention"

    def __init__(
        self,
        query: LatentQuery,
        down: Linear,
        norm: Norm,
        up: Linear,
        out: Linear,
        *,
        rotary: Rotary | None,
        scores: Scores,
        sizes: LatentSizes,
        indexer: Indexer | None = None,
    ) -> None:
        self.query = query
        self.down = down
        self.norm = norm
        self.up = up
        self.indexer = indexer
        self.out = out
        self.rotary = rotary
        self.scores = scores
        self.sizes = sizes

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Attend from each token of (B, S, d) to itself and those before it."""
        batch, seq, _ = x.shape
        sizes = self.sizes
        of_queries = self.query.latent(x)
        q = transpose(view(self.query.up(of_queries), batch, seq, sizes.heads, -1), 1, 2)
        q_pass, q_turned = split(q, (sizes.nope, sizes.rope))
        compressed = self.down(x)
        latent, k_turned = split(compressed, (sizes.latent, sizes.rope))
        latent = view(self.norm(latent), batch, 1, seq, sizes.latent)
        k_turned = view(contiguous(k_turned), batch, 1, seq, sizes.rope)
        if self.rotary is not None and context.rotation is not None:
            q_turned, k_turned, *_held = self.rotary.turn(q_turned, k_turned, context.rotation)
        # The tokens that the indexer chooses change no shape: transformers masks all others.
        if self.indexer is not None:
            self.indexer(x, of_queries, context)
        if context.cache is not None:
            latent, k_turned = context.cache.update(context.layer, latent, k_turned)
        q = cat((q_pass, q_turned), -1)
        k, v = self._keys_and_values(latent, k_turned)
        output, weights = self.scores(context.implementation, q, k, v, context.mask)
        output = contiguous(reshape(output, batch, seq, -1))
        return self.out(output), weights

    def _keys_and_values(self, latent: Tensor, k_turned: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys (B, h, K, n + r) and values (B, h, K, v) of the latent (B, 1, K, c)."""
        batch, _, kv_len, _ = latent.shape
        sizes = self.sizes
        made = view(self.up(latent), batch, kv_len, sizes.heads, sizes.nope + sizes.value)
        k_pass, v = split(transpose(made, 1, 2), (sizes.nope, sizes.value))
        shared = expand(k_turned, batch, sizes.heads, kv_len, sizes.rope)
        return cat((k_pass, shared), -1), v
