"""Formulas of a quantity as SymPy expressions, with any of the config's fields as letters."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import more_than_active
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import NoFormulaError, Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.quantity.symbols import LETTERS, fields_named, leave_open, with_symbols
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.table import Row, Table
from gpt2calc.teach.derivation import in_letters
from gpt2calc.teach.notation import split_sum

LONGEST = 60
"""The most characters of a formula in one line, beside the names of the parts."""

if TYPE_CHECKING:
    from sympy import Expr


class Sum(NamedTuple):
    """Several sublayers together: a total alone."""

    total: "Expr"


@dataclass(frozen=True, repr=False)
class Formulas(Listing):
    """The columns and totals of each sublayer, of a block, and of the model.

    ``formulas["attention"].total`` and the like are SymPy expressions in the letters of the fields
    that are left open, such as L (n_layer) and d (n_embd); integers where none is.
    """

    config: Config
    quantity: Quantity
    free: tuple[str, ...]
    """The fields that are letters; all others are the config's numbers."""
    sublayers: dict[str, Any]
    per_block: "Expr"

    @property
    def total(self) -> "Expr":
        """The whole model."""
        from sympy import expand

        return expand(sum(part.total for part in self.sublayers.values()))

    def __getitem__(self, sublayer: str) -> Any:
        """Return one sublayer's columns and ``total``. Raises ``UserError`` if it is none."""
        return self.sublayers[self.quantity.checked_part(sublayer)]

    def to_dict(self) -> dict[str, Any]:
        """Expressions in field names, which SymPy and Python both parse."""
        return {
            "config": self.config.effective(),
            "free": list(self.free),
            "symbols": {name: LETTERS[name] for name in self.free},
            "sublayers": {
                name: {each: self._in_field_names(getattr(part, each)) for each in self._columns}
                for name, part in self.sublayers.items()
            },
            "per_block": self._in_field_names(self.per_block),
            "total": self._in_field_names(self.total),
        }

    @property
    def _columns(self) -> tuple[str, ...]:
        return (*self.quantity.columns_apart(self.config), "total")

    def items(self) -> list[tuple[str, Any]]:
        """Return the sublayers, one block and the model, each with its name."""
        sums = {"one block": Sum(self.per_block), "the whole model": Sum(self.total)}
        return [*self.sublayers.items(), *sums.items()]

    def fields(self) -> tuple[RowField, ...]:
        """Return the formulas in field names; people read the totals in letters."""
        *split, _ = self._columns
        return (
            RowField("of", lambda pair: pair[0], self.quantity.unit),
            *(RowField(each, partial(self._formula, each)) for each in split),
            RowField(
                "total",
                partial(self._formula, "total"),
                "",
                "text",
                lambda pair: in_letters(pair[1].total),
            ),
        )

    def _formula(self, column: str, pair: tuple[str, Any]) -> str | None:
        """Return one column; None of what has a total alone."""
        expression = getattr(pair[1], column, None)
        return None if expression is None else self._in_field_names(expression)

    def summary(self) -> str:
        return str(self)

    def title(self) -> str:
        title: str = self.config.title({*self.free, *self.config.following(self.free)})
        return title

    def footer(self) -> Row:
        return ("total", in_letters(self.total))

    def notes(self) -> tuple[str, ...]:
        """Return what the letters stand for, and where the formulas hold."""
        stand_for = ", ".join(f"{LETTERS[name]} is {name}" for name in self.free)
        return (
            f"{stand_for}.",
            *self.quantity.formulas.holds(self.config, self.free),
            *more_than_active(self.config, self.quantity),
        )

    def table(self) -> Table:
        """Return a row for each formula, in letters; in a table of memory none that is 0."""
        *sums, _ = self.items()
        hides = self.quantity.display.has_many_parts
        read = [(name, each) for name, each in sums if each.total or not hides]
        return self.table_of(read, self.title())._replace(footer=self.footer(), notes=self.notes())

    def text(self) -> str:
        """Write the formulas as wide as the terminal, long ones in several lines."""
        from gpt2calc.report.text import GAP, line_width, text

        table = self.table()
        room = line_width() - max(len(name) for name, _ in table.rows) - GAP
        rows = [line for row in table.rows for line in _broken(row, min(room, LONGEST))]
        first, *more = _broken(table.footer or ("", ""), min(room, LONGEST))
        if more:  # a total of several lines stands among the rows
            return text(table._replace(rows=(*rows, first, *more), footer=None))
        return text(table._replace(rows=tuple(rows)))

    def _in_field_names(self, expression: Any) -> str:
        from sympy import Symbol, expand, sympify

        fields = {LETTERS[name]: Symbol(name) for name in self.free}
        expression = expand(sympify(expression))
        return str(expression.subs({each: fields[each.name] for each in expression.free_symbols}))

    def _repr_latex_(self) -> str:
        from sympy import latex

        return f"$\\displaystyle {latex(self.total)}$"

    _repr_html_ = None  # type: ignore[assignment]  # in a notebook it shows itself as mathematics

    def __str__(self) -> str:
        return str(self.total)


def _broken(row: Row, longest: int) -> list[Row]:
    """Break a long sum before a plus, into rows without a name."""
    name, written = row
    first, *others = split_sum(written, longest, longest)
    return [(name, first), *(("", f"  {each}") for each in others)]


def formula(
    config: Model | None = None,
    free: str | Collection[str] = "all",
    *,
    of: str | Quantity = "parameters",
) -> Formulas:
    """Write a quantity of a model as formulas.

    Args:
        config: gives the switches, and the numbers that are not free; a config or its name, GPT-2
            small if left out.
        free: fields to leave as letters: names, or "all".
        of: the quantity, or its name.

    Raises:
        UserError: a name in ``free`` is not that of a number that a formula has.

    """
    quantity = as_quantity(of)
    try:
        return _formulas(quantity, quantity.case(as_config(config)).settled(), free)
    except NoFormulaError as error:
        raise UserError(
            f"{quantity.name} has no formula in these letters ({error}): leave other fields open"
        ) from None


def _formulas(quantity: Quantity, case: Config, free: str | Collection[str]) -> Formulas:
    from sympy import expand

    case = quantity.formulas.settle(quantity.formulas.generic(case, fields_named(free)))
    case, fields = leave_open(case, free, quantity)
    symbolic = with_symbols(case, fields)
    terms = list(quantity.terms(symbolic))
    block = expand(quantity.per_block(symbolic))
    parts = {
        name: quantity.tally(*(expand(each) for each in tally))
        for name, tally in quantity.sums(terms).items()
    }
    return Formulas(case, quantity, fields, parts, block)
