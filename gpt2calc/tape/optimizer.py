"""The optimizer's step, as PyTorch takes it for all parameters at once (``foreach=True``).

That is the default on GPUs. Source: PyTorch, ``torch/optim/adamw.py``, ``_multi_tensor_adamw``, and
``sgd.py``, ``_multi_tensor_sgd``.
"""

from collections.abc import Sequence

from gpt2calc.tape.tensor import Parameter, Spec, Tensor, empty, empty_several


class Optimizer:
    """Plain SGD: no state, and all in place.

    Args:
        parameters: those that are trained.

    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = parameters
        self.state: list[Tensor] = []
        self.has_state = False
        """Whether the state is there already, and not on the tape."""

    def step(self) -> None:
        """Take a step; the first one makes the state."""

    def zero_grad(self) -> None:
        """Let go of the gradients."""
        for parameter in self.parameters:
            parameter.grad = None


class Momentum(Optimizer):
    """SGD with momentum: one buffer a parameter, which the first step copies from the gradient."""

    def step(self) -> None:
        """Take a step."""
        if not self.has_state:
            self.has_state = True
            self.state = [empty("clone", each.shape, each.dtype) for each in self.parameters]


class AdamW(Optimizer):
    """AdamW: two means a parameter, and the number of the step as a float32."""

    def step(self) -> None:
        """Take a step, which makes the roots of all mean squares at once."""
        if not self.has_state:
            self.has_state = True
            for each in self.parameters:
                self.state.append(empty("lift_fresh", (), "float32"))
                self.state.append(empty("zeros_like", each.shape, each.dtype))
                self.state.append(empty("zeros_like", each.shape, each.dtype))
        self.count()
        _roots = empty_several(
            "_foreach_sqrt", *(Spec(each.shape, each.dtype) for each in self.parameters)
        )

    def count(self) -> None:
        """Add one to the numbers of the step: a scalar, which is gone at once."""
        empty("lift_fresh", (), "float32")
