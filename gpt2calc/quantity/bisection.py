"""Binary search for the largest integer that satisfies a condition."""

from collections.abc import Callable


def largest_that(fits: Callable[[int], bool], *, below: int = 0) -> int:
    """Return the largest integer that ``fits``; ``below`` if no larger one does.

    If ``fits`` is true for an integer, it must be true for all smaller ones.
    """
    low, high = below, 1
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
