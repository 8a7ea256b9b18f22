"""The tensors of one model as a table: name, shape as a formula and in numbers, parameters."""

from dataclasses import dataclass
from typing import NamedTuple

from gpt2calc.metrics.parameters import ACTIVE, active_said
from gpt2calc.model import named_parameters
from gpt2calc.model import tensors as model_tensors
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.declared import letters, ranges
from gpt2calc.model.tensors import layers_of_tensors
from gpt2calc.model.terms import ParameterTensor
from gpt2calc.quantity.models import Model, as_model
from gpt2calc.quantity.symbols import plain, symbol, with_symbols
from gpt2calc.report.listing import Listing, RowField, counts

SHOWN = 5
"""How many ranges of layers a table shows of one tensor; data have all of them."""


class Listed(NamedTuple):
    """A tensor, its shape in letters, and the layers that have it."""

    tensor: ParameterTensor
    formula: tuple[str, ...]
    layers: tuple[int, ...]


@dataclass(frozen=True, repr=False)
class TensorList(Listing):
    """Every tensor of a model, those of a block once; names with ``h.*.`` stand for one a block."""

    config: ModelConfig
    tensors: tuple[ParameterTensor, ...]
    formulas: tuple[tuple[str, ...], ...]
    """Each tensor's shape in letters: ``("d", "3d")``."""
    layers: tuple[tuple[int, ...], ...] = ()
    """The layers that have each tensor, from 0 on, where layers are of several kinds."""

    @property
    def total(self) -> int:
        """Parameters of all tensors in all their copies."""
        return sum(tensor.parameters for tensor in self.tensors)

    @property
    def active(self) -> int:
        """Parameters that a token goes through: all of them, but for experts not chosen for it."""
        return int(ACTIVE.total(self.config))

    def to_dict(self) -> dict[str, object]:
        """Shapes as lists of integers and of formulas; counts in parameters."""
        return {
            "config": self.config.effective(),
            "total": self.total,
            "active": self.active,
            "tensors": [
                {**row, "formula": list(each.formula), "shape": list(each.tensor.shape)}
                | ({"layers": list(each.layers)} if self.layers else {})
                for row, each in zip(self.to_rows(), self.items(), strict=True)
            ],
        }

    def items(self) -> list[Listed]:
        """Return each tensor, its shape in letters, and its layers, in PyTorch's order."""
        layers = self.layers or ((),) * len(self.tensors)
        return [*map(Listed, self.tensors, self.formulas, layers)]

    def fields(self) -> tuple[RowField, ...]:
        """Return what each tensor is, its shape, and how many numbers it has."""
        names = self.config.names
        of_kinds = RowField(
            "layers",
            lambda each: ", ".join(ranges(each.layers)),
            "layers",
            shown=lambda each: _shortened(ranges(each.layers)),
        )
        return (
            RowField("name", lambda each: each.tensor.name(names), "tensor"),
            RowField("sublayer", lambda each: each.tensor.sublayer),
            RowField("kind", lambda each: each.tensor.kind),
            RowField(
                "formula",
                lambda each: " x ".join(map(_bracketed, each.formula)),
                "formula",
                shown=lambda each: " × ".join(map(_bracketed, each.formula)),
            ),
            RowField(
                "shape",
                lambda each: " x ".join(map(str, each.tensor.shape)),
                "shape",
                shown=lambda each: " × ".join(map(str, each.tensor.shape)),
            ),
            *([of_kinds] if self.layers else ()),
            counts("copies", lambda each: each.tensor.copies),
            counts("parameters", lambda each: each.tensor.parameters),
        )

    def summary(self) -> str:
        return f"{len(self.tensors)} tensors of {self.config.title()}"

    def title(self) -> str:
        return self.config.title()

    def sums(self) -> dict[str, object]:
        """Return the parameters of all tensors in all their copies."""
        return {"name": "total", "parameters": self.total}

    def notes(self) -> tuple[str, ...]:
        return active_said(self.config)


def tensors(config: Model) -> tuple[ParameterTensor, ...]:
    """List every parameter tensor of a model in PyTorch's order, a block's tensors once.

    Args:
        config: the model, a config or its name.

    """
    return model_tensors.tensors(as_model(config))


def named_shapes(config: Model) -> list[tuple[str, tuple[int, ...]]]:
    """List every parameter as ``(name, shape)``, block by block, as its class in transformers.

    Args:
        config: the model, a config or its name.

    """
    return named_parameters.named_shapes(as_model(config))


def list_tensors(config: Model) -> TensorList:
    """List the tensors of a model as a table, in PyTorch's order.

    Args:
        config: the model, a config or its name.

    """
    config = as_model(config)
    listed, written = tensors(config), _in_letters(config)
    formulas = tuple(_formula_of(each, written) for each in listed)
    return TensorList(config, listed, formulas, tuple(layers_of_tensors(config)))


def _shortened(listed: list[str]) -> str:
    return ", ".join(listed if len(listed) <= SHOWN else [*listed[: SHOWN - 1], "...", listed[-1]])


class Written(NamedTuple):
    """A tensor's shape in numbers and in letters."""

    cell: tuple[str, str]
    """Its role and column."""
    shape: tuple[int, ...]
    formula: tuple[str, ...]


def _in_letters(config: ModelConfig) -> list[Written]:
    """Return the tensors of a model, each with its shape and how that is written in letters.

    Layers of several kinds may have a tensor of the same role in several sizes.
    """
    from sympy import sympify

    spelled = config.spelled_out()
    of_field = letters(ModelConfig)
    given = {symbol(name): spelled.value(name) for name in of_field}
    numbers = {letter: number for letter, number in given.items() if number is not None}
    return [
        Written(
            (each.role, each.column),
            tuple(int(sympify(size).subs(numbers)) for size in each.shape),
            tuple(plain(size) for size in each.shape),
        )
        for each in tensors(with_symbols(spelled, of_field))
    ]


def _formula_of(tensor: ParameterTensor, written: list[Written]) -> tuple[str, ...]:
    cell = tensor.role, tensor.column
    return next(
        each.formula for each in written if each.cell == cell and each.shape == tensor.shape
    )


def _bracketed(size: str) -> str:
    """Put a sum in brackets, as it stands in a product."""
    return f"({size})" if " + " in size or " - " in size else size
