"""The optimizer's step, as PyTorch takes it for all parameters at once (``foreach=True``).

That is the default on GPUs. It is a step after the first, so that the state is there already.
Source: PyTorch, ``torch/optim/adamw.py``, ``_multi_tensor_adamw``, and ``sgd.py``,
``_multi_tensor_sgd``.
"""

from collections.abc import Sequence

from gpt2calc.tape.tensor import Parameter, Spec, empty, empty_several


class Optimizer:
    """SGD, with momentum or without: all in place.

    Args:
        parameters: those that are trained.

    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = parameters

    def step(self) -> None:
        """Take a step."""

    def zero_grad(self) -> None:
        """Let go of the gradients."""
        for parameter in self.parameters:
            parameter.grad = None


class AdamW(Optimizer):
    """AdamW."""

    def step(self) -> None:
        """Take a step, which makes the roots of all mean squares at once."""
        self.count()
        _roots = empty_several(
            "_foreach_sqrt", *(Spec(each.shape, each.dtype) for each in self.parameters)
        )

    def count(self) -> None:
        """Add one to the numbers of the step: a scalar, which is gone at once."""
        empty("lift_fresh", (), "float32")
