"""Diagnosis of a parameter count: the likeliest known causes that give a number exactly."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from gpt2calc.analysis.arithmetic import difference
from gpt2calc.analysis.causes import Cause
from gpt2calc.analysis.combinations import begin
from gpt2calc.analysis.countings import Counting, counting_of
from gpt2calc.analysis.explanations import explanations_of, nearest_to
from gpt2calc.analysis.published_sizes import published_with
from gpt2calc.metrics.parameters import active_said
from gpt2calc.model.config import ModelConfig
from gpt2calc.quantity.models import Model, as_model
from gpt2calc.report.listing import Listing, RowField, counts
from gpt2calc.units import RoundedNumber

A_NAME = 3
"""Cost in bits: of a size that is only the name that a model is published with."""
SHOWN = 8
"""Sentences that text and Markdown show at most."""


@dataclass(frozen=True)
class Hypothesis:
    """One explanation of a number: causes that lead to it, or near it."""

    number: RoundedNumber
    causes: tuple[Cause, ...]
    countings: tuple[Counting, ...]
    """The model as it is, then after each change in turn."""
    cost: float
    """Bits: one more is half as likely."""
    free: str | None = None
    """The field that has another value in the last counting; None if there is none."""
    published: str | None = None
    """The preset that is published with this size, though its count is another; or None."""

    @property
    def total(self) -> int:
        """The number that the causes give: parameters, or bytes that were taken for them."""
        total: int = self.countings[-1].total
        return total

    @property
    def residual(self) -> int:
        """The number less ``total``; 0 where ``total`` rounds to it, or is published as it."""
        is_total = self.published is not None or self.number.stands_for(self.total)
        return 0 if is_total else self.number.value - self.total

    @property
    def sentence(self) -> str:
        """The arithmetic and the causes, in one sentence."""
        if self.published is not None:
            size = f"{self.number.text} is the size that {self.published} is published with"
            return f"{size}; it has {self.total:,}"
        steps = self._steps()
        if len(steps) == 1 and not self.residual:
            what = self.causes[0].preset if self.causes else "this model"
            return f"{self._rounding()}{self.total:,} is exactly what {what} has"
        reasons = "; and ".join(self._reasons())
        return (
            f"{self._rounding()}{self.total + self.residual:,} = {self._arithmetic(steps)}"
            f"{': ' if reasons else ''}{reasons}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return keys of the causes; total and residual as in the attributes, cost in bits."""
        free = {self.free: getattr(self.countings[-1].config, self.free)} if self.free else None
        return {
            "sentence": self.sentence,
            "departures": [cause.key for cause in self.causes],
            "free": free,
            "total": self.total,
            "residual": self.residual,
            "cost": self.cost,
        }

    def _steps(self) -> tuple[Counting, ...]:
        """Return the countings from that of the preset on, where a preset was counted instead."""
        return self.countings[begin(self.causes) :]

    def _arithmetic(self, steps: tuple[Counting, ...]) -> str:
        unit = steps[-1].unit
        counted = [step._replace(unit=1) for step in steps]
        changes = [pair for pair in pairwise(counted) if pair[0] != pair[1]]
        terms = "".join(difference(before, after) for before, after in changes)
        said = f"{counted[0].total:,}{terms}"
        if unit != 1:
            said = f"{f'({said})' if terms else said} x {unit}"
        if self.residual:
            sign = "+" if self.residual > 0 else "-"
            said += f" {sign} {abs(self.residual):,} unexplained"
        return said

    def _rounding(self) -> str:
        if self.number.unit == 1 or self.residual:
            return ""
        return f"{self.number.text} is {self.total:,}, rounded; "

    def _reasons(self) -> Iterator[str]:
        for cause, counting in zip(self.causes, self.countings[1:], strict=False):
            yield cause.clause.format(config=counting.config)
        if self.free:
            before, after = (self.countings[at].config.value(self.free) for at in (0, -1))
            yield f"{self.free} is {after:,} instead of {before:,}"


