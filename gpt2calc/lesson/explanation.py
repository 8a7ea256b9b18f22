"""The whole derivation of a count, for a terminal, for GitHub, for LaTeX, and for programs."""

from collections.abc import Collection
from typing import Any

from gpt2calc.counting import checked_sublayer
from gpt2calc.errors import UserError
from gpt2calc.lesson.blackboard import in_markdown, on_blackboard
from gpt2calc.lesson.derivation import Derivation, in_one_line
from gpt2calc.lesson.explained import Explained
from gpt2calc.lesson.formulas import formula
from gpt2calc.lesson.latex import document
from gpt2calc.lesson.lessons import lessons
from gpt2calc.loading import Model, as_config
from gpt2calc.render import Result
from gpt2calc.symbols import opened
from gpt2calc.tables import Column, Table


class Explanation(Explained, Result):
    """A derivation that can be written down in every format."""

    def to_dict(self) -> dict[str, Any]:
        """Expressions in field names; with nothing left open, as with everything left open."""
        said = formula(self.config, self.free or "all").to_dict() | {"free": list(self.free)}
        if self.total is not None:
            return said
        wanted = {steps.sublayer for steps in self.sublayers}
        kept = {name: each for name, each in said["sublayers"].items() if name in wanted}
        return {name: said[name] for name in ("config", "free", "symbols")} | {"sublayers": kept}

    def table(self) -> Table:
        """A row for each chain, written in LaTeX."""
        return Table(
            title=self.title,
            columns=(Column("of"), Column("derivation")),
            rows=tuple((name, in_one_line(chain)) for name, chain in self.chains),
        )

    def text(self) -> str:
        """The derivation in Unicode mathematics."""
        return on_blackboard(self)

    def markdown(self) -> str:
        """The derivation with ``$...$`` around its mathematics, as GitHub renders it."""
        return in_markdown(self)

    def latex(self) -> str:
        """A complete LaTeX document."""
        return document(self)

    _repr_html_ = None  # type: ignore[assignment]  # in a notebook it shows itself as mathematics

    def _repr_latex_(self) -> str:
        chain = self.total or self.sublayers[0].total
        return f"$\\displaystyle {in_one_line(chain)}$"


def explain(
    config: Model | None = None,
    *,
    free: str | Collection[str] = (),
    sublayer: str | None = None,
) -> Explanation:
    """Derive the count of a model step by step.

    Args:
        config: the model, or its name; GPT-2 small if left out.
        free: fields to leave as letters: names, or "all".
        sublayer: explain this one alone.

    Raises:
        UserError: a name in ``free`` is in no formula, or there is no such sublayer in the model.

    """
    config, fields = opened(as_config(config), free)
    derivation = Derivation(config, fields)
    if sublayer is not None:
        steps = derivation.sublayer(checked_sublayer(sublayer))
        if not steps.tensors:
            raise UserError(
                f"{sublayer} has no parameters here: the head is tied to the token embedding; "
                "explain the model with an untied head"
            )
        return Explanation(config, fields, (steps,), None, None, ())
    return Explanation(
        config=config,
        free=fields,
        sublayers=tuple(derivation.sublayers()),
        block=derivation.block(),
        total=derivation.total(),
        lessons=() if fields else lessons(config),
    )
