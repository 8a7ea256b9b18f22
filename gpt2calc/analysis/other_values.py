"""Another value of one field as a cause of a wrong parameter count."""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from math import log2
from typing import NamedTuple

from gpt2calc.analysis.causes import CAUSES, Cause, changed_by
from gpt2calc.analysis.combinations import Found, applied
from gpt2calc.analysis.countings import Counting, counting_of
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.sources.presets import presets
from gpt2calc.quantity.along import along, solvable_fields
from gpt2calc.quantity.polynomial import NoPolynomialError

ANOTHER_VALUE = 5
"""Bits that another value costs, besides those that tell which of the values it is."""
COMMON = 2.5
"""Bits that a cause may cost to be combined with another value."""
PADDED_TO = 64
"""A vocabulary is often padded to a multiple of this."""


class OtherValue(NamedTuple):
    """A model with another value of one field, under one common cause at most."""

    causes: tuple[Cause, ...]
    field: str
    value: int
    total: int
    cost: float

    def found(self, config: ModelConfig) -> Found:
        """Return it with the counting after each step."""
        plain = applied(counting_of(config), self.causes)
        assert plain is not None
        last = _changed(config.evaluate_at(**{self.field: self.value}), self.causes)
        return Found(self.causes, (*plain.countings, last), self.cost, self.field)


def other_values(config: ModelConfig) -> Iterator[OtherValue]:
    """Yield the model with each value that people use, of each field that changes its count."""
    meant = counting_of(config)
    fields = solvable_fields(PARAMETERS, config)
    common = [cause for cause in CAUSES if cause.cost <= COMMON]
    for causes in [(), *((cause,) for cause in common)]:
        if applied(meant, causes):
            for field in fields:
                yield from _of_field(config, causes, field)


@cache
def used_values(field: str, width: int) -> tuple[int, ...]:
    """Return the values of a field that the presets have, which stand for what people use.

    A vocabulary may also be padded. Of an MLP, the presets' ratios to ``n_embd`` are applied to
    ``width``.
    """
    having = [each.config for each in presets() if field in each.config.known]
    found = [(config.value(field), config.n_embd) for config in having]
    values = [(value, beside) for value, beside in found if isinstance(value, int) and value > 0]
    used = {value for value, _ in values}
    if field == "vocab":
        used |= {-(-value // PADDED_TO) * PADDED_TO for value in used}
    if field == "n_inner":
        ratios = {Fraction(value, beside) for value, beside in values}
        used = {int(ratio * width) for ratio in ratios if (ratio * width).denominator == 1}
    return tuple(sorted(used))


def _of_field(config: ModelConfig, causes: tuple[Cause, ...], field: str) -> Iterator[OtherValue]:
    now = config.value(field)
    if _changed(config, causes).config.value(field) != now:
        return
    try:
        curve = along(lambda other: _changed(other, causes).total, config, field)
    except NoPolynomialError:
        return
    if not curve.degree:
        return
    values = used_values(field, config.n_embd)
    if not values:
        return
    departed = sum(cause.cost for cause in causes)
    cost = departed + ANOTHER_VALUE + log2(len(values))
    for value in values:
        total = curve.at(value)
        if value != now and total == int(total):
            yield OtherValue(causes, field, value, int(total), cost)


def _changed(config: ModelConfig, causes: tuple[Cause, ...]) -> Counting:
    return changed_by(counting_of(config), causes)
