"""Where a strange number comes from: the fewest known departures that give it exactly."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nsmallest
from itertools import combinations, pairwise
from typing import Any

from gpt2calc.amount import Amount
from gpt2calc.config import GPT2Config
from gpt2calc.loading import presets
from gpt2calc.models import Model, as_config
from gpt2calc.output.result import Result
from gpt2calc.output.table import Column, Table
from gpt2calc.polynomial import along
from gpt2calc.what_if.departures import DEPARTURES, STAGES, Account, Departure, account_of
from gpt2calc.what_if.sentences import difference

MOST_DEPARTURES = 3
"""Departures that are combined at most."""
A_FREE_FIELD = 2
"""As how many departures a field with any other value counts: it can close many a gap by chance."""
FREE_FIELDS = ("n_layer", "n_embd", "n_inner", "vocab", "n_ctx")
"""Fields whose value may close a gap, first those whose steps are largest: a fit is least luck."""
NEAREST = 3
"""How many explanations are given, where none is whole."""
MOST_IN_NEAREST = 2
"""Departures of such an explanation at most: with more, something always comes near."""
SHOWN = 8


@dataclass(frozen=True)
class Explanation:
    """One way to arrive at a number."""

    number: Amount
    departures: tuple[Departure, ...]
    accounts: tuple[Account, ...]
    """The model as it is, then after each change in turn."""
    free: str | None = None
    """The field that has another value, which is that of the last account; None without one."""

    @property
    def total(self) -> int:
        """What it adds up to, in parameters."""
        return self.accounts[-1].total

    @property
    def residual(self) -> int:
        """Parameters of the number that it leaves unexplained; 0 where it rounds to the number."""
        return 0 if self.number.stands_for(self.total) else self.number.value - self.total

    @property
    def sentence(self) -> str:
        """The arithmetic and the reasons, as a person would say them."""
        if len(self.accounts) == 1 and not self.residual:
            return f"{self._rounding()}{self.total:,} is exactly what this model has"
        terms = "".join(difference(before, after) for before, after in pairwise(self.accounts))
        remaining = f" {'+' if self.residual > 0 else '-'} {abs(self.residual):,} unexplained"
        left = self.total + self.residual
        return (
            f"{self._rounding()}{left:,} = {self.accounts[0].total:,}{terms}"
            f"{remaining if self.residual else ''}{': ' if self.departures or self.free else ''}"
            f"{'; and '.join(self._reasons())}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Keys of the departures; totals and residuals in parameters."""
        free = {self.free: getattr(self.accounts[-1].config, self.free)} if self.free else None
        return {
            "sentence": self.sentence,
            "departures": [each.key for each in self.departures],
            "free": free,
            "total": self.total,
            "residual": self.residual,
        }

    def _rounding(self) -> str:
        if self.number.unit == 1 or self.residual:
            return ""
        return f"{self.number.text} is {self.total:,}, rounded; "

    def _reasons(self) -> Iterator[str]:
        for departure, account in zip(self.departures, self.accounts[1:], strict=False):
            yield departure.clause.format(config=account.config)
        if self.free:
            before, after = (self.accounts[place].config.value(self.free) for place in (0, -1))
            yield f"{self.free} is {after:,} instead of {before:,}"


@dataclass(frozen=True)
class Diagnosis(Result):
    """What explains a number, or, if nothing known does, what comes nearest to it."""

    number: Amount
    config: GPT2Config
    explanations: tuple[Explanation, ...]
    """All of the shortest, the most common first; none if nothing known explains the number."""
    nearest: tuple[Explanation, ...]
    """What leaves least unexplained, where nothing explains all."""

    def to_dict(self) -> dict[str, Any]:
        """Explanations with their sentences; counts in parameters."""
        return {
            "number": self.number.text,
            "config": self.config.model_dump(),
            "count": account_of(self.config).total,
            "explained": bool(self.explanations),
            "explanations": [each.to_dict() for each in self.explanations],
            "nearest": [each.to_dict() for each in self.nearest],
        }

    def table(self) -> Table:
        """A row for each explanation."""
        return Table(
            title=self._opening(),
            columns=(
                Column("explanation"),
                Column("total", "count"),
                Column("residual", "count"),
            ),
            rows=tuple(
                (each.sentence, each.total, each.residual)
                for each in (*self.explanations, *self.nearest)
            ),
        )

    def text(self) -> str:
        """The sentences, one beneath the other."""
        return self._paragraphs("\n\n")

    def markdown(self) -> str:
        """The sentences as a list."""
        return self._paragraphs("\n- ").replace("\n- ", "\n\n- ", 1)

    def _paragraphs(self, between: str) -> str:
        from gpt2calc.output.text import wrapped

        sentences = [f"{each.sentence}." for each in (*self.explanations, *self.nearest)]
        unsaid = len(sentences) - SHOWN
        more = [f"... and {unsaid:,} more (--format json has them all)."] if unsaid > 0 else []
        return between.join(map(wrapped, (self._opening(), *sentences[:SHOWN], *more)))

    def _opening(self) -> str:
        has = f"{self.config.title()} has {account_of(self.config).total:,} parameters."
        if self.explanations:
            return has
        return f"{has} Nothing known explains {self.number.text} exactly; the nearest:"


