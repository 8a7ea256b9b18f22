"""Metadata of config fields: letter, rule if left out, description, and what follows from them."""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from gpt2calc.errors import UserError, did_you_mean, quoted, some_of
from gpt2calc.model.fields.known import FIELDS_ARE_LISTED, FieldValue, Known


class Declared(BaseModel):
    """A config whose behaviour follows from its fields, each annotated with what is known of it.

    Every number is a positive ``int`` of any size, every switch a ``bool``; anything else is
    refused. A field left at None follows its rule.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    known: ClassVar[dict[str, Known]] = {}
    """What is known of each field, by name."""

    if not TYPE_CHECKING:  # type checkers keep pydantic's own signature, with every field's type

        def __init__(self, **fields: object) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise UserError(_one_line(type(self), error)) from None

    @classmethod
    def __pydantic_init_subclass__(cls, **_: object) -> None:
        cls.known = {
            name: known
            for name, field in cls.model_fields.items()
            for known in field.metadata
            if isinstance(known, Known)
        }

    @classmethod
    def of(cls, fields: Mapping[str, object]) -> Self:
        """Return a config of fields that are not checked yet. Raises ``UserError``."""
        return cls(**fields)

    @classmethod
    def numbers(cls) -> tuple[str, ...]:
        """Return the fields that are numbers and have a letter."""
        return tuple(name for name, known in cls.known.items() if known.letter)

    @classmethod
    def called_elsewhere(cls) -> dict[str, tuple[str, ...]]:
        """Return what other people call the fields, for hints."""
        return {name: known.other_names for name, known in cls.known.items()}

    def given(self, name: str) -> FieldValue:
        """Return one field as it was given; None where it is left to its rule."""
        value: FieldValue = getattr(self, name)
        return value

    def value(self, name: str) -> FieldValue:
        """Return one field with its rule applied; None where the rule gives no value."""
        value, rule = self.given(name), self.known[name].rule
        return self.given(rule) if value is None and rule else value

    def effective(self) -> dict[str, FieldValue]:
        """Return all fields by name with their rules applied."""
        return {name: self.value(name) for name in self.known}

    def evaluate_at(self, **values: object) -> Self:
        """Replace fields, unchecked, by anything that does arithmetic.

        Arrays, symbols and polynomials are no valid fields, but sums over the network take them
        all: this is how a sweep, a formula and a budget ask the same question.
        """
        return self.model_copy(update=values)

    def settled(self) -> Self:
        """Return the config with what it takes from another filled in; this one takes nothing."""
        return self

    def with_model(self, model: "Declared") -> "Declared":
        """Return another model in the place of this one; a ``Case`` keeps its run."""
        return model

    def description(self, name: str) -> str:
        """Say what a field is, in a sentence or two."""
        return self.known[name].description

    def usual(self, name: str) -> FieldValue:
        """Return what a field is where nothing is said of it: its rule, or its default."""
        rule = self.known[name].rule
        if not rule:
            default: FieldValue = type(self).model_fields[name].default
            return default
        return (self if self.given(name) is None else self.evaluate_at(**{name: None})).given(rule)

    def following(self, fields: Collection[str]) -> set[str]:
        """Return the fields that are left to a rule which reads one of ``fields``."""
        return {
            name
            for name, known in self.known.items()
            if self.given(name) is None and not set(fields).isdisjoint(known.follows)
        }

    def in_words(self, leaving_out: Collection[str] = ()) -> str:
        """Say what the config is, less the fields that are left out.

        A number that follows its rule is not said, nor a switch at its default.
        """
        said = (self.said(name, leaving_out) for name in self.known if name not in leaving_out)
        return ", ".join(words for words in said if words)

    def said(self, name: str, leaving_out: Collection[str] = ()) -> str:
        """Say one field; nothing where it is as usual."""
        known, value = self.known[name], self.value(name)
        usual = self.usual(name)
        rule_is_seen = set(leaving_out).isdisjoint(known.follows)
        is_usual = value == usual and (rule_is_seen or self.given(name) is None)
        if value is None:
            return ""
        if not known.letter:
            switched = known.words.removeprefix("no " if value is True else "")
            words = switched.format(known.said.get(str(value), _listing(value)))
            return "" if is_usual else _singular(words)
        if known.rule and is_usual and not known.always_said:
            return ""
        return _singular(known.words.format(f"{value:,}"))

    def __str__(self) -> str:
        return self.in_words()


def _singular(words: str) -> str:
    """Write one of several things without the plural's s: ``"1 KV head"``, ``"in layer 0"``."""
    words = re.sub(r"\blayers (\d+)$", r"layer \1", words)
    return re.sub(r"(?<![\d,.-])1 ((?:KV |more )?[a-z]+)s\b", r"1 \1", words)


