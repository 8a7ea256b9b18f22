"""Bytes as people read and write them: MB is 10^6, MiB is 2^20."""

import re
from collections.abc import Iterable

from gpt2calc.errors import UserError, quoted

UNITS = {
    **{unit: 10 ** (3 * power) for power, unit in enumerate(("B", "kB", "MB", "GB", "TB", "PB"))},
    **{unit: 2 ** (10 * power) for power, unit in enumerate(("KiB", "MiB", "GiB", "TiB"), 1)},
}
"""Bytes of each unit."""

_BY_WORD = {unit.lower(): size for unit, size in UNITS.items()} | {"": 1}
_WRITTEN = re.compile(r"(\d[\d_,]*)(?:\.(\d+))?\s*([kmgtp]?i?b?)", re.IGNORECASE)


def in_words(size: int) -> str:
    """Say a number of bytes in a unit of 1,000: ``"34.21 GB"``; below 1,000 as it is."""
    return _in_largest_of(("PB", "TB", "GB", "MB", "kB"), size)


def in_binary(size: int) -> str:
    """Say the same in a unit of 1,024: ``"31.86 GiB"``."""
    return _in_largest_of(("TiB", "GiB", "MiB", "KiB"), size)


def _in_largest_of(units: Iterable[str], size: int) -> str:
    for unit in units:
        if size >= UNITS[unit]:
            return f"{in_units(size, UNITS[unit])} {unit}"
    return f"{size} B"


def in_units(number: int, unit: int) -> str:
    """Write an integer in units of another, rounded to two decimals without a float."""
    rounded = (200 * number // unit + 1) // 2
    return f"{rounded // 100:,}.{rounded % 100:02}"


def as_bytes(size: int | str) -> int:
    """Read a number of bytes: ``80GB``, ``16 GiB``, ``1.5e9`` is not one, ``1500000000`` is.

    Raises:
        UserError: it is no number of bytes, or has a fraction of one.

    """
    if isinstance(size, int):
        if size < 0:
            raise UserError(f"{size} is no number of bytes: it must be 0 or more")
        return size
    match = _WRITTEN.fullmatch(size.strip())
    whole, decimals, unit = match.groups() if match else ("", "", "?")
    factor = _BY_WORD.get(unit.lower() + ("b" if unit and not unit.lower().endswith("b") else ""))
    digits, decimals = re.sub("[_,]", "", whole), decimals or ""
    if factor is None or (factor * int(digits + decimals)) % 10 ** len(decimals):
        raise UserError(
            f"{quoted(size)} is no number of bytes: write it like 80GB (10^9), 16GiB (2^30) or "
            "80000000000"
        )
    size_in_bytes: int = factor * int(digits + decimals) // 10 ** len(decimals)
    return size_in_bytes
