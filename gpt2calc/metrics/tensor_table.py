"""The tensors of one model as a table: name, shape as a formula and in numbers, parameters."""

from collections.abc import Iterator
from dataclasses import dataclass

from gpt2calc.metrics.parameters import ACTIVE, active_said
from gpt2calc.model import naming
from gpt2calc.model import tensors as model_tensors
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields import letters
from gpt2calc.model.terms import Tensor
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.symbols import plain, with_symbols
from gpt2calc.report.result import Result
from gpt2calc.report.table import Column, Table


@dataclass(frozen=True, repr=False)
class TensorList(Result):
    """Every tensor of a model, those of a block once; names with ``h.*.`` stand for one a block."""

    config: ModelConfig
    tensors: tuple[Tensor, ...]
    formulas: tuple[tuple[str, ...], ...]
    """Each tensor's shape in letters: ``("d", "3d")``."""

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
                {**fields, "formula": list(formula), "shape": list(tensor.shape), **sizes}
                for tensor, formula, fields, sizes in self._rows()
            ],
        }

    def to_rows(self) -> list[dict[str, object]]:
        """Return a flat row for each tensor; shapes as texts."""
        return [
            {
                **fields,
                "formula": " x ".join(formula),
                "shape": " x ".join(map(str, tensor.shape)),
                **sizes,
            }
            for tensor, formula, fields, sizes in self._rows()
        ]

    def _rows(
        self,
    ) -> Iterator[tuple[Tensor, tuple[str, ...], dict[str, object], dict[str, object]]]:
        """Yield each tensor with its formula, what it is, and how many numbers it has."""
        names = self.config.names
        for tensor, formula in zip(self.tensors, self.formulas, strict=True):
            fields = {"name": tensor.name(names), "sublayer": tensor.sublayer, "kind": tensor.kind}
            sizes = {"copies": tensor.copies, "parameters": tensor.parameters}
            yield tensor, formula, dict(fields), dict(sizes)

    def summary(self) -> str:
        return f"{len(self.tensors)} tensors of {self.config.title()}"

    def table(self) -> Table:
        """Return a row for each tensor, in PyTorch's order."""
        return Table(
            title=self.config.title(),
            columns=(
                Column("tensor"),
                Column("formula"),
                Column("shape"),
                Column("copies", "count"),
                Column("parameters", "count"),
            ),
            rows=tuple(
                (
                    tensor.name(self.config.names),
                    " × ".join(formula),
                    " × ".join(map(str, tensor.shape)),
                    tensor.copies,
                    tensor.parameters,
                )
                for tensor, formula in zip(self.tensors, self.formulas, strict=True)
            ),
            footer=("total", None, None, None, self.total),
            notes=active_said(self.config),
        )


def tensors(config: Model) -> tuple[Tensor, ...]:
    """List every parameter tensor of a model in PyTorch's order, a block's tensors once.

    Args:
        config: the model, a config or its name.

    """
    return model_tensors.tensors(as_config(config))


def named_shapes(config: Model) -> list[tuple[str, tuple[int, ...]]]:
    """List every parameter as ``(name, shape)``, block by block, as its class in transformers.

    Args:
        config: the model, a config or its name.

    """
    return naming.named_shapes(as_config(config))


def list_tensors(config: Model) -> TensorList:
    """List the tensors of a model as a table, in PyTorch's order.

    Args:
        config: the model, a config or its name.

    """
    config = as_config(config)
    symbolic = tensors(with_symbols(config.spelled_out(), letters(ModelConfig)))
    formulas = tuple(tuple(plain(size) for size in tensor.shape) for tensor in symbolic)
    return TensorList(config, tensors(config), formulas)
