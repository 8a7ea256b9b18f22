"""What optimizers keep from step to step.

Source: the states of ``torch.optim``'s AdamW, SGD and Adafactor; for ``adamw-8bit``
``bitsandbytes.optim.AdamW8bit``; for master weights, DeepSpeed's ``BF16_Optimizer``.
"""

from collections.abc import Callable, Iterator
from math import prod

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.state_terms import (
    StateTerm,
    each_of,
    numel_of,
    numels_of,
)
from gpt2calc.metrics.memory.zero import is_shared, stored
from gpt2calc.model.terms import ParameterTensor
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.polynomial import Polynomial
from gpt2calc.quantity.quantity import NoFormulaError

BLOCK_OF_8_BIT = 256
"""Numbers of 8 bits that share a float32 to scale them by, in bitsandbytes."""
TABLES_OF_8_BIT = ("optimizer", "amount", (4, 2, 256), 1)
"""Part, column, shape and copies of bitsandbytes' look-up tables: 256 float32 numbers for each
of the two means."""
LEAST_IN_8_BIT = 4096
"""Numbers of the smallest tensor whose state is in 8 bits, in bitsandbytes."""


def optimizer(case: Case, sharded: Number | None = None) -> Iterator[StateTerm]:
    """Yield what the optimizer keeps from step to step, or one GPU's part of it.

    Args:
        case: the model, and how it is trained.
        sharded: numbers of one GPU's shards under FSDP; None without it.

    """
    has_master_weights = case.value("master_weights") == "float32"
    width = 4 if has_master_weights else ITEMSIZE[case.weight_type]
    if has_master_weights:
        yield from stored(case, "master weights", "optimizer", width, numel_of(case))

    def part(
        what: str, width: int, counted: Callable[[ParameterTensor], Number]
    ) -> Iterator[StateTerm]:
        if sharded is not None and counted is each_of:
            shape = (width, sharded)
            return iter([StateTerm(f"{what}, of a shard of each", "optimizer", "amount", shape, 1)])
        return stored(case, what, "optimizer", width, numels_of(case, counted))

    match case.optimizer:
        case "adamw":
            yield from part("means of gradients and squares", 2 * width, each_of)
            if not is_shared(case, "optimizer"):  # there all tensors are one, and so is the step
                yield from part("steps of tensors", 4, lambda t: _tensors_in_pytorch(case, t))
        case "momentum":
            yield from part("momentum", width, each_of)
        case "adafactor":
            yield from part("mean squares of rows and columns", width, lambda t: _factored(case, t))
            yield from part("steps of tensors", 4, lambda t: _tensors_in_pytorch(case, t))
        case "adamw-8bit":
            yield from part("means in 8 bits", 2, lambda t: t.each if _is_large(t) else 0)
            yield from part("scales of blocks", 8, lambda t: _blocks(t.each) if _is_large(t) else 0)
            yield from part("means of small tensors", 8, lambda t: 0 if _is_large(t) else t.each)
            yield StateTerm("tables of the numbers that 8 bits stand for", *TABLES_OF_8_BIT)


def _tensors_in_pytorch(case: Case, tensor: ParameterTensor) -> Number:
    """Return how many parameters a tensor is: one, or one for each head of StableLM's norms."""
    return tensor.shape[0] if _is_one_by_one(case, tensor) else 1


def _is_one_by_one(case: Case, tensor: ParameterTensor) -> bool:
    module: str = case.names.modules.get(tensor.role, "")
    return module.endswith("*")


def _factored(case: Case, tensor: ParameterTensor) -> Number:
    """Return how many mean squares Adafactor keeps: of rows and of columns, or of all numbers."""
    if len(tensor.shape) == 1 or _is_one_by_one(case, tensor):
        return tensor.each
    *rows, columns = tensor.shape
    *batches, _ = rows
    return prod(rows) + prod(batches) * columns


def _is_large(tensor: ParameterTensor) -> bool:
    """Tell whether the state of a tensor is in 8 bits."""
    if isinstance(tensor.each, Polynomial):
        raise NoFormulaError("small tensors have another state")
    if not isinstance(tensor.each, int):
        raise UserError(
            f"adamw-8bit keeps tensors of fewer than {LEAST_IN_8_BIT:,} numbers in 32 bits, so it "
            "has no formula in the model's sizes: give numbers for them"
        )
    return tensor.each >= LEAST_IN_8_BIT


def _blocks(numbers: int) -> int:
    return -(-numbers // BLOCK_OF_8_BIT)
