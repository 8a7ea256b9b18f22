"""Blocks, and MLPs in them, of families unlike others: BLOOM, MPT, Falcon, Gemma 4, A.X-K1."""

from gpt2calc.model.alibi_attention import BloomAttention, MPTAttention, dropout_add
from gpt2calc.model.attention import LayerContext
from gpt2calc.model.blocks import Block, BlockOutput, BlockPart, Layer
from gpt2calc.model.linear import Matrix
from gpt2calc.model.mlp import Activation, Dropout
from gpt2calc.model.part import Identity, Part
from gpt2calc.tape.elementwise import add, scale
from gpt2calc.tape.inplace import add_
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


class MPTBlock(BlockPart):
    """MPT's: the MLP adds the residual itself."""

    def __init__(self, attention: MPTAttention, mlp: MPTMLP, *, norm1: Layer, norm2: Layer) -> None:
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
            residual = dropout_add(attended, residual, self.attention_dropout)
            mlp_input = self.norm2(residual)
        elif not has_two:
            mlp_input = attention_input
        hidden = self.mlp(mlp_input)
        if self.is_parallel:
            hidden = add_(hidden, attended)
        output = dropout_add(hidden, residual, self.residual_dropout)
        return output, probabilities


class FalconSequentialBlock(FalconBlock):
    """Falcon's where the MLP follows attention."""

    is_parallel = False


class MLPBesideExperts(Part[[Tensor], Tensor]):
    """Gemma 4's: an MLP and experts, each with a norm of its outcome, which are added.

    Args:
        mlp: the MLP.
        mlp_norm: of its outcome.
        experts: the router and its experts.
        norm: of what goes into the experts.
        experts_norm: of their outcome.

    """

    def __init__(
        self, mlp: Layer, mlp_norm: Layer, experts: Layer, norm: Layer, experts_norm: Layer
    ) -> None:
        self.mlp = mlp
        self.mlp_norm = mlp_norm
        self.norm = norm
        self.experts = experts
        self.experts_norm = experts_norm

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Apply the MLP to ``x`` (batch, tokens, width), experts to ``residual`` or else ``x``."""
        beside = self.mlp_norm(self.mlp(x))
        chosen = self.experts(self.norm(x if residual is None else residual))
        return add(beside, self.experts_norm(chosen))


class NormedExperts(Part[[Tensor], Tensor]):
    """A.X-K1's: a norm of what experts return."""

    def __init__(self, experts: Layer, norm: Layer) -> None:
        self.experts = experts
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        return self.norm(self.experts(x))


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
