"""The axes of a sweep: which values a field takes, checked before anything is computed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpt2calc.errors import UserError, did_you_mean, quoted, some_of
from gpt2calc.model.fields.known import FIELDS_ARE_LISTED
from gpt2calc.quantity.along import curve_along
from gpt2calc.quantity.case import Case, refuse_beyond_positions
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.units import parse_size

Array = NDArray[np.int64]

LONGEST_AXIS = 10**8
"""Values of one axis at most."""
INT64_MAX = int(np.iinfo(np.int64).max)
"""The largest number that an int64 can hold."""


def as_axis(name: str, values: Iterable[int], numbers: Collection[str]) -> Array | range:
    """Return the values of one field, checked: a range as it is, all others as an array.

    Raises:
        UserError: the field is no number, or its values are no distinct positive integers.

    """
    if name not in numbers:
        hint = did_you_mean(name, numbers) or f"; axes are {some_of(numbers, FIELDS_ARE_LISTED)}"
        raise UserError(f"{quoted(name)} cannot be an axis{hint}")
    if isinstance(values, range) and values:
        return _checked_range(name, values)
    axis = _array(name, values)
    if axis.ndim != 1 or axis.size == 0:
        raise UserError(f"the axis {name} has no list of values: give some, such as 12,24,48")
    wrong = [each for each in _objects(axis) if not _is_integer(each)]
    if wrong:
        rule = f"the axis {name} has {quoted(wrong[0])}: its values must be positive whole numbers"
        raise UserError(rule)
    if axis.max() > INT64_MAX:
        raise UserError(f"the axis {name} has {axis.max()}: no value may exceed {INT64_MAX:,}")
    if axis.min() < 1:
        raise UserError(f"the axis {name} has {axis.min()}: its values must be 1 or more")
    ordered, times = np.unique(axis, return_counts=True)
    if len(ordered) < len(axis):
        raise UserError(f"the axis {name} has {ordered[times > 1][0]} more than once: give it once")
    return axis.astype(np.int64)


def values_at(span: Array | range, places: Array) -> Array:
    """Return the values at some places of an axis."""
    if isinstance(span, range):
        return span.start + span.step * places
    return span[places]


def _checked_range(name: str, values: range) -> range:
    if _length(values) > LONGEST_AXIS:
        raise UserError(
            f"the axis {name} has {_length(values):,} values: at most {LONGEST_AXIS:,} fit"
        )
    lowest, highest = ends_of(values)
    if highest > INT64_MAX:
        raise UserError(f"the axis {name} has {highest}: no value may exceed {INT64_MAX:,}")
    if lowest < 1:
        raise UserError(f"the axis {name} has {lowest}: its values must be 1 or more")
    return values


def ends_of(span: Array | range) -> tuple[int, int]:
    """Return the lowest and the highest value of an axis; a range is not walked through."""
    if isinstance(span, range):
        first, last = span[0], span[-1]
        return min(first, last), max(first, last)
    return int(span.min()), int(span.max())


def read_axis(name: str, text: str) -> Sequence[int]:
    """Read the values of an axis, ``12,24,48`` or ``12:96:12`` with the stop included.

    Raises:
        UserError: it is no list of integers, a step is not positive, or a range has no values.

    """
    spans = [_span(name, part) for part in text.split(",")]
    if sum(map(_length, spans)) > LONGEST_AXIS:
        raise UserError(f"the axis {name} has too many values: at most {LONGEST_AXIS:,} fit")
    return spans[0] if len(spans) == 1 else list(chain.from_iterable(spans))


def refuse_overflow(config: Config, axes: Mapping[str, Array | range], quantity: Quantity) -> None:
    """Raise ``UserError`` if a config of a grid has more than an int64 holds.

    The message names the axis that needs the least cutting, and the largest value safe on it.
    """
    most = _corner_of_most(config, axes, quantity)
    corner = config.evaluate_at(**most)
    total = quantity.total(corner)
    if total <= INT64_MAX:
        return
    growing = [name for name, axis in axes.items() if most[name] == ends_of(axis)[1]]
    safe = {name: _largest_safe(corner, name, quantity) for name in growing}
    name = max(safe, key=lambda each: safe[each] / most[each], default="")
    if safe.get(name, -1) < 1:
        raise UserError(
            f"these configs have up to {total:,} {quantity.unit}, more than the "
            f"{INT64_MAX:,} that a sweep can count: count them one by one"
        )
    raise UserError(
        f"the axis {name} goes up to {most[name]:,}, where counts exceed the {INT64_MAX:,} that a "
        f"sweep can hold: its largest safe value here is {safe[name]:,}"
    )


def _corner_of_most(
    config: Config, axes: Mapping[str, Array | range], quantity: Quantity
) -> dict[str, int]:
    """Return the value of each axis, its highest or its lowest, that gives the largest total.

    Most counts grow along every axis. A few fall along one: where keys and values have a number of
    heads of their own, they are the narrower, the more heads there are of queries.
    """
    ends = {name: ends_of(axis) for name, axis in axes.items()}
    corner = {name: highest for name, (_, highest) in ends.items()}
    most = quantity.total(config.evaluate_at(**corner))
    for name, (lowest, highest) in ends.items():
        if lowest < highest:
            other = corner | {name: lowest}
            total = quantity.total(config.evaluate_at(**other))
            if total > most:
                corner, most = other, total
    return corner


def _largest_safe(corner: Config, name: str, quantity: Quantity) -> int:
    """Return the largest value of a field whose total fits an int64; -1 if totals are constant."""
    curve = curve_along(corner, name, quantity)
    return curve.largest_within(INT64_MAX) if curve.degree else -1


def refuse_long_sequences(config: Config, axes: Mapping[str, Array | range]) -> None:
    """Raise ``UserError`` if a sequence of the grid is longer than the positions of a model."""
    if isinstance(config, Case) and not {"seq", "cached", "n_ctx"}.isdisjoint(axes):
        lowest = {name: ends_of(axes[name])[0] for name in ("n_ctx",) if name in axes}
        highest = {name: ends_of(axes[name])[1] for name in ("seq", "cached") if name in axes}
        corner = config.evaluate_at(**lowest, **highest)
        refuse_beyond_positions(corner, corner.q_len)


def _span(name: str, text: str) -> range:
    """Return the range of one part of a list: a number, ``start:stop`` or ``start:stop:step``."""
    try:
        start, stop, step = _three([int(parse_size(name, number)) for number in text.split(":")])
    except ValueError:
        raise UserError(
            f"the axis {name} has {quoted(text)}: write numbers like 12,24,48 or start:stop:step"
        ) from None
    if step < 1:
        raise UserError(f"the axis {name} has {quoted(text)}: its step must be 1 or more")
    if stop < start:
        raise UserError(f"the axis {name} has {quoted(text)}: it stops before it starts")
    return range(start, stop + 1, step)


def _three(numbers: list[int]) -> tuple[int, int, int]:
    """Return start, stop and step: a number alone is a range of one."""
    match numbers:
        case [alone]:
            return alone, alone, 1
        case [start, stop]:
            return start, stop, 1
        case [start, stop, step]:
            return start, stop, step
        case _:
            raise ValueError(numbers)


def _array(name: str, values: Iterable[int]) -> NDArray[Any]:
    """Return the values as an array, of objects where they are no NumPy integers.

    Python's integers are of any size, so that those which are too large can be named.
    """
    if isinstance(values, np.ndarray):
        return values if values.dtype.kind in "iu" else np.asarray(values.tolist(), object)
    try:
        return np.asarray(list(values), object)
    except TypeError:
        raise UserError(
            f"the axis {name} is {quoted(values)}: it must be a list of integers"
        ) from None


def _objects(axis: NDArray[Any]) -> Iterable[Any]:
    """Return the values that may be anything; none of an array of integers."""
    return axis.tolist() if axis.dtype == object else ()


def _is_integer(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _length(values: range) -> int:
    """Return the length of a range, which may be longer than ``len`` can say."""
    return max(0, -(-(values.stop - values.start) // values.step))
