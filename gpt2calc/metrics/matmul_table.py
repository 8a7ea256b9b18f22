"""The matrix products of a pass as a table."""

from dataclasses import dataclass

from gpt2calc.metrics.matmuls import Product, products
from gpt2calc.quantity.case import Case
from gpt2calc.report.result import Result, rows_as_csv
from gpt2calc.report.table import Column, Table

LISTED = (
    "An m × k by a k × n matrix, so many times; FLOPs are those of all blocks together, a multiply "
    "and an add being 2. A d before a factor: the product for its gradient."
)


@dataclass(frozen=True, repr=False)
class Operations(Result):
    """Every matrix product of a case as a table: its formula, its sizes, its FLOPs."""

    config: Case
    products: tuple[Product, ...]

    def to_rows(self) -> list[dict[str, object]]:
        """Return a row for each product: sizes of one copy as a kernel sees them, and FLOPs."""
        from sympy import factor

        from gpt2calc.quantity.symbols import plain, with_symbols

        case = self.config.settled().spelled_out()
        letters = {name for name, known in case.known.items() if known.letter}
        if case.heads is None:
            letters.remove("n_head")
        case = case.evaluate_at(n_head=case.heads or 1)
        symbolic = products(with_symbols(case, letters))
        return [
            {
                "name": one.term.name(case.names),
                "part": one.part,
                "pass": one.phase,
                "formula": " x ".join(plain(factor(size)) for size in formula.sizes),
                **dict(zip(("times", "m", "k", "n"), one.sizes, strict=True)),
                "copies": one.copies,
                "flops": one.term.amount,
            }
            for one, formula in zip(self.products, symbolic, strict=True)
        ]

    def to_dict(self) -> dict[str, object]:
        """Return a row for each product, and the FLOPs of all in all their copies."""
        return {
            "config": self.config.effective(),
            "total": sum(one.term.amount for one in self.products),
            "operations": self.to_rows(),
        }

    def csv(self) -> str:
        """Write a row for each, numbers bare."""
        return rows_as_csv(self.to_rows())

    def table(self) -> Table:
        """Return a row for each product: the sizes of one copy, the FLOPs of all copies."""
        rows = self.to_rows()
        return Table(
            title=self.config.title(),
            columns=(
                *(Column("product"), Column("formula"), Column("times × m × k × n")),
                Column("FLOPs", "count"),
            ),
            rows=tuple(
                (
                    row["name"],
                    str(row["formula"]).replace(" x ", "×"),
                    "×".join(str(row[size]) for size in ("times", "m", "k", "n")),
                    row["flops"],
                )
                for row in rows
            ),
            footer=("total", None, None, sum(one.term.amount for one in self.products)),
            notes=(LISTED,),
        )
