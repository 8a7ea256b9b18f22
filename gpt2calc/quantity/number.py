"""The type of the amounts of a quantity, where they may be other than integers."""

from typing import Any, TypeAlias

Number: TypeAlias = Any
"""Whatever does arithmetic: a Python integer, a NumPy array, a SymPy expression, a polynomial."""
