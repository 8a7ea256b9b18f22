"""The list of presets, a table for each family: parameters as counted and as reported."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from gpt2calc.errors import UserError, did_you_mean, quoted, some_of
from gpt2calc.metrics.parameters import Count, count
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.sources.presets import Preset, presets
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.table import Table
from gpt2calc.units import RoundedNumber

PRESETS_LIST_ALL = "'gpt2calc presets' lists all"
NOT_AS_REPORTED = "≠: the count does not round to the size that the model's source reports."


@dataclass(frozen=True)
class Entry:
    """One preset and the parameters that it has."""

    preset: Preset
    counted: Count

    @property
    def total(self) -> int:
        """All of its parameters."""
        return self.counted.total

    @property
    def family(self) -> str:
        """The family in words, such as ``"GPT-2"``, which GPT-3 and Cerebras-GPT are, too."""
        return self.preset.config.of_family.words

    @property
    def found_by(self) -> str:
        """The text that a search looks in: name, family, and whether it is a mixture of experts."""
        kind = "moe mixture of experts" if self.preset.config.n_expert is not None else ""
        return f"{self.preset.name} {self.family} {kind}".lower()

    @property
    def agrees(self) -> bool | None:
        """Whether the count is what its source reports, rounded or not; None if it reports none."""
        preset = self.preset
        if preset.parameters is not None and preset.parameters != self.total:
            return False
        return (
            None
            if preset.reported is None
            else RoundedNumber.parse(preset.reported).stands_for(self.total)
        )

    @property
    def reported_and_mark(self) -> str:
        """The size as its source reports it, marked where the count is another: ``"≠ 117M"``."""
        mark = "≠ " if self.agrees is False else ""
        return f"{mark}{self.preset.reported or ''}".rstrip()


SIZES = (
    RowField("total", lambda entry: entry.total, "parameters", "count"),
    RowField("active", lambda entry: entry.counted.active),
    RowField(
        "reported",
        lambda entry: entry.preset.reported,
        "reported",
        "mixed",
        shown=lambda entry: entry.reported_and_mark,
    ),
    RowField("agrees", lambda entry: entry.agrees),
)
"""The columns of sizes, of every preset."""
ACTIVE = RowField(None, lambda entry: entry.counted.active, "active", "count")
"""The column of active parameters, shown where some model has experts."""


@dataclass(frozen=True, repr=False)
class Catalogue(Listing):
    """Presets, by family and size."""

    entries: tuple[Entry, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return an object for each preset; sizes in parameters."""
        return {
            "presets": [
                {
                    "name": entry.preset.name,
                    "family": entry.family,
                    **{str(size.key): size.value(entry) for size in SIZES},
                    "parameters": entry.preset.parameters,
                    "hub": entry.preset.hub,
                    "source": {"title": entry.preset.title, "url": entry.preset.url},
                    "config": entry.preset.config.effective(),
                }
                for entry in self.entries
            ]
        }

    def items(self) -> tuple[Entry, ...]:
        """Return the presets."""
        return self.entries

    def fields(self) -> tuple[RowField, ...]:
        """Return the columns: name, fields of the config, and sizes.

        Where some model has experts, active parameters are shown, and fewer fields.
        """
        has_experts = any(entry.counted.active != entry.total for entry in self.entries)
        read = ("n_layer",) if has_experts else ("n_layer", "n_embd", "vocab")
        return (
            RowField("name", lambda entry: entry.preset.name, "preset"),
            *(
                RowField(name, partial(_value, name), name if name in read else None, "count")
                for name in ModelConfig.known
            ),
            *((ACTIVE,) if has_experts else ()),
            *SIZES,
        )

    def notes(self) -> tuple[str, ...]:
        is_marked = any(entry.agrees is False for entry in self.entries)
        return (NOT_AS_REPORTED,) if is_marked else ()

    def summary(self) -> str:
        return f"{len(self.entries)} presets"

    def tables(self) -> tuple[Table, ...]:
        """Return a table for each family, what the marks mean beneath the last one."""
        families = groupby(self.entries, lambda entry: entry.family)
        shown = [
            Catalogue((*entries,)).table()._replace(title=family, notes=())
            for family, entries in families
        ]
        *others, last = shown
        return (*others, last._replace(notes=self.notes()))


def _value(name: str, entry: Entry) -> Any:
    return entry.preset.config.value(name)


def catalogue(words: Iterable[str] = ()) -> Catalogue:
    """Count the presets: all of them, or those that have all of some words in name or family.

    Raises:
        UserError: no preset has them.

    """
    wanted = [word.lower() for word in words]
    entries = [Entry(each, count(each.config)) for each in presets()]
    found = [entry for entry in entries if all(_stands_in(word, entry.found_by) for word in wanted)]
    if not found:
        families = _in_order(entries)
        said = " ".join(wanted)
        hint = did_you_mean(said, [family.lower() for family in families])
        raise UserError(
            f"no preset has {quoted(said)} in its name or family"
            f"{hint or '; the families are ' + some_of(families, PRESETS_LIST_ALL)}"
        )
    order = {family: place for place, family in enumerate(_in_order(found))}
    return Catalogue(tuple(sorted(found, key=lambda e: (order[e.family], _kind(e), e.total))))


def _stands_in(word: str, text: str) -> bool:
    """Tell whether a text has a word: a part of one if it has no digits, else the whole of one.

    Numbers are told from sizes and from longer numbers: ``7b`` is not in ``8x7b``, nor ``3`` in
    ``13b`` or ``-3b``; but ``llama-3`` is in ``llama-3.1-8b``, a version of it.
    """
    if not any(map(str.isdigit, word)):
        return word in text
    is_number = word.replace(".", "").isdigit()
    before = r"(?<!\d)(?<!\d[.a-z])" if is_number else r"(?<![a-z\d])(?<!\d\.)"
    after = r"(?!\d|[a-z]|\.\d+[a-z])" if word[-1].isdigit() else r"(?![a-z\d])"
    return re.search(f"{before}{re.escape(word)}{after}", text) is not None


def _kind(entry: Entry) -> str:
    """Return what a preset's name begins with: ``gpt3`` among the GPT-2s."""
    return entry.preset.name.partition("-")[0]


def _in_order(entries: Iterable[Entry]) -> list[str]:
    """Return the families in the order in which they are listed, GPT-2 first."""
    from gpt2calc.model.families.table import families

    there = {entry.family for entry in entries}
    return [each for each in dict.fromkeys(f.words for f in families().values()) if each in there]
