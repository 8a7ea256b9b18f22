"""Explanations of a quantity: every step of its derivation, and lessons on its formula."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import ACTIVE, PARAMETERS, breakdown
from gpt2calc.model.kinds import kind_said
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity, model_of
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.quantity.symbols import fields_named, leave_open, letters_of
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.table import Column, Table
from gpt2calc.tape.numeric import symbols_in
from gpt2calc.teach.derivation import Chain, Derivation, SublayerSteps, in_one_line
from gpt2calc.teach.document import DerivationLine, DocumentPart, Heading, Lessons, Notes, Sums
from gpt2calc.teach.formulas import formula
from gpt2calc.teach.lessons import LESSONS, STORIES
from gpt2calc.teach.meanings import meaning_of

HEADING_OF_STORY = "The run from beginning to end"
HEADING_OF_LESSONS = "Why the answer is what it is"


@dataclass(frozen=True, repr=False)
class Explanation(Listing):
    """A derivation of one sublayer, or of all sublayers, a block and the whole model."""

    config: Config
    quantity: Quantity
    free: tuple[str, ...]
    """The fields that are left as letters."""
    sublayers: tuple[SublayerSteps, ...]
    each_block: tuple[tuple[str, Chain], ...]
    """A block of each kind, with its name; none where only one sublayer is explained."""
    total: Chain | None
    """The whole model; None where only one sublayer is explained."""
    lessons: tuple[str, ...]
    story: tuple[str, ...] = ()
    """Sentences on a run from beginning to end; empty but for memory without free fields."""

    def title(self) -> str:
        """Return the model, as far as it is given by numbers and switches."""
        title: str = self.config.title({*self.free, *self.config.following(self.free)})
        return title

    @property
    def chains(self) -> list[tuple[str, Chain]]:
        """Every chain of equal expressions that is displayed, with what it is of."""
        found = []
        for steps in self.sublayers:
            found += [(each.term.name(self.config.names), each.chain) for each in steps.terms]
            found += [(f"{steps.sublayer}, {name}", chain) for name, chain in steps.sums]
        if self.total is None:
            return found
        return [*found, *self.each_block, ("the whole model", self.total)]

    def notes(self) -> tuple[str, ...]:
        """Return what a reader must know of how terms are listed."""
        holds = self.quantity.formulas.holds(self.config, self.free) if self.free else ()
        return (*self.quantity.formulas.notes(self.config), *holds)

    @property
    def notation(self) -> Table:
        """What each letter stands for, and its number here."""
        return Table(
            title="",
            columns=(
                Column("letter"),
                Column("field"),
                Column("value", "mixed"),
                Column("meaning"),
            ),
            rows=tuple(
                (
                    letter,
                    name,
                    "open" if name in self.free else getattr(self.config, name),
                    self.config.description(name).split(".")[0],
                )
                for name, letter in letters_of(self.config, self.quantity).items()
                if self.total is not None or letter in self._letters
            ),
        )

    @property
    def _letters(self) -> set[str]:
        """The letters of the terms that are shown."""
        terms = [step.term for steps in self.sublayers for step in steps.terms]
        sizes = [size for term in terms for size in (*term.shape, term.copies)]
        return {str(letter) for size in sizes for letter in symbols_in(size)}

    def parts(self) -> Iterator[DocumentPart]:
        """Yield the parts that every written form has after its title, in order."""
        yield self.notation
        if self.story:
            yield Heading(HEADING_OF_STORY)
            yield Lessons(self.story)
        yield Notes(self.notes())
        for steps in self.sublayers:
            yield Heading(steps.sublayer, is_name=True)
            for each in steps.terms:
                meaning = _in_layers(each.layers, meaning_of(each.term))
                yield DerivationLine(each.term.name(self.config.names), meaning, each.chain)
            yield Sums(steps.sums)
        for name, chain in self.each_block:
            yield Heading(name)
            yield Sums((("", chain),))
        if self.total is not None:
            yield Heading("the whole model")
            yield Sums((("", self.total),))
        if self.lessons:
            yield Heading(HEADING_OF_LESSONS)
            yield Lessons(self.lessons)

    def to_dict(self) -> dict[str, Any]:
        """Return formulas in field names, with all fields open if none is, and their values."""
        said = formula(self.config, self.free or "all", of=self.quantity).to_dict()
        said |= {"free": list(self.free), "values": self._values()}
        if self.total is not None:
            return said
        wanted = {steps.sublayer for steps in self.sublayers}

        def kept(sublayers: dict[str, Any]) -> dict[str, Any]:
            return {"sublayers": {name: sublayers[name] for name in sublayers if name in wanted}}

        values = {"values": kept(said["values"]["sublayers"])}
        shown = {name: said[name] for name in ("config", "free", "symbols")}
        return {**shown, **kept(said["sublayers"]), **values}

    def _values(self) -> dict[str, Any]:
        """Return the config's amounts as numbers, and those of a block of each kind."""
        exact = breakdown(self.config, self.quantity)
        amounts = exact.amounts()["sublayers"]
        for part in amounts.values():
            del part["share"]
        sums = {"sublayers": amounts, "per_block": exact.per_block, "total": exact.total}
        kinds = self.quantity.by_kind(self.config)
        if len(kinds) < 2:
            return sums
        model = model_of(self.config)
        blocks = [
            {
                "kind": kind_said(model, kind),
                "layers": layers,
                "total": sum(term.amount for term in terms),
            }
            for kind, layers, terms in kinds
        ]
        return {**sums, "blocks": blocks}

    def items(self) -> list[tuple[str, Chain]]:
        """Return the chains, each with what it is of."""
        return self.chains

    def fields(self) -> tuple[RowField, ...]:
        """Return each chain, written in LaTeX."""
        return (
            RowField("of", lambda pair: pair[0], "of"),
            RowField("derivation", lambda pair: in_one_line(pair[1]), "derivation"),
        )

    def text(self) -> str:
        """Write the derivation in Unicode mathematics."""
        from gpt2calc.teach.text import as_text

        return as_text(self.title(), self.parts())

    def markdown(self) -> str:
        """Write the derivation with ``$...$`` around its mathematics, as GitHub renders it."""
        from gpt2calc.teach.text import as_markdown

        return as_markdown(self.title(), self.parts())

    def latex(self) -> str:
        """Write a complete LaTeX document."""
        from gpt2calc.teach.latex import document

        return document(self.title(), self.parts())

    _repr_html_ = None  # type: ignore[assignment]  # in a notebook it shows itself as mathematics

    def _repr_latex_(self) -> str:
        chain = self.total or self.sublayers[0].total
        return f"$\\displaystyle {in_one_line(chain)}$"


