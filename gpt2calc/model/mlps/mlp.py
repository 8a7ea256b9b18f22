"""MLPs: into a wider layer, an activation, and out of it; with a gate or without."""

from gpt2calc.model.dropout import Dropout
from gpt2calc.model.linear import Matrix, Scale
from gpt2calc.model.part import HiddenToHidden, Identity
from gpt2calc.tape.elementwise import (
    add,
    add_scalar,
    function,
    mul,
    of_input,
    of_output,
    pow_scalar,
    scale,
    sub,
)
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import split


def gelu_new(x: Tensor) -> Tensor:
    """GPT-2's GELU, written out in Python."""
    return mul(
        scale(x),
        add_scalar(of_output("tanh", scale(add(x, scale(pow_scalar(x)))))),
    )


def bloom_gelu(x: Tensor) -> Tensor:
    """BLOOM's GELU, an autograd function of its own."""
    return function(_bloom_gelu, _bloom_gelu_backward, x)


def _bloom_gelu(x: Tensor) -> Tensor:
    return mul(
        scale(x),
        add_scalar(of_input("tanh", mul(scale(x), add_scalar(mul(scale(x), x))))),
    )


def _bloom_gelu_backward(gradient: Tensor, x: Tensor) -> Tensor:
    tanh = of_input("tanh", mul(scale(x), add_scalar(mul(scale(x), x))))
    slope = add(
        mul(scale(x), mul(add_scalar(mul(tanh, tanh)), add_scalar(mul(scale(x), x)))),
        scale(add_scalar(tanh)),
    )
    return mul(slope, gradient)


class Activation(HiddenToHidden):
    """An activation by its name in PyTorch or transformers, such as ``"silu"``."""

    role = "gelu"

    def __init__(self, name: str) -> None:
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        """Apply the activation number by number."""
        if self.name == "gelu_new":
            return gelu_new(x)
        if self.name == "bloom_gelu":
            return bloom_gelu(x)
        if self.name == "relu":
            return of_output("relu", x)
        if self.name == "relu2":
            return pow_scalar(of_output("relu", x))
        return of_input(self.name, x)


class LearnedActivation(Activation):
    """Apertus's xIELU, shaped by a number for each sign."""

    def __init__(self) -> None:
        super().__init__("xielu")
        self.positive = Scale("act_positive", 1)
        self.negative = Scale("act_negative", 1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the activation number by number."""
        return add(self.positive(pow_scalar(x)), self.negative(sub(of_input("expm1", x), x)))


class MLP(HiddenToHidden):
    """GPT-2's MLP: up, an activation, down."""

    role = "mlp"
    drops_outcome = True
    """Whether its outcome is dropped out by itself, and not by the block."""

    def __init__(
        self,
        up: Matrix,
        down: Matrix,
        activation: Activation,
        sub_norm: HiddenToHidden | None = None,
    ) -> None:
        self.up = up
        self.act = activation
        self.sub_norm = sub_norm or Identity()
        self.down = down
        self.dropout = Dropout("mlp_dropout")

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        x = self.up(x)
        x = self.act(x)
        x = self.sub_norm(x)
        x = self.down(x)
        if self.drops_outcome:
            x = self.dropout(x)
        return x


class GatedMLP(HiddenToHidden):
    """Llama's MLP: the activation of a gate multiplies what goes up."""

    role = "mlp"
    drops_outcome = True
    """Whether its outcome is dropped out by itself, and not by the block."""

    def __init__(
        self,
        gate: Matrix,
        up: Matrix,
        down: Matrix,
        activation: Activation,
        sub_norm: HiddenToHidden | None = None,
    ) -> None:
        self.gate = gate
        self.up = up
        self.act = activation
        self.sub_norm = sub_norm or Identity()
        self.down = down
        self.dropout = Dropout("mlp_dropout")

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        outcome = self.down(self.sub_norm(mul(self.act(self.gate(x)), self.up(x))))
        return self.dropout(outcome) if self.drops_outcome else outcome


class JointGatedMLP(HiddenToHidden):
    """Phi-3's MLP: the gate and what goes up are one matrix."""

    role = "mlp"
    drops_outcome = True
    """Whether its outcome is dropped out by itself, and not by the block."""

    def __init__(
        self,
        gate_up: Matrix,
        down: Matrix,
        width: int,
        activation: Activation,
        sub_norm: HiddenToHidden | None = None,
    ) -> None:
        self.gate_up = gate_up
        self.act = activation
        self.sub_norm = sub_norm or Identity()
        self.down = down
        self.dropout = Dropout("mlp_dropout")
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        up = self.gate_up(x)
        gate, up = split(up, (self.width, self.width))
        up = self.sub_norm(mul(up, self.act(gate)))
        outcome = self.down(up)
        return self.dropout(outcome) if self.drops_outcome else outcome