def diagnose(number: int | str | Amount, config: Model | None = None) -> Diagnosis:
    """Say what explains the difference between a number and the count of a model.

    Combinations of up to three of ``departures.DEPARTURES`` are tried, fewest first, each computed
    from the tensors. One field with any other value, which closes the gap exactly, counts as two.
    That another preset was counted is tried by itself.

    Args:
        number: of parameters: an integer, or text such as "163M", which stands for all counts that
            round to it.
        config: the model that was meant, or its name; GPT-2 small if left out.

    Raises:
        UserError: ``number`` is no number of parameters.

    """
    config = as_config(config)
    figure = Amount.of(number)
    tried: list[Explanation] = []
    for size in range(MOST_DEPARTURES + 1):
        combined = list(_combined(figure, config, size))
        if size == 1:
            combined += _other_presets(figure, config)
        found = [each for each in combined if figure.stands_for(each.total)]
        if size >= A_FREE_FIELD:
            found += _with_a_free_field(figure, config, size - A_FREE_FIELD)
        if found:
            return Diagnosis(figure, config, _distinct(found), ())
        tried += combined if size <= MOST_IN_NEAREST else []
    return Diagnosis(figure, config, (), _nearest(tried))


def _combined(figure: Amount, config: GPT2Config, size: int) -> Iterator[Explanation]:
    """Combinations of so many departures, each of which changes something; common ones first."""
    chosen = combinations(range(len(DEPARTURES)), size)
    for places in sorted(chosen, key=lambda each: (sum(each), each)):
        accounts = [account_of(config)]
        departures = sorted((DEPARTURES[place] for place in places), key=_stage)
        for departure in departures:
            after = departure.change(accounts[-1])
            if after.counted == accounts[-1].counted:
                break
            accounts.append(after)
        else:
            yield Explanation(figure, tuple(departures), tuple(accounts))


def _other_presets(figure: Amount, config: GPT2Config) -> Iterator[Explanation]:
    """That another model was counted than the one that was meant."""
    meant = account_of(config)
    for preset in presets():
        if preset.config.effective() != config.effective():
            other = account_of(preset.config)
            named = Departure(
                f"preset_{preset.name}",
                "config",
                f"the model is {preset.name}",
                lambda _, other=other: other,  # type: ignore[misc]
            )
            yield Explanation(figure, (named,), (meant, other))


def _with_a_free_field(figure: Amount, config: GPT2Config, size: int) -> Iterator[Explanation]:
    """So many departures, and one field whose other value closes the gap exactly."""
    for each in _combined(figure, config, size):
        for field in FREE_FIELDS:
            closed = _closed(figure, each, field)
            if closed is not None:
                yield closed


def _closed(figure: Amount, explained: Explanation, field: str) -> Explanation | None:
    """An explanation with a field changed so that it gives the number, if just one value does."""
    config = explained.accounts[0].config
    if getattr(explained.accounts[-1].config, field) != getattr(config, field):
        return None
    curve = along(lambda each: _applied(explained.departures, each)[-1].total, config, field)
    if not curve.degree:
        return None
    value = curve.largest_within(figure.largest)
    others = curve.largest_within(figure.smallest - 1) + 1
    if value < 1 or not figure.stands_for(curve.at(value)) or others < value:
        return None
    last = _applied(explained.departures, config.evaluate_at(**{field: value}))[-1]
    return Explanation(figure, explained.departures, (*explained.accounts, last), free=field)


def _applied(departures: Iterable[Departure], config: GPT2Config) -> list[Account]:
    accounts = [account_of(config)]
    for departure in departures:
        accounts.append(departure.change(accounts[-1]))
    return accounts


def _distinct(explanations: Iterable[Explanation]) -> tuple[Explanation, ...]:
    """The explanations less those that say of the same model what an earlier one said."""
    firsts: dict[Any, Explanation] = {}
    for each in explanations:
        stages = tuple(departure.stage for departure in each.departures)
        firsts.setdefault((stages, each.accounts[-1]), each)
    return tuple(firsts.values())


def _nearest(explanations: Iterable[Explanation]) -> tuple[Explanation, ...]:
    """The few that leave least unexplained, of those with the same total the shortest."""
    by_total: dict[int, Explanation] = {}
    for each in explanations:
        by_total.setdefault(each.total, each)
    return tuple(nsmallest(NEAREST, by_total.values(), key=lambda each: abs(each.residual)))


def _stage(departure: Departure) -> int:
    return STAGES.index(departure.stage)
