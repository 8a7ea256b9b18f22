"""Numbers as people read and write them: 350M parameters, 80GB, 3.5 TFLOPs, 35 days.

MB is 10^6 bytes, MiB is 2^20.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gpt2calc.errors import UserError, quoted

_NUMBER_SUFFIXES = {"": 0, "k": 3, "m": 6, "b": 9, "t": 12}
_WHOLE = r"\d{1,3}(?:,\d{3})+|\d+(?:_\d+)*"
_NUMBER = re.compile(rf"({_WHOLE})(?:\.(\d+))?(?:e\+?(\d{{1,4}})|([kmbt]?))", re.IGNORECASE)


@dataclass(frozen=True)
class RoundedNumber:
    """A number as written, and the exact numbers that it may stand for."""

    text: str
    value: int
    """The number as written."""
    unit: int
    """The place value of the last digit written: 1 for 124439808, 10^6 for 124M, 10^8 for 1.5B."""

    def in_unit(self, unit: str) -> str:
        """Return the number as written, with its unit unless that is written, too: 80GB."""
        has_own = unit == "bytes" and self.text[-1].isalpha()
        return self.text if has_own else f"{self.text} {unit}"

    @property
    def smallest(self) -> int:
        """The smallest number that rounds to the one written; halves are rounded up."""
        return self.value - self.unit // 2

    @property
    def largest(self) -> int:
        """The largest number that rounds to the one written."""
        return self.value + (self.unit - 1) // 2

    @property
    def near(self) -> tuple[int, int]:
        """The smallest and the largest number that round to the one written, within 5 % of it.

        By rounding alone 1B stands for 0.5B to 1.5B, which is too wide for the size of a model.
        """
        most = self.value // 20
        return max(self.smallest, self.value - most), min(self.largest, self.value + most)

    def stands_for(self, number: int) -> bool:
        """Tell whether ``number``, rounded to the digits written, gives the number written."""
        return self.smallest <= number <= self.largest

    @classmethod
    def of(cls, number: "float | str | RoundedNumber", unit: str = "parameters") -> "RoundedNumber":
        """Read a number or a text, given in ``unit``. Raises ``UserError`` if it cannot be read."""
        if isinstance(number, RoundedNumber):
            return number
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if unit == "bytes":
            return cls(str(number).strip(), parse_bytes(number), 1)
        return cls.parse(str(number), unit)

    @classmethod
    def parse(cls, text: str, unit: str = "parameters") -> "RoundedNumber":
        """Read a text such as ``350M``. Raises ``UserError`` if it is no positive whole number."""
        match = _NUMBER.fullmatch(text.strip())
        whole, decimals, exponent, letter = match.groups() if match else ("", "", "", "")
        decimals = decimals or ""
        power = int(exponent) if exponent else _NUMBER_SUFFIXES[(letter or "").lower()]
        digit = power - len(decimals)
        digits = re.sub("[_,]", "", whole) + decimals
        if digit < 0 or not digits.strip("0"):
            raise UserError(
                f"{quoted(text)} is no number of {unit}: write it like 124439808, 350M or 1.5B"
            )
        refuse_endless(text, len(digits) + digit)
        return cls(text.strip(), int(digits) * 10**digit, 10**digit)


MOST_DIGITS = 60
"""Most digits of a number that is read, so that products of such numbers can be printed."""


def refuse_endless(text: object, digits: int) -> None:
    """Raise ``UserError`` for a number of more than ``MOST_DIGITS`` digits."""
    if digits > MOST_DIGITS:
        raise UserError(f"{quoted(text)} has more than {MOST_DIGITS} digits: give a smaller number")


LENGTHS = ("seq", "cached", "n_ctx")
"""Fields that are lengths in tokens, which are given in units of 1,024: 8k is 8,192."""
_SIZE = re.compile(r"(\d+)(?:\.(\d+))?(?:([km])|e\+?(\d\d?))", re.IGNORECASE)


def parse_size(name: str, text: str) -> int | str:
    """Read a field's number: ``24``, ``32k``, ``1M``, ``1e3``; any other text is returned as it is.

    ``k`` is 1,024 for the fields in ``LENGTHS`` and 1,000 for others; ``M`` is the square of ``k``.
    """
    match = _SIZE.fullmatch(text.strip())
    try:
        if not match:
            return int(text)
        whole, decimals, letter, power = match.groups()
        thousand = 1_024 if name in LENGTHS else 1_000
        unit = thousand ** ("km".index(letter.lower()) + 1) if letter else 10 ** int(power)
        size = Fraction(f"{whole}.{decimals or 0}") * unit
        return int(size) if size.denominator == 1 else text
    except ValueError:
        return text


_DECIMAL = ("kB", "MB", "GB", "TB", "PB")
_BINARY = ("KiB", "MiB", "GiB", "TiB", "PiB")
BYTE_UNITS = {
    "B": 1,
    **{unit: 10 ** (3 * power) for power, unit in enumerate(_DECIMAL, 1)},
    **{unit: 2 ** (10 * power) for power, unit in enumerate(_BINARY, 1)},
}
"""Bytes of each unit."""

_BY_WORD = {unit.lower(): size for unit, size in BYTE_UNITS.items()} | {"": 1}
_BYTES = re.compile(rf"({_WHOLE})(?:\.(\d+))?\s*([kmgtp]?i?b?)", re.IGNORECASE)


def format_bytes(size: int) -> str:
    """Format a number of bytes in units of 1,000: ``"34.21 GB"``; in bytes below 1,000."""
    return _in_largest_of(_DECIMAL, size)


def format_binary_bytes(size: int) -> str:
    """Format a number of bytes in units of 1,024: ``"31.86 GiB"``; in bytes below 1,024."""
    return _in_largest_of(_BINARY, size)


def _in_largest_of(units: Sequence[str], size: int) -> str:
    for unit in reversed(units):
        if _reaches(size, BYTE_UNITS[unit]):
            return f"{in_units(size, BYTE_UNITS[unit])} {unit}"
    return f"{size} B"


def _reaches(number: int, unit: int) -> bool:
    """Tell whether a number, rounded as :func:`in_units` rounds, is at least one of a unit."""
    return 200_000 * number >= 199_999 * unit


def in_units(number: int, unit: int) -> str:
    """Write an integer in units of another, rounded to two decimals without a float."""
    rounded = (200 * number // unit + 1) // 2
    return f"{rounded // 100:,}.{rounded % 100:02}"


def parse_bytes(size: float | str) -> int:
    """Read a number of bytes, such as ``80GB``, ``16 GiB`` or ``1500000000``; not ``1.5e9``.

    Raises:
        UserError: it is no number of bytes, is negative, or has a fraction of a byte.

    """
    if isinstance(size, float) and size.is_integer():
        size = int(size)
    if isinstance(size, int) and not isinstance(size, bool):
        if size < 0:
            raise UserError(f"{size} is no number of bytes: it must be 0 or more")
        return size
    match = _BYTES.fullmatch(str(size).strip())
    whole, decimals, unit = match.groups() if match else ("", "", "?")
    factor = _BY_WORD.get(unit.lower() + ("b" if unit and not unit.lower().endswith("b") else ""))
    digits, decimals = re.sub("[_,]", "", whole), decimals or ""
    refuse_endless(size, len(digits))
    if factor is None or (factor * int(digits + decimals)) % 10 ** len(decimals):
        raise UserError(
            f"{quoted(size)} is no number of bytes: write it like 80GB (10^9), 16GiB (2^30) or "
            "80000000000"
        )
    size_in_bytes: int = factor * int(digits + decimals) // 10 ** len(decimals)
    return size_in_bytes


def format_flops(flops: int) -> str:
    """Format FLOPs with a prefix: ``"3.51 TFLOPs (10^12)"``; without one below 10^9."""
    for power, prefix in ((24, "Y"), (21, "Z"), (18, "E"), (15, "P"), (12, "T"), (9, "G")):
        if _reaches(flops, 10**power):
            return f"{in_units(flops, 10**power)} {prefix}FLOPs (10^{power})"
    return f"{flops:,} FLOPs"


RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
"""The digits of exponents."""


def raised(exponent: int) -> str:
    """Write an exponent as it stands behind its base: ``²¹``."""
    return str(exponent).translate(str.maketrans("0123456789", RAISED))


def human(count: float, _: object = None, *, scale: tuple[str, ...] = ("k", "M", "B", "T")) -> str:
    """Format a count to three digits: ``350M``. The signature fits matplotlib's formatters."""
    if count >= 0.9995 * 10 ** (3 * len(scale) + 3):
        digits, power = f"{count:.2e}".split("e+")
        return f"{float(digits):g} × 10{raised(int(power))}"
    for thousands, letter in reversed([*enumerate(scale, 1)]):
        unit = 10.0 ** (3 * thousands)
        if count >= 0.9995 * unit:
            return f"{float(f'{count / unit:.3g}'):g}{letter}"
    return f"{float(f'{count:.3g}'):g}"


