"""Types of what quantities are computed from, where numbers may be other than integers."""

from typing import Any, TypeAlias

Number: TypeAlias = Any
"""Whatever does arithmetic: a Python integer, a NumPy array, a SymPy expression, a polynomial."""
Config: TypeAlias = Any
"""What defines the case: fields with letters and rules, a :class:`.model.fields.Declared`."""
