"""Blocks (decoder layers): attention and an MLP, with their norms and the residual stream."""

from typing import TypeAlias

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.scores import Attended
from gpt2calc.model.dropout import Dropout
from gpt2calc.model.mlps.mixtures import MLPBesideExperts
from gpt2calc.model.mlps.mlp import MLP
from gpt2calc.model.part import HiddenToHidden, Identity, Part
from gpt2calc.tape.checkpoint import checkpoint
from gpt2calc.tape.elementwise import add, scale
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import reshape, view

BlockOutput: TypeAlias = tuple[Tensor, Tensor | None]
"""Hidden states, and the probabilities where the loop over blocks holds them into the next one."""


class BlockPart(Part[[Tensor, LayerContext], BlockOutput]):
    """Base class of all blocks."""

    role = "block"
    window: int | None = None
    """Tokens that a query can see; None for all before it."""
    is_full: bool = False
    """Whether its heads have the sizes of layers without a window, where these have their own."""
    caches: bool = True
    """Whether it caches keys and values, where it has attention."""

    def run(self, x: Tensor, context: LayerContext, *, checkpoints: bool) -> BlockOutput:
        """Run the block on (batch, tokens, width), and again in backward if it is checkpointed."""
        if checkpoints:
            return checkpoint(lambda x: self(x, context), x)
        return self(x, context)


class Block(BlockPart):
    """Llama's block: norms before attention and MLP, after them, or both.

    Args:
        attention: the attention.
        mlp: the MLP, or experts.
        norm1, norm2: before attention and before the MLP.
        post_norm1, post_norm2: after them.
        residual_is_scaled: whether what is added to the stream is multiplied by a number (Granite).

    """

    def __init__(
        self,
        attention: Part[[Tensor, LayerContext], Attended],
        mlp: HiddenToHidden,
        *,
        norm1: HiddenToHidden | None = None,
        norm2: HiddenToHidden | None = None,
        post_norm1: HiddenToHidden | None = None,
        post_norm2: HiddenToHidden | None = None,
        residual_is_scaled: bool = False,
    ) -> None:
        self.norm1 = norm1 or Identity()
        self.attention = attention
        self.post_norm1 = post_norm1 or Identity()
        self.norm2 = norm2 or Identity()
        self.mlp = mlp
        self.post_norm2 = post_norm2 or Identity()
        self.residual_is_scaled = residual_is_scaled
        self.attention_dropout = Dropout("attention_dropout")
        self.mlp_dropout = Dropout("mlp_dropout")
        self.residual_dropout = Dropout("residual_dropout")

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x = self.norm1(x)
        x, _probabilities = self.attention(x, context)
        x = self.post_norm1(x)
        x = add(residual, self._scaled(x))
        residual = x
        x = self.norm2(x)
        x = self.mlp(x)
        x = self.post_norm2(x)
        x = add(residual, self._scaled(x))
        return x, None

    def _scaled(self, x: Tensor) -> Tensor:
        return scale(x) if self.residual_is_scaled else x


class MixerBlock(BlockPart):
    """Mamba's and Nemotron-H's: attention, or what stands in its place, without an MLP."""

    def __init__(self, norm: HiddenToHidden, mixer: Part[[Tensor, LayerContext], Attended]) -> None:
        self.norm = norm
        self.mixer = mixer

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        mixed, _probabilities = self.mixer(self.norm(x), context)
        return add(x, mixed), None


class MLPBlock(BlockPart):
    """Nemotron-H's: an MLP, or experts, without attention or what stands in its place."""

    def __init__(self, norm: HiddenToHidden, mlp: HiddenToHidden) -> None:
        self.norm = norm
        self.mlp = mlp

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        return add(x, self.mlp(self.norm(x))), None


class GPT2Block(Block):
    """GPT-2's: attention's outcome has a name of its own, and so lives through the MLP."""

    returns_probabilities = False

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x = self.norm1(x)
        attended, probabilities = self.attention(x, context)
        x = add(attended, residual)
        residual = x
        x = self.norm2(x)
        hidden = self.mlp(x)
        x = add(residual, hidden)
        return x, probabilities if self.returns_probabilities else None


class GPTNeoBlock(GPT2Block):
    """GPT-Neo's: the loop over the blocks holds the probabilities."""

    returns_probabilities = True


class GPTBlock(Block):
    """The first GPT's: a norm of each sum."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        attended, _probabilities = self.attention(x, context)
        normed = self.post_norm1(add(x, attended))
        hidden = self.mlp(normed)
        return self.post_norm2(add(normed, hidden)), _probabilities


class Phi3Block(Block):
    """Phi-3's: the block applies dropout to what it adds."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x = self.norm1(x)
        x, _probabilities = self.attention(x, context)
        x = add(residual, self.attention_dropout(x))
        residual = x
        x = self.norm2(x)
        x = self.mlp(x)
        x = add(residual, self.mlp_dropout(x))
        return x, None


class OPTBlock(Block):
    """OPT's: the MLP sees all tokens as rows; norms before or after."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        if not isinstance(self.mlp, MLP):
            return super().forward(x, context)
        residual = x
        x = self.norm1(x)
        x, _probabilities = self.attention(x, context)
        x = self.attention_dropout(x)
        x = add(residual, x)
        x = self.post_norm1(x)
        shape = x.shape
        x = reshape(x, -1, shape[-1])
        residual = x
        x = self.norm2(x)
        x = self.mlp.up(x)  # written out here, where each name lets go of the last
        x = self.mlp.act(x)
        x = self.mlp.down(x)
        x = self.mlp.dropout(x)
        x = view(add(residual, x), *shape)
        x = self.post_norm2(x)
        return x, None


class Gemma4Block(Block):
    """Gemma 4's: the experts see the residual stream, and the MLP what is normed of it."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x, _probabilities = self.attention(self.norm1(x), context)
        x = add(residual, self.post_norm1(x))
        residual = x
        normed = self.norm2(x)
        if isinstance(self.mlp, MLPBesideExperts):
            x = self.mlp.forward(normed, residual)
        else:
            x = self.mlp(normed)
        return scale(add(residual, self.post_norm2(x))), None
