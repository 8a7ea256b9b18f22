"""Parts of a model: each holds its parameters, and has a forward pass on the tape."""

from typing import Generic, ParamSpec, TypeAlias, TypeVar

from gpt2calc.tape.recorder import current
from gpt2calc.tape.tensor import Parameter, Shape, Tensor

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Part(Generic[P, R]):
    """A part of a model, like an ``nn.Module``: its call holds its arguments until it returns.

    A forward pass keeps and rebinds its local names as the class in transformers does that it
    follows: each tensor is then freed at the same point of the run.
    """

    role: str = ""
    """Its key in the tables of :mod:`gpt2calc.model.names`; empty for a part that has no name."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run on the tape."""
        raise NotImplementedError

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the forward pass; events on the tape are of this part, if it has a role."""
        if not self.role:
            return self.forward(*args, **kwargs)
        tape = current()
        outer = tape.module
        tape.module = (*outer, self.role)
        try:
            return self.forward(*args, **kwargs)
        finally:
            tape.module = outer

    def leaves(self) -> "list[Leaf]":
        """Return the parts that hold parameters, in the order in which they are assigned."""
        found: list[Leaf] = []
        for part in self.__dict__.values():
            if isinstance(part, Leaf):
                found.append(part)
            elif isinstance(part, Part) and part.__dict__:
                found += part.leaves()
        return found


HiddenToHidden: TypeAlias = Part[[Tensor], Tensor]
"""A part from hidden states to hidden states: a norm, an MLP."""


class Leaf(HiddenToHidden):
    """A part that holds parameters itself: a weight, a bias, or both."""

    weight: Parameter | None = None
    bias: Parameter | None = None
    active: int | None = None
    """Where the first dimension is of experts: how many of them a token goes through; else None."""
    variant: str = ""
    """A word that tells a part from those of the same role and other sizes in other layers."""

    def leaves(self) -> "list[Leaf]":
        """Return itself."""
        return [self]

    def active_shape(self, parameter: Parameter) -> Shape:
        """Return the shape of a parameter, less the experts that a token does not go through."""
        return parameter.shape if self.active is None else (self.active, *parameter.shape[1:])

    def parameters(self) -> "list[Parameter]":
        """Return the parameters as PyTorch has them."""
        return [each for each in (self.weight, self.bias) if each is not None]

    def to(self, dtype: str) -> None:
        """Set the dtype of the parameters, as ``nn.Module.to``."""
        for parameter in (self.weight, self.bias):
            if parameter is not None:
                parameter.dtype = dtype


AnyPart = TypeVar("AnyPart", bound=Part[..., object])


def varied(part: AnyPart, variant: str) -> AnyPart:
    """Set the ``variant`` of all leaves of a part, and return the part."""
    for leaf in part.leaves():
        leaf.variant = variant
    return part


class Identity(HiddenToHidden):
    """``nn.Identity``: stands where another model has a part."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``."""
        return x
