"""What quantities are added up in, outside of the typed core."""

from typing import Any, TypeAlias

Number: TypeAlias = Any
"""Whatever does arithmetic: a Python integer, a NumPy array, a SymPy expression, a polynomial."""
