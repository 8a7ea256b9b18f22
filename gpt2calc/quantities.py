"""All quantities by name: what ``of`` and ``--of`` choose from."""

from gpt2calc.compute.counting import FLOPS
from gpt2calc.counting import ACTIVE, PARAMETERS
from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.footprint.counting import MEMORY
from gpt2calc.quantity import Quantity

QUANTITIES = {quantity.name: quantity for quantity in (PARAMETERS, ACTIVE, FLOPS, MEMORY)}


def as_quantity(of: str | Quantity) -> Quantity:
    """Return the quantity itself, or the one of that name. Raises ``UserError`` if it is none."""
    if isinstance(of, Quantity):
        return of
    if of not in QUANTITIES:
        hint = did_you_mean(str(of), QUANTITIES) or f"; there are {', '.join(QUANTITIES)}"
        raise UserError(f"no quantity is called {quoted(of)}{hint}")
    return QUANTITIES[of]
