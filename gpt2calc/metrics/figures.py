"""The figures of training as people write and read them: fractions exactly, times in words."""

from fractions import Fraction

from gpt2calc.errors import UserError, quoted

DAY = 86_400
"""Seconds."""


def utilization(mfu: float | str) -> Fraction:
    """Read a utilization, from 0 to 1. Raises ``UserError`` for others."""
    share = positive("mfu", mfu, "0.4")
    if share > 1:
        raise UserError(f"mfu is {quoted(mfu)}: it must be at most 1, such as 0.4")
    return share


def positive(name: str, value: float | str, example: str) -> Fraction:
    """Read a number exactly as it is written; ``40%`` is 0.4. Raises ``UserError`` for others."""
    text = str(value).strip()
    try:
        number = Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        number = Fraction(0)
    if number <= 0:
        raise UserError(
            f"{name} is {quoted(value)}: it must be a positive number, such as {example}"
        )
    return number


def in_days(seconds: Fraction) -> str:
    """Say a time in the unit that it is easy to think of; days always."""
    days = seconds / DAY
    if days >= 730:
        return f"{float(days):,.1f} days, {float(days / Fraction('365.25')):,.1f} years"
    if days >= 2:
        return f"{float(days):,.1f} days"
    if days >= Fraction(1, 24):
        return f"{float(seconds / 3_600):,.2f} hours, {float(days):,.3f} days"
    return f"{float(seconds):,.3g} seconds, {float(days):.3g} days"
