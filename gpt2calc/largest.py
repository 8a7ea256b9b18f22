"""The largest of several sums, in any arithmetic."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from gpt2calc.number import Number

Rows: TypeAlias = dict[str, dict[str, Number]]
"""A sum for each part and column."""
LARGE = 2**20


def largest(numbers: Sequence[Number]) -> Number:
    """Return the largest number; of arrays the largest at each place, of polynomials all of them.

    Polynomials have no largest among them: they give a curve that is the largest at each point.
    """
    if len(numbers) == 1:
        return numbers[0]
    for number in numbers:
        if hasattr(number, "envelope"):
            return number.envelope(numbers)
    if not any(hasattr(number, "dtype") for number in numbers):
        return max(numbers, key=comparable)
    from functools import reduce

    import numpy as np

    return reduce(np.maximum, numbers)


def comparable(number: Number) -> Number:
    """Return a number to compare by: of a formula its value where all letters are large.

    Formulas that are compared, such as those of the gradient of wte before and after that of
    lm_head is added to it, keep their order at all values.
    """
    letters = getattr(number, "free_symbols", ())
    return number.subs(dict.fromkeys(letters, LARGE)) if letters else number


def largest_rows(alternatives: Iterable[Rows]) -> Rows:
    """Return the rows with the largest total, at each place where they are arrays."""
    first, *others = alternatives
    best, most = first, _total(first)
    for rows in others:
        total = _total(rows)
        is_more = total > most
        if isinstance(is_more, bool):
            best, most = (rows, total) if is_more else (best, most)
        else:
            best, most = _where(is_more, rows, best), largest([total, most])
    return best


def _total(rows: Rows) -> Number:
    return sum(number for row in rows.values() for number in row.values())


def _where(is_more: Any, rows: Rows, others: Rows) -> Rows:
    import numpy as np

    return {
        part: {
            column: np.where(is_more, number, others[part][column])
            for column, number in row.items()
        }
        for part, row in rows.items()
    }
