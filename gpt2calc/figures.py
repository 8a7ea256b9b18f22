"""Counts as people write them: 124439808, 124_439_808, 350M, 1.5B, 1.3e9."""

import re
from dataclasses import dataclass

from gpt2calc.errors import UserError, quoted

_UNITS = {"": 0, "k": 3, "m": 6, "b": 9, "t": 12}
_WHOLE = r"\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*"
_FIGURE = re.compile(rf"({_WHOLE})(?:\.(\d+))?(?:e\+?(\d{{1,4}})|([kmbt]?))", re.IGNORECASE)


@dataclass(frozen=True)
class Figure:
    """A count of parameters as written, and the counts that it may stand for."""

    text: str
    value: int
    """The count as written, in parameters."""
    unit: int
    """One of the last digit written: 1 for 124439808, a million for 124M, 10^8 for 1.5B."""

    @property
    def smallest(self) -> int:
        """The smallest count that rounds to the figure; halves are rounded up."""
        return self.value - self.unit // 2

    @property
    def largest(self) -> int:
        """The largest count that rounds to the figure."""
        return self.value + (self.unit - 1) // 2

    def stands_for(self, count: int) -> bool:
        """Whether ``count`` parameters, rounded to the digits written, give the figure."""
        return self.smallest <= count <= self.largest

    @classmethod
    def of(cls, number: "int | str | Figure") -> "Figure":
        """The figure that an exact count or a text is. Raises ``UserError`` for what is neither."""
        return number if isinstance(number, Figure) else cls.parse(str(number))

    @classmethod
    def parse(cls, text: str) -> "Figure":
        """Read a figure. Raises ``UserError`` for what is no positive count of parameters."""
        match = _FIGURE.fullmatch(text.strip())
        whole, decimals, exponent, letter = match.groups() if match else ("", "", "", "")
        decimals = decimals or ""
        power = int(exponent) if exponent else _UNITS[(letter or "").lower()]
        unit = power - len(decimals)
        digits = re.sub("[_,]", "", whole) + decimals
        if unit < 0 or not digits.strip("0"):
            raise UserError(
                f"{quoted(text)} is no number of parameters: write it like 124439808, 350M or 1.5B"
            )
        return cls(text.strip(), int(digits) * 10**unit, 10**unit)
