"""The count as SymPy expressions: formulas to calculate with, any quantity left open."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gpt2calc.architecture import Sublayer, tensors
from gpt2calc.config import GPT2Config
from gpt2calc.counting import Tally, checked_sublayer, tally
from gpt2calc.loading import Model, as_config
from gpt2calc.symbols import LETTERS, opened, with_symbols

if TYPE_CHECKING:
    from sympy import Expr


@dataclass(frozen=True)
class Formulas:
    """Weights, biases and totals of each sublayer, of a block, and of the model.

    ``formulas["attention"].total`` and the like are SymPy expressions in L (n_layer), d (n_embd),
    V (vocab), T (n_ctx) and f (n_inner), in parameters; integers where nothing is left open.
    """

    config: GPT2Config
    free: tuple[str, ...]
    """The fields that are letters; all others are the config's numbers."""
    sublayers: dict[Sublayer, Tally]
    per_block: "Expr"

    @property
    def total(self) -> "Expr":
        """The whole model."""
        from sympy import expand

        return expand(sum(part.total for part in self.sublayers.values()))

    def __getitem__(self, sublayer: str) -> Tally:
        """One sublayer: its ``weights``, ``biases`` and ``total``. ``UserError`` if it is none."""
        return self.sublayers[checked_sublayer(sublayer)]

    def to_dict(self) -> dict[str, Any]:
        """Expressions in field names, which SymPy and Python both parse."""
        return {
            "config": self.config.model_dump(),
            "free": list(self.free),
            "symbols": {name: LETTERS[name] for name in self.free},
            "sublayers": {
                name: {
                    "weights": self._in_field_names(part.weights),
                    "biases": self._in_field_names(part.biases),
                    "total": self._in_field_names(part.total),
                }
                for name, part in self.sublayers.items()
            },
            "per_block": self._in_field_names(self.per_block),
            "total": self._in_field_names(self.total),
        }

    def _in_field_names(self, expression: Any) -> str:
        from sympy import Symbol, expand, sympify

        fields = {LETTERS[name]: Symbol(name) for name in self.free}
        expression = expand(sympify(expression))
        return str(expression.subs({each: fields[each.name] for each in expression.free_symbols}))

    def _repr_latex_(self) -> str:
        from sympy import latex

        return f"$\\displaystyle {latex(self.total)}$"

    def __str__(self) -> str:
        return str(self.total)


def formula(config: Model | None = None, free: str | Collection[str] = "all") -> Formulas:
    """Write the count of a model as formulas.

    Args:
        config: gives the switches, and the numbers that are not free; a config or its name, GPT-2
            small if left out.
        free: fields to leave as letters: names, or "all".

    Raises:
        UserError: a name in ``free`` is not that of a number that a formula has.

    """
    from sympy import expand

    config, fields = opened(as_config(config), free)
    listed = tensors(with_symbols(config, fields))
    block = expand(sum(each.parameters_each for each in listed if each.in_block))
    parts = {name: Tally(expand(w), expand(b)) for name, (w, b) in tally(listed).items()}
    return Formulas(config, fields, parts, block)
