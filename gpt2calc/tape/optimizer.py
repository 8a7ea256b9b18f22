"""The optimizer's step, as PyTorch takes it for all parameters at once (``foreach=True``).

``foreach`` is the default on GPUs. The step is one after the first: its state exists already.
Source: PyTorch, ``torch/optim/adamw.py``, ``_multi_tensor_adamw``, and ``sgd.py``,
``_multi_tensor_sgd``.
"""

from collections.abc import Sequence

from gpt2calc.tape.tensor import Parameter, Spec, empty, empty_several


class Optimizer:
    """SGD with or without momentum, whose step is in place and allocates nothing.

    Args:
        parameters: those that are trained.

    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = parameters

    def step(self) -> None:
        """Take a step."""

    def zero_grad(self) -> None:
        """Set the gradients to None."""
        for parameter in self.parameters:
            parameter.grad = None


class AdamW(Optimizer):
    """AdamW."""

    def step(self) -> None:
        """Take a step, which allocates the square roots of all second moments at once."""
        self.count()
        _roots = empty_several(
            "_foreach_sqrt", *(Spec(each.shape, each.dtype) for each in self.parameters)
        )

    def count(self) -> None:
        """Add one to the step counters: a scalar tensor, which is freed at once."""
        empty("lift_fresh", (), "float32")
