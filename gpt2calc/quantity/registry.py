"""All quantities by name: what ``of`` and ``--of`` choose from. Each is imported when asked for."""

from importlib import import_module

from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.quantity.quantity import Quantity

_MODULES = {
    "parameters": ("gpt2calc.metrics.parameters", "PARAMETERS"),
    "active": ("gpt2calc.metrics.parameters", "ACTIVE"),
    "flops": ("gpt2calc.metrics.flops", "FLOPS"),
    "memory": ("gpt2calc.metrics.memory.quantity", "MEMORY"),
    "cache": ("gpt2calc.metrics.memory.cache_quantity", "CACHE"),
}
NAMES = tuple(_MODULES)
"""What the quantities are called."""


def as_quantity(of: str | Quantity) -> Quantity:
    """Return the quantity itself, or the one of that name. Raises ``UserError`` if it is none."""
    if isinstance(of, Quantity):
        return of
    if not isinstance(of, str) or of not in _MODULES:
        hint = did_you_mean(str(of), NAMES) or f"; there are {', '.join(NAMES)}"
        raise UserError(f"no quantity is called {quoted(of)}{hint}")
    module, name = _MODULES[of]
    quantity: Quantity = getattr(import_module(module), name)
    return quantity
