"""Blocks whose attention and MLP both read what goes into the block."""

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.blocks.blocks import Block, BlockOutput
from gpt2calc.model.dropout import dropout_add
from gpt2calc.model.part import Identity
from gpt2calc.tape.elementwise import add
from gpt2calc.tape.inplace import add_
from gpt2calc.tape.tensor import Tensor


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
    """GPT-NeoX's: attention and MLP in parallel, with a norm each."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        attended, _probabilities = self.attention(self.norm1(x), context)
        attended = self.attention_dropout(attended)
        hidden = self.mlp(self.norm2(x))
        hidden = self.mlp_dropout(hidden)
        x = add(add(hidden, attended), x)
        return x, None


class NeoXSequentialBlock(Block):
    """GPT-NeoX's without the parallel residual."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        attended, _probabilities = self.attention(self.norm1(x), context)
        attended = self.attention_dropout(attended)
        attended = add(attended, x)
        hidden = self.mlp(self.norm2(attended))
        hidden = self.mlp_dropout(hidden)
        x = add(hidden, attended)
        return x, None


class PhiBlock(ParallelBlock):
    """Phi's: the block applies dropout to what attention returns."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x = self.norm1(x)
        attended, _probabilities = self.attention(x, context)
        attended = self.attention_dropout(attended)
        hidden = self.mlp_dropout(self.mlp(x))
        return self._sum(attended, hidden, residual), None


class StableLMBlock(Block):
    """StableLM's with two norms: attention's outcome keeps its name."""

    def forward(self, x: Tensor, context: LayerContext) -> BlockOutput:
        """Run one block on (batch, tokens, width)."""
        residual = x
        x = self.norm1(x)
        attended, _probabilities = self.attention(x, context)
        residual = add(residual, attended)
        hidden = self.mlp(self.norm2(residual))
        hidden = self.mlp_dropout(hidden)
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
        hidden = self.mlp_dropout(hidden)
        x = add(add(residual, attended), hidden)
        return x, None


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