def _in_layers(layers: str, meaning: str) -> str:
    """Say in which layers a term is, before what it is for."""
    if not layers:
        return meaning
    return f"{layers}: {meaning[0].lower()}{meaning[1:]}" if meaning else f"{layers}."


def explain(
    config: Model | None = None,
    *,
    of: str | Quantity = "parameters",
    free: str | Collection[str] = (),
    sublayer: str | None = None,
) -> Explanation:
    """Derive a quantity of a model step by step.

    Args:
        config: the model, or its name; GPT-2 small if left out.
        of: the quantity, or its name.
        free: fields to leave as letters: names, or "all".
        sublayer: explain this one alone.

    Raises:
        UserError: a name in ``free`` is in no formula, or there is no such sublayer in the model.

    """
    quantity = as_quantity(of)
    case = quantity.case(as_config(config)).settled()
    case = quantity.formulas.settle(quantity.formulas.generic(case, fields_named(free)))
    model, fields = leave_open(case, free, quantity)
    derivation = Derivation(model, fields, quantity)
    if sublayer is not None:
        steps = derivation.sublayer(quantity.checked_part(sublayer))
        if not steps.terms:
            there = [each.sublayer for each in derivation.sublayers()]
            reason = _why_it_is_empty(sublayer, model, quantity, there)
            raise UserError(f"{sublayer} has no {quantity.unit} here: {reason}")
        return Explanation(model, quantity, fields, (steps,), (), None, ())
    lessons, story = LESSONS.get(quantity.name), STORIES.get(quantity.name)
    return Explanation(
        config=model,
        quantity=quantity,
        free=fields,
        sublayers=tuple(derivation.sublayers()),
        each_block=tuple(derivation.blocks()),
        total=derivation.total(),
        lessons=lessons(case) if lessons and not fields else (),
        story=story(case) if story and not fields else (),
    )


def _why_it_is_empty(
    sublayer: str, config: Config, quantity: Quantity, there: Collection[str]
) -> str:
    """Say why a sublayer has nothing, as far as that is known, and what to explain in its place."""
    counts_tensors = quantity.name in (PARAMETERS.name, ACTIVE.name)
    if sublayer == "lm_head" and counts_tensors and config.tie_embeddings:
        return "the head is tied to the token embedding; explain the model with an untied head"
    if sublayer == "position_embedding" and counts_tensors and config.positions != "learned":
        return "positions are not learned; explain the model with learned positions"
    return f"explain one of {', '.join(there)}"
