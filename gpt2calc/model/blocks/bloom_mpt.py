"""Blocks of BLOOM and MPT, whose MLPs add the residual themselves."""

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.bloom_mpt import BloomAttention, MPTAttention
from gpt2calc.model.blocks.blocks import BlockOutput, BlockPart
from gpt2calc.model.dropout import Dropout, dropout_add
from gpt2calc.model.linear import Matrix
from gpt2calc.model.mlps.mlp import Activation
from gpt2calc.model.part import HiddenToHidden, Part
from gpt2calc.tape.elementwise import add
from gpt2calc.tape.tensor import Tensor


class BloomMLP(Part[[Tensor, Tensor], Tensor]):
    """BLOOM's and MPT's MLP, which adds the residual itself."""

    role = "mlp"

    def __init__(self, up: Matrix, down: Matrix, activation: str) -> None:
        self.up = up
        self.act = Activation(activation)
        self.down = down
        self.dropout = Dropout("mlp_dropout")

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """Apply to (batch, tokens, width), and add ``residual``."""
        x = self.act(self.up(x))
        output = self.down(x)
        return dropout_add(output, residual, self.dropout)


class MPTMLP(BloomMLP):
    """MPT's: the sum is made in the MLP itself, and not in a function."""

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """Apply to (batch, tokens, width), and add ``residual``."""
        x = self.act(self.up(x))
        hidden = self.down(x)
        output = self.dropout(hidden)
        output = add(output, residual)
        return output  # noqa: RET504


class BloomBlock(BlockPart):
    """BLOOM's: attention and MLP add the residual themselves."""

    def __init__(
        self,
        attention: BloomAttention,
        mlp: BloomMLP,
        *,
        norm1: HiddenToHidden,
        norm2: HiddenToHidden,
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


class MPTBlock(BlockPart):
    """MPT's: the MLP adds the residual itself."""

    def __init__(
        self, attention: MPTAttention, mlp: MPTMLP, *, norm1: HiddenToHidden, norm2: HiddenToHidden
    ) -> None:
        self.norm1 = norm1
        self.attention = attention
        self.norm2 = norm2
        self.mlp = mlp
        self.dropout = Dropout("attention_dropout")

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        normed = self.norm1(x)
        residual = x
        attended, probabilities = self.attention(normed, context)
        x = add(self.dropout(attended), residual)
        normed = self.norm2(x)
        residual = x
        output = self.mlp(normed, residual)
        return output, probabilities
