"""Types of the numbers that flags take: 32k tokens, 80GB, 35.7 days, 40%, 400k a second."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Annotated

from cyclopts import Parameter, Token

from gpt2calc.errors import UserError, quoted
from gpt2calc.units import (
    RoundedNumber,
    parse_bytes,
    parse_number,
    parse_positive,
    parse_size,
    parse_speed,
    parse_utilization,
)


def _read_by(read: Callable[[str, str], object], metavar: str) -> Parameter:
    """Return the annotation of a type whose flags are read by a function.

    Args:
        read: takes the flag as it was typed, and its text.
        metavar: what the help pages call the text.

    """

    def convert(_: object, tokens: Sequence[Token]) -> object:
        return read(str(tokens[0].keyword), tokens[0].value)

    return Parameter(converter=convert, n_tokens=1, metavar=metavar)


def _whole(example: str, field: str = "") -> Parameter:
    """Read a whole number as the field of a config is read; k is 1,000, and 1,024 in lengths."""

    def read(flag: str, text: str) -> int:
        number = parse_size(field, text)
        if not isinstance(number, int):
            raise UserError(
                f"{flag} is {quoted(text)}: it must be a whole number, such as {example}"
            )
        return number

    return _read_by(read, "N")


def _amount(unit: str) -> Parameter:
    return _read_by(lambda _, text: RoundedNumber.of(text, unit).value, "N")


def _number(example: str) -> Parameter:
    return _read_by(lambda flag, text: float(parse_number(flag, text, example)), "X")


def _positive(example: str) -> Parameter:
    return _read_by(lambda flag, text: parse_positive(flag, text, example), "X")


Count = Annotated[int, _whole("8")]
"""``8`` or ``16k``, which is 16,000."""
Length = Annotated[int, _whole("8k", field="seq")]
"""Tokens of a sequence: ``8k`` is 8,192."""
Tokens = Annotated[int, _amount("tokens")]
"""``300B``."""
Steps = Annotated[int, _amount("steps")]
"""``100k``."""
Flops = Annotated[int, _amount("FLOPs")]
"""``1e21``."""
Bytes = Annotated[int, _read_by(lambda _, text: parse_bytes(text), "SIZE")]
"""``80GB`` is 80 * 10^9, ``16GiB`` 16 * 2^30."""
Days = Annotated[Fraction, _positive("30")]
"""``35.7``."""
Seconds = Annotated[Fraction, _positive("1.5")]
Price = Annotated[Fraction, _positive("2.50")]
Speed = Annotated[Fraction, _read_by(lambda flag, text: parse_speed(text, flag), "X")]
"""Tokens a second: ``400k``."""
Utilization = Annotated[Fraction, _read_by(lambda flag, text: parse_utilization(text, flag), "X")]
"""``0.4`` or ``40%``."""
TokensPerParameter = Annotated[Fraction, _positive("20")]
Tolerance = Annotated[float, _number("5%")]
Aspect = Annotated[float, _number("64")]
"""Width divided by depth."""
