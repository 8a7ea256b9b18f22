"""The largest of several sums, in any arithmetic."""

from collections.abc import Sequence

from gpt2calc.quantity.number import Number

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