def percentage(share: Fraction | float) -> str:
    """Write a fraction as a percentage: to a tenth, below one percent to two digits."""
    return f"{float(share):.1%}" if share >= 0.01 or not share else f"{100 * float(share):.2g}%"


def in_powers(number: int) -> str:
    """Write a number to three digits: ``3.08e21``; below a million as it is."""
    if number < 10**6:
        return f"{number:,}"
    digits, _, power = f"{number:.2e}".partition("e")
    return f"{digits}e{int(power)}"


DAY = 86_400
"""Seconds in a day."""


def parse_utilization(mfu: float | str | Fraction, name: str = "mfu") -> Fraction:
    """Read a utilization, above 0 and at most 1. Raises ``UserError`` for others."""
    share = parse_positive(name, mfu, "0.4")
    if share > 1:
        raise UserError(f"{name} is {quoted(mfu)}: it must be at most 1, such as 0.4")
    return share


def parse_positive(name: str, value: float | str | Fraction, example: str) -> Fraction:
    """Read a positive number as :func:`parse_number` does. Raises ``UserError`` for others."""
    number = _exactly(value)
    if number is None or number <= 0:
        raise UserError(
            f"{name} is {quoted(value)}: it must be a positive number, such as {example}"
        )
    return number


def parse_number(name: str, value: float | str | Fraction, example: str) -> Fraction:
    """Read a number, 0 or more, exactly as it is written; ``40%`` is 0.4.

    Raises:
        UserError: it is no number, is negative, or has more than ``MOST_DIGITS`` digits.

    """
    number = _exactly(value)
    if number is None or number < 0:
        raise UserError(f"{name} is {quoted(value)}: it must be 0 or more, such as {example}")
    return number


