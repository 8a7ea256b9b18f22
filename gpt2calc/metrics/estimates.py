"""Rules of thumb of any quantity, each beside the exact figure of what it estimates."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol


class Rule(Protocol):
    """A formula that people use, and where it is from."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def formula(self) -> str:
        """In letters."""

    @property
    def source(self) -> str:
        """Where it is from."""

    @property
    def of(self) -> str:
        """What it is of."""


@dataclass(frozen=True)
class Estimated:
    """A rule for one case, and the exact figure of what it is of."""

    rule: Rule
    unit: str
    """What the figures are numbers of, as JSON calls it: ``"flops"``, ``"bytes"``."""
    amount: int
    exact: int

    @property
    def error(self) -> Fraction:
        """What the rule is off by, as a fraction of the exact figure."""
        return Fraction(self.amount, self.exact) - 1

    def to_dict(self) -> dict[str, object]:
        """Return figures as integers; the error as a fraction, 0.1 where it is ten percent over."""
        run = getattr(self.rule, "run", None)
        return {
            "name": self.rule.name,
            "formula": self.rule.formula,
            "source": self.rule.source,
            "of": self.rule.of,
            **({} if run is None else {"run": run}),
            self.unit: self.amount,
            "exact": self.exact,
            "error": float(self.error),
        }
