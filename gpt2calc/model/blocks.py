"""Blocks: attention and an MLP, and where norms and the residual stream stand about them."""

from typing import TypeAlias

from gpt2calc.model.attention import Attended, LayerContext
from gpt2calc.model.attention_variants import BloomAttention, MPTAttention, add_residual
from gpt2calc.model.linear import Conv1D, Linear
from gpt2calc.model.mlp import MLP, Activation, Dropout
from gpt2calc.model.part import Identity, Part
from gpt2calc.tape.elementwise import add, scale
from gpt2calc.tape.inplace import add_
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import reshape, view

Layer: TypeAlias = Part[[Tensor], Tensor]
"""A part that makes hidden states of hidden states: a norm, an MLP."""
BlockOutput: TypeAlias = tuple[Tensor, Tensor | None]
"""Hidden states, and the probabilities where the loop over blocks holds them into the next one."""


class Block(Part[[Tensor, LayerContext], BlockOutput]):
    """Llama's block: norms before attention and MLP, after them, or both.

    Args:
        attention: the attention.
        mlp: the MLP, or experts.
        norm1, norm2: before attention and before the MLP.
        post_norm1, post_norm2: after them.
        residual_is_scaled: whether what is added to the stream is multiplied by a number (Granite).

    """

    role = "block"

    def __init__(
        self,
        attention: Part[[Tensor, LayerContext], Attended],
        mlp: Layer,
        *,
        norm1: Layer | None = None,
        norm2: Layer | None = None,
        post_norm1: Layer | None = None,
        post_norm2: Layer | None = None,
        residual_is_scaled: bool = False,
    ) -> None:
        self.norm1 = norm1 or Identity()
        self.attention = attention
        self.post_norm1 = post_norm1 or Identity()
        self.norm2 = norm2 or Identity()
        self.mlp = mlp
        self.post_norm2 = post_norm2 or Identity()
        self.residual_is_scaled = residual_is_scaled

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


class ParallelBlock(Block):
    """GPT-J's and Phi's: attention and the MLP share a norm, and are added at once."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x = self.norm1(x)
        attended, _probabilities = self.attention(x, context)
        hidden = self.mlp(x)
        return self._sum(attended, hidden, residual), None

    def _sum(self, attended: Tensor, hidden: Tensor, residual: Tensor) -> Tensor:
        return add(add(attended, hidden), residual)


class CohereBlock(ParallelBlock):
    """Cohere's: the residual is added first."""

    def _sum(self, attended: Tensor, hidden: Tensor, residual: Tensor) -> Tensor:
        return add(add(residual, attended), hidden)


class NeoXBlock(Block):
    """GPT-NeoX's: in parallel with two norms, or one after the other."""

    is_parallel = True

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        attended, _probabilities = self.attention(self.norm1(x), context)
        if self.is_parallel:
            hidden = self.mlp(self.norm2(x))
            x = add(add(hidden, attended), x)
        else:
            attended = add(attended, x)
            hidden = self.mlp(self.norm2(attended))
            x = add(hidden, attended)
        return x, None


class StableLMBlock(Block):
    """StableLM's with two norms: attention's outcome keeps its name."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x = self.norm1(x)
        attended, _probabilities = self.attention(x, context)
        residual = add(residual, attended)
        hidden = self.mlp(self.norm2(residual))
        x = add(residual, hidden)
        return x, None


class StableLMParallelBlock(Block):
    """StableLM's with one norm for both."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x = self.norm1(x)
        attended, _probabilities = self.attention(x, context)
        hidden = self.mlp(x)
        x = add(add(residual, attended), hidden)
        return x, None


class OPTBlock(Block):
    """OPT's: the MLP sees all tokens as rows; norms before or after."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x = self.norm1(x)
        x, _probabilities = self.attention(x, context)
        x = add(residual, x)
        x = self.post_norm1(x)
        shape = x.shape
        x = reshape(x, -1, shape[-1])
        residual = x
        x = self.norm2(x)
        if isinstance(self.mlp, MLP):  # written out here, where each name lets go of the last
            x = self.mlp.up(x)
            x = self.mlp.act(x)
            x = self.mlp.down(x)
            x = self.mlp.dropout(x)
        else:
            x = self.mlp(x)
        x = view(add(residual, x), *shape)
        x = self.post_norm2(x)
        return x, None


class BloomMLP(Part[[Tensor, Tensor], Tensor]):
    """BLOOM's and MPT's MLP, which adds the residual itself."""

    def __init__(self, up: Linear | Conv1D, down: Linear | Conv1D, activation: str) -> None:
        self.up = up
        self.act = Activation(activation)
        self.down = down
        self.dropout = Dropout("mlp_dropout")

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """Apply to (batch, tokens, width), and add ``residual``."""
        x = self.act(self.up(x))
        output = self.down(x)
        return add_residual(self.dropout(output), residual)


class MPTMLP(BloomMLP):
    """MPT's: the sum takes the place of the outcome."""

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """Apply to (batch, tokens, width), and add ``residual``."""
        x = self.act(self.up(x))
        hidden = self.down(x)
        output = self.dropout(hidden)
        output = add(output, residual)
        return output  # noqa: RET504


class BloomBlock(Part[[Tensor, LayerContext], BlockOutput]):
    """BLOOM's: attention and MLP add the residual themselves."""

    role = "block"

    def __init__(
        self, attention: BloomAttention, mlp: BloomMLP, *, norm1: Layer, norm2: Layer
    ) -> None:
        self.norm1 = norm1
        self.attention = attention
        self.norm2 = norm2
        self.mlp = mlp

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        normed = self.norm1(x)
        residual = x
        attended, probabilities = self.attention(normed, residual, context)
        normed = self.norm2(attended)
        residual = attended
        output = self.mlp(normed, residual)
        return output, probabilities


class MPTBlock(Part[[Tensor, LayerContext], BlockOutput]):
    """MPT's: the MLP adds the residual itself."""

    role = "block"

    def __init__(self, attention: MPTAttention, mlp: MPTMLP, *, norm1: Layer, norm2: Layer) -> None:
        self.norm1 = norm1
        self.attention = attention
        self.norm2 = norm2
        self.mlp = mlp

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        normed = self.norm1(x)
        residual = x
        attended, probabilities = self.attention(normed, context)
        x = add(attended, residual)
        normed = self.norm2(x)
        residual = x
        output = self.mlp(normed, residual)
        return output, probabilities


class FalconBlock(Block):
    """Falcon's: attention and MLP in parallel, with one norm or two."""

    is_parallel = True

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        has_two = not isinstance(self.norm2, Identity)
        residual = x
        attention_input = self.norm1(x)
        if self.is_parallel and has_two:
            mlp_input = self.norm2(x)
        attended, probabilities = self.attention(attention_input, context)
        if not self.is_parallel:
            residual = add_residual(attended, residual)
            mlp_input = self.norm2(residual)
        elif not has_two:
            mlp_input = attention_input
        hidden = self.mlp(mlp_input)
        if self.is_parallel:
            hidden = add_(hidden, attended)
        output = add_residual(hidden, residual)
        return output, probabilities


class FalconSequentialBlock(FalconBlock):
    """Falcon's where the MLP follows attention."""

    is_parallel = False
