"""The tensors of one model as a table: name, shape as a formula and in numbers, parameters."""

from dataclasses import dataclass
from typing import Any

from gpt2calc.architecture import tensors
from gpt2calc.config import GPT2Config
from gpt2calc.operations import Tensor
from gpt2calc.output.result import Result
from gpt2calc.output.table import Column, Table
from gpt2calc.symbols import LETTERS, plain, with_symbols


@dataclass(frozen=True)
class TensorList(Result):
    """Every tensor of a model, those of a block once; names with ``h.*.`` stand for one a block."""

    config: GPT2Config
    tensors: tuple[Tensor, ...]
    formulas: tuple[tuple[str, ...], ...]
    """Each tensor's shape in letters: ``("d", "3d")``."""

    @property
    def total(self) -> int:
        """Parameters of all tensors in all their copies."""
        return sum(tensor.parameters for tensor in self.tensors)

    def to_dict(self) -> dict[str, Any]:
        """Shapes as lists of integers and of formulas; counts in parameters."""
        return {
            "config": self.config.model_dump(),
            "total": self.total,
            "tensors": [
                {
                    "name": tensor.name,
                    "sublayer": tensor.sublayer,
                    "kind": tensor.kind,
                    "formula": list(formula),
                    "shape": list(tensor.shape),
                    "copies": tensor.copies,
                    "parameters": tensor.parameters,
                }
                for tensor, formula in zip(self.tensors, self.formulas, strict=True)
            ],
        }

    def table(self) -> Table:
        """A row for each tensor, in PyTorch's order."""
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
                    tensor.name,
                    " × ".join(formula),
                    " × ".join(map(str, tensor.shape)),
                    tensor.copies,
                    tensor.parameters,
                )
                for tensor, formula in zip(self.tensors, self.formulas, strict=True)
            ),
            footer=("total", None, None, None, self.total),
        )


def list_tensors(config: GPT2Config) -> TensorList:
    """List the tensors of the GPT-2 that ``config`` defines, in PyTorch's order."""
    symbolic = tensors(with_symbols(config, LETTERS))
    formulas = tuple(tuple(plain(size) for size in tensor.shape) for tensor in symbolic)
    return TensorList(config, tensors(config), formulas)
