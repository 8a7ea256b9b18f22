"""Ways of counting a model: its tensors, each as often as somebody counted it, in some unit."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from gpt2calc.architecture import tensors
from gpt2calc.config import GPT2Config
from gpt2calc.terms import Number, Tensor

Cell: TypeAlias = tuple[str, str]
"""The role and column of a tensor."""
Times: TypeAlias = Mapping[Cell, int]
"""How often each tensor is counted."""


class Reckoning(NamedTuple):
    """A way of arriving at a number: a config, how often each tensor counts, and a unit."""

    config: GPT2Config
    times: Times
    unit: int = 1
    """What a parameter counts: 1, or its bytes."""

    @property
    def counted(self) -> tuple[Tensor, ...]:
        """The tensors that are counted; one that is counted twice has twice the copies."""
        return tuple(
            tensor._replace(copies=tensor.copies * self.times[cell])
            for cell, tensor in cells(self.config).items()
            if self.times[cell]
        )

    @property
    def total(self) -> Number:
        """What it comes to."""
        return sum(tensor.amount for tensor in self.counted) * self.unit


def reckoning_of(config: GPT2Config) -> Reckoning:
    """Count a model as it is."""
    return Reckoning(config, EACH_ONCE)


def cells(config: GPT2Config) -> dict[Cell, Tensor]:
    """Return the tensors of a model, and those that somebody may count beside them."""
    listed = (*tensors(config), *_others(config))
    return {(tensor.role, tensor.column): tensor for tensor in listed}


def _others(config: GPT2Config) -> tuple[Tensor, ...]:
    """Masks that older transformers registered, a gate beside ``c_fc``, and a head's bias."""
    L, d, T, V = config.n_layer, config.n_embd, config.n_ctx, config.vocab
    f = config.mlp_width
    gate_bias = (Tensor("mlp_gate", "mlp", "biases", (f,), L),)
    return (
        Tensor("causal_mask", "attention", "weights", (1, 1, T, T), L),
        Tensor("mlp_gate", "mlp", "weights", (d, f), L),
        *(gate_bias if config.bias else ()),
        Tensor("head", "lm_head", "biases", (V,), 1),
    )


ALL_CELLS = cells(GPT2Config(tie_embeddings=False))
"""Whatever a GPT-2 may have, and somebody may count."""
_BESIDE = {(tensor.role, tensor.column) for tensor in _others(GPT2Config())}
EACH_ONCE: Times = {cell: int(cell not in _BESIDE) for cell in ALL_CELLS}
"""Every parameter once, and nothing else."""
