"""Linear layers and embeddings: the parts that hold matrices."""

from typing import TypeAlias

from gpt2calc.model.part import Leaf
from gpt2calc.tape.elementwise import add, mul, scale
from gpt2calc.tape.indexing import embedding
from gpt2calc.tape.matmul import conv1d, linear, matmul
from gpt2calc.tape.tensor import Parameter, Tensor, empty
from gpt2calc.tape.views import transpose


class Linear(Leaf):
    """``nn.Linear``: the weight is (outputs, inputs)."""

    weight: Parameter

    def __init__(self, role: str, inputs: int, outputs: int, bias: bool = False) -> None:
        self.role = role
        self.weight = Parameter((outputs, inputs))
        if bias:
            self.bias = Parameter((outputs,))

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, inputs)."""
        return linear(x, self.weight, self.bias)


class Conv1D(Leaf):
    """GPT-2's linear layer: the weight is (inputs, outputs)."""

    weight: Parameter

    def __init__(self, role: str, inputs: int, outputs: int, bias: bool = False) -> None:
        self.role = role
        self.weight = Parameter((inputs, outputs))
        if bias:
            self.bias = Parameter((outputs,))

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, inputs)."""
        return conv1d(x, self.weight, self.bias)


Matrix: TypeAlias = Linear | Conv1D
"""A product with a weight: outputs first, as ``nn.Linear``, or inputs first, as GPT-2."""


class FalconLinear(Linear):
    """Falcon's linear layer: the bias is added by an operation of its own."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, inputs)."""
        y = matmul(x, transpose(self.weight, 0, 1))
        return y if self.bias is None else add(y, self.bias)


class Embedding(Leaf):
    """``nn.Embedding``: a row for each token, or for each position."""

    weight: Parameter
    buffer_dtype: str | None = None
    """The dtype of a buffer beside the weight; None where it is the weight's."""

    def __init__(self, role: str, rows: int, width: int) -> None:
        self.role = role
        self.weight = Parameter((rows, width))

    def forward(self, ids: Tensor) -> Tensor:
        """Look up the rows of (batch, tokens)."""
        return embedding(self.weight, ids)


class ScaledEmbedding(Embedding):
    """An embedding whose rows are multiplied by a number (Granite)."""

    def forward(self, ids: Tensor) -> Tensor:
        """Look up the rows of (batch, tokens)."""
        return scale(embedding(self.weight, ids))


class GemmaEmbedding(ScaledEmbedding):
    """Gemma's scaled embedding: the number is a buffer, cast to the dtype of the weight."""

    def forward(self, ids: Tensor) -> Tensor:
        """Look up the rows of (batch, tokens)."""
        rows, dtype = embedding(self.weight, ids), self.weight.dtype
        if self.buffer_dtype in (None, dtype):
            return scale(rows)
        return mul(rows, empty("_to_copy", (), dtype))


class Scale(Leaf):
    """A vector that multiplies the last dimension: a number for each feature, or expert, or one."""

    weight: Parameter

    def __init__(self, role: str, width: int) -> None:
        self.role = role
        self.weight = Parameter((width,))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply (..., width)."""
        return mul(x, self.weight)
