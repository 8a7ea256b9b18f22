"""The matrix products of a pass as a table."""

from dataclasses import dataclass
from functools import partial

from gpt2calc.metrics.matmuls import Product, products
from gpt2calc.quantity.case import Case
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.table import Row

SIZES = ("times", "m", "k", "n")
LISTED = (
    "An m × k by a k × n matrix, so many times; FLOPs are those of all blocks together, a multiply "
    "and an add being 2. A d before a factor: the product for its gradient."
)


@dataclass(frozen=True, repr=False)
class Operations(Listing):
    """Every matrix product of a case as a table: its formula, its sizes, its FLOPs."""

    config: Case
    products: tuple[Product, ...]

    def items(self) -> list[tuple[Product, Product]]:
        """Return each product in numbers, and in letters."""
        from gpt2calc.quantity.symbols import with_symbols

        case = self.config.settled().spelled_out()
        letters = {name for name, known in case.known.items() if known.letter}
        if case.heads is None:
            letters.remove("n_head")
        case = case.evaluate_at(n_head=case.heads or 1)
        symbolic = products(with_symbols(case, letters))
        return [*zip(self.products, symbolic, strict=True)]

    def fields(self) -> tuple[RowField, ...]:
        """Return sizes of one copy as a kernel sees them, and the FLOPs of all copies."""
        names = self.config.names
        return (
            RowField("name", lambda pair: pair[0].term.name(names), "product"),
            RowField("part", lambda pair: pair[0].part),
            RowField("pass", lambda pair: pair[0].phase),
            RowField(
                "formula",
                lambda pair: _formula(pair[1], " x "),
                "formula",
                shown=lambda pair: _formula(pair[1], "×"),
            ),
            *(RowField(size, partial(_size, at)) for at, size in enumerate(SIZES)),
            RowField("copies", lambda pair: pair[0].copies),
            RowField(None, lambda pair: "×".join(map(str, pair[0].sizes)), "times × m × k × n"),
            RowField("flops", lambda pair: pair[0].term.amount, "FLOPs", "count"),
        )

    def title(self) -> str:
        return self.config.title()

    def footer(self) -> Row:
        return ("total", None, None, self.total)

    def notes(self) -> tuple[str, ...]:
        return (LISTED,)

    @property
    def total(self) -> int:
        """The FLOPs of all products in all their copies."""
        return sum(one.term.amount for one in self.products)

    def to_dict(self) -> dict[str, object]:
        """Return a row for each product, and the FLOPs of all in all their copies."""
        return {
            "config": self.config.effective(),
            "total": self.total,
            "operations": self.to_rows(),
        }


def _size(at: int, pair: tuple[Product, Product]) -> int:
    return pair[0].sizes[at]


def _formula(product: Product, times: str) -> str:
    """Return the sizes of a product in letters."""
    from sympy import factor

    from gpt2calc.quantity.symbols import plain

    return times.join(plain(factor(size)) for size in product.sizes)
