"""Numbers as people write them: 124439808, 124_439_808, 350M, 1.5B, 1.3e9; bytes as 80GB."""

import re
from dataclasses import dataclass

from gpt2calc.errors import UserError, quoted
from gpt2calc.sizes import as_bytes

_UNITS = {"": 0, "k": 3, "m": 6, "b": 9, "t": 12}
_WHOLE = r"\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*"
_WRITTEN = re.compile(rf"({_WHOLE})(?:\.(\d+))?(?:e\+?(\d{{1,4}})|([kmbt]?))", re.IGNORECASE)


@dataclass(frozen=True)
class Amount:
    """A number as written, and the exact numbers that it may stand for."""

    text: str
    value: int
    """The number as written."""
    unit: int
    """One of the last digit written: 1 for 124439808, a million for 124M, 10^8 for 1.5B."""

    def in_unit(self, unit: str) -> str:
        """Write the amount with its unit, unless it is written with one: 80GB."""
        has_own = unit == "bytes" and self.text[-1].isalpha()
        return self.text if has_own else f"{self.text} {unit}"

    @property
    def smallest(self) -> int:
        """The smallest number that rounds to the amount; halves are rounded up."""
        return self.value - self.unit // 2

    @property
    def largest(self) -> int:
        """The largest number that rounds to the amount."""
        return self.value + (self.unit - 1) // 2

    def stands_for(self, number: int) -> bool:
        """Tell whether a number, rounded to the digits written, gives the amount."""
        return self.smallest <= number <= self.largest

    @classmethod
    def of(cls, number: "int | str | Amount", unit: str = "parameters") -> "Amount":
        """Return the amount that a number or a text is. Raises ``UserError`` for anything else."""
        if isinstance(number, Amount):
            return number
        if unit == "bytes":
            return cls(str(number).strip(), as_bytes(number), 1)
        return cls.parse(str(number), unit)

    @classmethod
    def parse(cls, text: str, unit: str = "parameters") -> "Amount":
        """Read an amount. Raises ``UserError`` for what is no positive whole number of units."""
        match = _WRITTEN.fullmatch(text.strip())
        whole, decimals, exponent, letter = match.groups() if match else ("", "", "", "")
        decimals = decimals or ""
        power = int(exponent) if exponent else _UNITS[(letter or "").lower()]
        digit = power - len(decimals)
        digits = re.sub("[_,]", "", whole) + decimals
        if digit < 0 or not digits.strip("0"):
            raise UserError(
                f"{quoted(text)} is no number of {unit}: write it like 124439808, 350M or 1.5B"
            )
        return cls(text.strip(), int(digits) * 10**digit, 10**digit)
