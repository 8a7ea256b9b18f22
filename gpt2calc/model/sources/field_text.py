"""Fields of a config as text: in flags, and in ``MODEL,FIELD=VALUE``."""

from pydantic import BeforeValidator

from gpt2calc.errors import UserError
from gpt2calc.model.families.layers import DEEPEST
from gpt2calc.model.fields.declared import Declared, choices_of, is_list, is_switch, refusal
from gpt2calc.model.fields.known import FieldValue
from gpt2calc.units import parse_size

_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def read_field(kind: type[Declared], name: str, text: str, between: str = ",") -> FieldValue:
    """Read the value of one field; whether it makes sense beside others, the config checks.

    Args:
        kind: the config that the field is of.
        name: of the field.
        text: a number like ``24``, ``32k`` or ``1M``, a switch, a choice, or a list of layers,
            ``0,1`` or ``0-3``.
        between: what stands between the numbers of a list.

    Raises:
        UserError: the text is nothing of the kind.

    """
    value = _read(kind, name, text.strip(), between)
    if value is None:
        raise UserError(refusal(kind, name, text))
    return value


def _read(kind: type[Declared], name: str, text: str, between: str) -> FieldValue:
    """Return what a text says; None if it says nothing of this field."""
    if is_switch(kind, name):
        return _SWITCH.get(text.lower())
    if choices := choices_of(kind, name):
        word = str(_as_called_here(kind, name, text)).lower()
        return next((choice for choice in choices if str(choice) == word), None)
    if kind.model_fields[name].annotation is str:
        return text
    if not is_list(kind, name):
        return _number(name, text)
    if text.lower() == "none":
        return ()
    found = [_range(name, part.strip()) for part in text.split(between) if part.strip()]
    return None if None in found else tuple(number for each in found for number in each or ())


def _range(name: str, text: str) -> range | None:
    """Read one number of a list, or the first and the last of some in a row: ``0-3``."""
    first, dash, last = text.partition("-")
    if not (first and dash):
        first = last = text
    begin, end = _number(name, first), _number(name, last)
    if begin is None or end is None or not 0 <= end - begin <= DEEPEST:
        return None
    return range(begin, end + 1)


def _number(name: str, text: str) -> int | None:
    number = parse_size(name, text)
    return number if isinstance(number, int) else None


def _as_called_here(kind: type[Declared], name: str, word: str) -> object:
    """Return the choice that a word is another name of; any other word as it is."""
    called: object = word
    for each in kind.model_fields[name].metadata:
        if isinstance(each, BeforeValidator):
            called = each.func(called)  # type: ignore[call-arg]
    return called
