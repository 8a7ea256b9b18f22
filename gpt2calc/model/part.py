"""Parts of a model: each holds its parameters, and has a forward pass on the tape."""

from typing import Generic, ParamSpec, TypeVar

from gpt2calc.tape.recorder import current
from gpt2calc.tape.tensor import Parameter, Shape, Tensor

P = ParamSpec("P")
R = TypeVar("R", covariant=True)


class Part(Generic[P, R]):
    """A part of a model, as ``nn.Module``: its call holds its arguments until it returns.

    What the forward pass names lives as long as it does in the class in transformers that it
    follows: a name that is kept, or bound anew, is kept or bound anew there.
    """

    role: str = ""
    """What :mod:`gpt2calc.model.names` calls it; empty for a part that has no name of its own."""

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run on the tape."""
        raise NotImplementedError

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the forward pass; its events are of this module, if it has a name."""
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
        """Return the parts that hold parameters, in the order of the forward pass."""
        found: list[Leaf] = []
        for part in self.__dict__.values():
            if isinstance(part, Leaf):
                found.append(part)
            elif isinstance(part, Part) and part.__dict__:
                found += part.leaves()
        return found


class Leaf(Part[[Tensor], Tensor]):
    """A part that holds parameters itself: a weight, a bias, or both."""

    weight: Parameter | None = None
    bias: Parameter | None = None
    active: int | None = None
    """Of experts, which are the first dimension, how many a token goes through."""
    variant: str = ""
    """What tells it from parts of the same role in other layers, which have other sizes."""

    def leaves(self) -> "list[Leaf]":
        """Return itself."""
        return [self]

    def active_shape(self, parameter: Parameter) -> Shape:
        """Return the shape of what a token goes through, of one of its parameters."""
        return parameter.shape if self.active is None else (self.active, *parameter.shape[1:])

    def parameters(self) -> "list[Parameter]":
        """Return its parameters as PyTorch has them."""
        return [each for each in (self.weight, self.bias) if each is not None]

    def to(self, dtype: str) -> None:
        """Give its parameters a dtype."""
        for parameter in (self.weight, self.bias):
            if parameter is not None:
                parameter.dtype = dtype


AnyPart = TypeVar("AnyPart", bound=Part[..., object])


def varied(part: AnyPart, variant: str) -> AnyPart:
    """Return a part, all of whose leaves are told from those of the same role by a word."""
    for leaf in part.leaves():
        leaf.variant = variant
    return part


class Identity(Part[[Tensor], Tensor]):
    """What stands where another model has a part; its outcome is its argument."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x``."""
        return x
