"""Dropout: it draws a mask where it is on, and is nothing elsewhere."""

from gpt2calc.model.part import HiddenToHidden
from gpt2calc.tape.elementwise import (
    add,
    dropout,
)
from gpt2calc.tape.tensor import Tensor


class Dropout(HiddenToHidden):
    """``nn.Dropout``, in training; nothing if it is off."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.is_on = False

    def forward(self, x: Tensor) -> Tensor:
        """Drop numbers out, if the dropout is on."""
        return dropout(x) if self.is_on else x


def dropout_add(x: Tensor, residual: Tensor, dropout: Dropout) -> Tensor:
    """Return ``residual`` plus ``x`` after dropout: a function of its own in BLOOM and Falcon."""
    out = dropout(x)
    out = add(residual, out)
    return out  # noqa: RET504 (as in transformers, the name keeps the tensor)