def _listing(value: FieldValue) -> str:
    if isinstance(value, tuple):
        return ", ".join(ranges(value))
    return f"{value:,}" if type(value) is int else str(value)


def ranges(numbers: Iterable[int]) -> list[str]:
    """Write whole numbers in order, those in a row by the first and the last: ``"0-3"``."""
    rows: list[list[int]] = []
    for number in numbers:
        if rows and number == rows[-1][-1] + 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    return [str(row[0]) if len(row) == 1 else f"{row[0]}-{row[-1]}" for row in rows]


def numbers_of(config: Declared) -> tuple[str, ...]:
    """Return the fields of a config that are numbers."""
    return tuple(name for name, known in config.known.items() if known.letter)


def _one_line(kind: type[Declared], error: ValidationError) -> str:
    """Say the first of pydantic's complaints in this project's words."""
    complaint = error.errors(include_url=False)[0]
    if not complaint["loc"]:
        return str(complaint["ctx"]["error"])
    name = str(complaint["loc"][0])
    if name not in kind.model_fields:
        return f"unknown field {quoted(name)}{nearest_field(name, kind)}"
    return refusal(kind, name, complaint["input"])


@cache
def letters(*kinds: type[Declared]) -> dict[str, str]:
    """Return the letters of all numbers of some configs, by field."""
    return {
        name: known.letter for kind in kinds for name, known in kind.known.items() if known.letter
    }


@cache
def order_of_letters(*kinds: type[Declared]) -> list[str]:
    """Return the letters of some configs in the order in which a product writes them."""
    known = [known for kind in kinds for known in kind.known.values() if known.letter]
    return [each.letter for each in sorted(known, key=lambda each: each.place)]


def field_called(word: str, kind: type[Declared]) -> str | None:
    """Return the field that other people call by a name, or None."""
    plain = word.strip().lower().replace("-", "_")
    named = (name for name, others in kind.called_elsewhere().items() if plain in others)
    return next(named, None)


def nearest_field(word: str, kind: type[Declared]) -> str:
    """Return a hint at the field that may have been meant, or the names of all fields."""
    meant = field_called(word, kind)
    if meant is not None:
        return f"; did you mean {meant!r}?"
    near = did_you_mean(word, kind.known)
    return near or f"; the fields are {some_of(kind.known, FIELDS_ARE_LISTED)}"


def field_named(word: str, among: Iterable[str], letter_of: dict[str, str]) -> str | None:
    """Return the field that a name, with hyphens or not, or a letter stands for; None if none."""
    by_letter = {letter: field for field, letter in letter_of.items()}
    field = by_letter.get(word.strip(), word.strip().replace("-", "_"))
    return field if field in among else None


def is_switch(kind: type[Declared], name: str) -> bool:
    """Tell whether a field is true or false, and no number."""
    annotation = kind.model_fields[name].annotation
    return bool in (annotation, *get_args(annotation))


def is_list(kind: type[Declared], name: str) -> bool:
    """Tell whether a field is a list of layers."""
    annotation = kind.model_fields[name].annotation
    return tuple in {get_origin(each) for each in (annotation, *get_args(annotation))} | {
        get_origin(get_args(each)[0]) for each in get_args(annotation) if get_args(each)
    }


def choices_of(kind: type[Declared], name: str) -> tuple[str | int, ...]:
    """Return the words that a field can be, or the few numbers; none for others."""
    annotation = kind.model_fields[name].annotation
    choices = [choice for each in get_args(annotation) for choice in get_args(each) or (each,)]
    return tuple(choice for choice in choices if isinstance(choice, str | int))


def refusal(kind: type[Declared], name: str, value: object) -> str:
    """Say in one line why a value is none of a field: the value, the rule, an example."""
    field = kind.model_fields[name]
    is_not = f"{name} is {quoted(value)}: it must be"
    if is_switch(kind, name):
        return f"{is_not} true or false"
    if choices := [*map(str, choices_of(kind, name))]:
        hint = kind.known[name].hints.get(str(value).lower(), "")
        return f"{is_not} {', '.join(choices[:-1])} or {choices[-1]}{hint and f'; {hint}'}"
    if field.annotation is str or name not in kind.known:
        return f"{is_not} a name"
    if is_list(kind, name):
        return f"{is_not} a list of whole numbers, such as 0,1 or 0-3"
    return f"{is_not} a positive whole number, such as {field.default or kind.known[name].example}"
