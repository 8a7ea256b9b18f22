"""Arithmetic on any kind of number that a field can hold.

A field holds an integer; in formulas a SymPy expression or a polynomial, in sweeps a NumPy array.
Numbers are told apart by their attributes, so that neither library is imported where it is not in
use. Functions that return a number are typed like the fields, as if it were an integer.
"""


def is_array(number: object) -> bool:
    """Tell whether a number is of NumPy: an array, or a single element of one."""
    return hasattr(number, "dtype")


def is_numeric(number: object) -> bool:
    """Tell whether a number is an integer or of NumPy, and no formula."""
    return isinstance(number, int) or is_array(number)


def is_symbolic(number: object) -> bool:
    """Tell whether a number is a SymPy expression, which may be a constant."""
    return hasattr(number, "free_symbols")


def symbols_in(number: object) -> set[object]:
    """Return the symbols of a SymPy expression; none for a constant or any other number."""
    return getattr(number, "free_symbols", set())


def exact_quotient(total: int, divisor: int) -> int:
    """Divide where no remainder is left: by ``//`` integers and arrays, by ``/`` all others."""
    if is_numeric(total) and not is_symbolic(divisor):
        return total // divisor
    return total / divisor  # type: ignore[return-value]


def smaller(one: int, other: int) -> int:
    """Return the smaller of two integers; where there are arrays, of each pair of elements."""
    if not (is_array(one) or is_array(other)):
        return min(one, other)
    import numpy as np

    return np.minimum(one, other)  # type: ignore[no-any-return]
