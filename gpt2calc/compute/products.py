"""The matrix products of a pass, one by one: forward, backward, and what is done again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from gpt2calc.architecture import forward
from gpt2calc.case import Case
from gpt2calc.names import Names
from gpt2calc.output.result import Result, rows_as_csv
from gpt2calc.output.table import Column, Table
from gpt2calc.product import Product
from gpt2calc.terms import Number, Term

_PART_OF = {"attention": "projections"}
"""What a sublayer of the count is called here, where it has another name."""

GRADIENTS = {
    "scores": ("queries", "keys"),
    "mix": ("probabilities", "values"),
}
"""What the two factors of a product are; of all others, the input and the weight."""


class Multiplied(NamedTuple):
    """One product of a pass, or one in every block."""

    role: str
    """The operation's role, and after a colon the factor whose gradient it is."""
    part: str
    column: str
    """The pass."""
    product: Product
    copies: Number

    @property
    def term(self) -> Term:
        """What it adds to the sum."""
        return MatrixProduct(self.role, self.part, self.column, self.product.factors, self.copies)


class MatrixProduct(Term):
    """A product as a summand: its sizes, times two for a multiply and an add."""

    __slots__ = ()

    def name(self, names: Names) -> str:
        """Return the operation's name, and whose gradient it is, or that it is done again."""
        role, _, factor = self.role.partition(":")
        again = ", again" if self.column == "recomputed" else ""
        return f"{names.module(role)}{f', d {factor}' if factor else again}"


def products(case: Case) -> Iterator[Multiplied]:
    """List every matrix product of a pass in order, a block's once."""
    done = [
        Multiplied(
            *(operation.role, _PART_OF.get(operation.sublayer, operation.sublayer), "forward"),
            *(product, operation.copies),
        )
        for operation in forward(case.model)
        if (product := operation.multiplies(case)) is not None
    ]
    yield from done
    if case.training:
        for one in reversed(done):
            yield from _backward(one)
        if case.checkpointing == "block":
            yield from _recomputed(done, case)


def _backward(done: Multiplied) -> Iterator[Multiplied]:
    factors = GRADIENTS.get(done.role, ("input", "weight"))
    for factor, product in zip(factors, done.product.backward(), strict=True):
        role = f"{done.role}:{factor}"
        yield done._replace(role=role, column="backward", product=product)


def _recomputed(done: list[Multiplied], case: Case) -> list[Multiplied]:
    """Return the products of a block; less its last, where only dropout would need its outcome.

    ``torch.utils.checkpoint`` stops when all that was kept is there again, unless it is told to be
    reentrant.
    """
    in_block = [one for one in done if one.term.in_block]
    needed = in_block if case.dropout else in_block[:-1]
    return [one._replace(column="recomputed") for one in needed]


LISTED = (
    "An m × k by a k × n matrix, so many times; FLOPs are those of all blocks together, a multiply "
    "and an add being 2. A d before a factor: the product for its gradient."
)


@dataclass(frozen=True, repr=False)
class Operations(Result):
    """Every matrix product of a case as a table: its formula, its sizes, its FLOPs."""

    config: Case
    products: tuple[Multiplied, ...]

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a row for each product: sizes of one copy as a kernel sees them, and FLOPs."""
        from gpt2calc.symbols import plain, symbol, with_symbols

        case = self.config.settled().spelled_out()
        letters = {name for name, known in case.known.items() if known.letter}
        symbolic = products(with_symbols(case, letters))
        rows = []
        for one, formula in zip(self.products, symbolic, strict=True):
            times, m, k, n = one.product.sizes(case.heads or 1)
            sizes = formula.product.sizes(symbol("n_head") if case.heads else 1)
            rows.append(
                {
                    "name": one.term.name(case.names),
                    "part": one.part,
                    "pass": one.column,
                    "formula": " x ".join(plain(size) for size in sizes),
                    "times": times,
                    "m": m,
                    "k": k,
                    "n": n,
                    "copies": one.copies,
                    "flops": one.term.amount,
                }
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
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
                    row["formula"].replace(" x ", "×"),
                    "×".join(str(row[size]) for size in ("times", "m", "k", "n")),
                    row["flops"],
                )
                for row in rows
            ),
            footer=("total", None, None, sum(row["flops"] for row in rows)),
            notes=(LISTED,),
        )