@dataclass(frozen=True, repr=False)
class Diagnosis(Listing):
    """What explains a number, or, if nothing known does, what comes nearest to it."""

    number: RoundedNumber
    config: ModelConfig
    explanations: tuple[Hypothesis, ...]
    """The likeliest, and those that are nearly as likely; none if nothing known explains it."""
    nearest: tuple[Hypothesis, ...]
    """What leaves least unexplained, where nothing explains all."""

    def to_dict(self) -> dict[str, Any]:
        """Return explanations with their sentences; counts in parameters."""
        return {
            "number": self.number.text,
            "config": self.config.effective(),
            "count": counting_of(self.config).total,
            "explained": bool(self.explanations),
            "explanations": [explanation.to_dict() for explanation in self.explanations],
            "nearest": [explanation.to_dict() for explanation in self.nearest],
        }

    def summary(self) -> str:
        """Say the number, and what explains it best."""
        best = self.items()[0]
        keys = [cause.key for cause in best.causes]
        return f"{self.number.text} {'is' if self.explanations else 'near'} {keys or best.total}"

    def items(self) -> tuple[Hypothesis, ...]:
        """Return what explains the number, or comes near to it."""
        return (*self.explanations, *self.nearest)

    def fields(self) -> tuple[RowField, ...]:
        """Return the columns: sentence, total and residual."""
        return (
            RowField("explanation", lambda each: each.sentence, "explanation"),
            counts("total", lambda each: each.total),
            counts("residual", lambda each: each.residual),
        )

    def title(self) -> str:
        """Say what the model has, and whether anything explains the number."""
        total = f"{counting_of(self.config).total:,} parameters"
        has = " ".join((f"{self.config.title()} has {total}.", *active_said(self.config)))
        if self.explanations:
            return has
        if not self.nearest[0].causes:
            return f"{has} Nothing known explains {self.number.text}, or comes near it:"
        how = "exactly" if self.nearest[0].residual else "better than chance would"
        return f"{has} Nothing known explains {self.number.text} {how}; the nearest:"

    def text(self) -> str:
        """Write the sentences, one beneath the other."""
        return self._paragraphs("\n\n")

    def markdown(self) -> str:
        """Write the sentences as a list."""
        return self._paragraphs("\n- ").replace("\n- ", "\n\n- ", 1)

    def _paragraphs(self, between: str) -> str:
        from gpt2calc.report.text import wrapped

        sentences = [f"{explanation.sentence}." for explanation in self.items()]
        unsaid = len(sentences) - SHOWN
        more = [f"... and {unsaid:,} more (--format json has them all)."] if unsaid > 0 else []
        return between.join(map(wrapped, (self.title(), *sentences[:SHOWN], *more)))


def diagnose(number: int | str | RoundedNumber, config: Model | None = None) -> Diagnosis:
    """Say what explains the difference between a number and the count of a model.

    Combinations of up to four of ``causes.CAUSES``, another preset among them, are weighed
    by how rare each cause is; another value of a field, one that presets have, is a cause
    too. The likeliest are given; of a size that the model is published with, only those that are
    likelier than that it is no more than a name. Where causes would explain chance numbers of the
    same kind as well (see :mod:`gpt2calc.analysis.luck`), only the nearest combinations are given.

    Args:
        number: the count to explain: an integer, or text such as "163M", which stands for all
            counts that round to it.
        config: the model that was meant, or its name; GPT-2 small if left out.

    Raises:
        UserError: ``number`` is no number of parameters.

    """
    meant = as_model(config)
    amount = RoundedNumber.of(number)
    found = [Hypothesis(amount, *one) for one in explanations_of(amount, meant)]
    if not found or found[0].cost >= A_NAME:
        published = published_with(meant, amount)
        if published is not None:
            as_it_is = counting_of(meant)
            found = [Hypothesis(amount, (), (as_it_is,), A_NAME, published=published)]
    nearest = [] if found else _nearest(amount, meant)
    return Diagnosis(amount, meant, tuple(found), tuple(nearest))


def _nearest(number: RoundedNumber, meant: ModelConfig) -> list[Hypothesis]:
    """Return the combinations that come near, or the model as it is, where none does.

    They leave at most a tenth of the number, and less than half of what the model itself leaves.
    """
    as_it_is = Hypothesis(number, (), (counting_of(meant),), 0)
    most = min(number.value // 10, abs(as_it_is.residual) // 2)
    found = [Hypothesis(number, *one) for one in nearest_to(number, meant)]
    return [each for each in found if abs(each.residual) <= most] or [as_it_is]
