"""Matrix products of a forward pass, whose outcomes a run has room for."""

from math import prod
from typing import Any, NamedTuple


class Product(NamedTuple):
    """A product of an ``m x k`` with a ``k x n`` matrix, as many ``times`` as its factors say.

    Sizes are of all heads together; ``split`` is the place of the one that the heads share out
    among them, 0 where there are no heads. In a causal product a row meets itself and those before
    it alone: ``pairs`` of a query and a key are what is left of the whole rectangle.
    """

    times: tuple[Any, ...]
    m: Any
    k: Any
    n: Any
    split: int = 0
    doubled_pairs: tuple[Any, ...] = ()
    """Factors of twice the pairs of a causal product, which is a whole number in any arithmetic."""

    def sizes(self, heads: Any) -> tuple[Any, Any, Any, Any]:
        """Return times, m, k, n as a kernel sees them: a product for each head.

        A causal product has no rectangle: each pair of a query and a key is one of its own.
        """
        times = prod(self.times)
        if not self.split:
            return times, self.m, self.k, self.n
        sizes = [times * heads, self.m, self.k, self.n]
        if self.doubled_pairs:
            sizes = [divided(times * heads * prod(self.doubled_pairs), 2), 1, 1, 1]
        sizes[self.split] = divided(self[self.split], heads)
        return tuple(sizes)


def divided(number: Any, by: Any) -> Any:
    """Divide what leaves no rest, in integers or letters."""
    return number // by if isinstance(number, int) else number / by
