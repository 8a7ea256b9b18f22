"""The search for the largest number that something holds for."""

from collections.abc import Callable


def largest_that(fits: Callable[[int], bool], *, below: int = 0) -> int:
    """Return the largest number that something holds for; it holds for those below it, too.

    Where it does not hold for any above ``below``, that is returned.
    """
    low, high = below, 1
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