def parse_speed(speed: float | str | Fraction, name: str = "tokens_per_second") -> Fraction:
    """Read tokens per second: ``40000``, ``3,500``, ``400k``, ``1.2M``. Raises ``UserError``."""
    text = str(speed).strip()
    text = re.sub(rf"^(?:{_WHOLE})", lambda whole: whole[0].replace(",", ""), text)
    factor = {"k": 10**3, "m": 10**6}.get(text[-1:].lower(), 1)
    number = _exactly(text[:-1] if factor > 1 else text)
    if number is None or number <= 0 or text.endswith("%"):
        raise UserError(f"{name} is {quoted(speed)}: it must be a positive number, such as 400k")
    return number * factor


def _exactly(value: float | str | Fraction) -> Fraction | None:
    """Return the exact value of a number as it is written; None if it is no number."""
    text = str(value).strip()
    exponent = re.search(r"e[+-]?0*(\d+)%?$", text, re.IGNORECASE)
    if exponent:
        refuse_endless(value, int(exponent[1][:9]))
    try:
        number = Fraction(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        return None
    refuse_endless(value, max(len(str(each)) for each in number.as_integer_ratio()))
    return number


def format_duration(seconds: Fraction) -> str:
    """Format a duration in a unit that suits it: years, days, hours, minutes or seconds."""
    days = seconds / DAY
    if days >= 730:
        return f"{float(days):,.1f} days, {float(days / Fraction('365.25')):,.1f} years"
    if days >= 2:
        return f"{float(days):,.1f} days"
    if days >= Fraction(1, 12):
        return f"{float(seconds / 3_600):,.1f} hours"
    if seconds >= 120:
        return f"{float(seconds / 60):,.0f} minutes"
    return f"{float(seconds):,.3g} seconds"


def ordinal(number: int) -> str:
    """Write which one of several it is: ``"3rd"``, ``"11th"``."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    is_teen = number // 10 % 10 == 1
    return f"{number:,}{'th' if is_teen else ends.get(number % 10, 'th')}"
