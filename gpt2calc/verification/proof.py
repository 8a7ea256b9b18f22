"""The result of a comparison with PyTorch: the case, the versions, and whether both agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gpt2calc.report.listing import Listing

LISTED = 5
"""Differences, or faults of one kind, that are said before the rest are only counted."""


@dataclass(frozen=True, repr=False)
class Proof(Listing):
    """Base of the results of ``verify``: formulas and PyTorch side by side."""

    config: Any
    against: str
    """What was built, and by which version of what."""

    @property
    def identical(self) -> bool:
        """Whether both sides agree in everything."""
        raise NotImplementedError

    def summary(self) -> str:
        """Say whether formulas and PyTorch agree."""
        return f"{self.config.title()}, {'identical' if self.identical else 'different'}"

    def title(self) -> str:
        return f"{self.config.title()}, against {self.against}"

    def head(self) -> dict[str, Any]:
        """Return what the JSON of every proof begins with."""
        return {
            "config": self.config.effective(),
            "against": self.against,
            "identical": self.identical,
        }


def first_few(sentences: Sequence[str], before: str = "") -> tuple[str, ...]:
    """Return the first sentences, and how many more there are, with some words before that."""
    unsaid = len(sentences) - LISTED
    more = (f"{before}... and {unsaid:,} more",) if unsaid > 0 else ()
    return (*sentences[:LISTED], *more)
