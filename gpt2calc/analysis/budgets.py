"""A budget in messages that nothing fits it."""

import re

from gpt2calc.quantity.quantity import Quantity
from gpt2calc.units import RoundedNumber

_BYTES = re.compile(r"([\d.,_]+)\s*B", re.IGNORECASE)
"""Bytes that may have been meant as billions: of parameters, 7B is 7 * 10^9."""


def said(budget: RoundedNumber, quantity: Quantity) -> str:
    """Return a budget as it was written, with its unit; of bytes, what 7B is."""
    words = budget.in_unit(quantity.unit)
    match = _BYTES.fullmatch(budget.text) if quantity.unit == "bytes" else None
    if match is None:
        return words
    return f"{words} ({budget.value:,} byte{'s' * (budget.value != 1)}; {match[1]}GB?)"
