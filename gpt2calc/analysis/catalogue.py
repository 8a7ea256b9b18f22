"""The presets as tables, one a family: what there is, with its size as counted and as reported."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.metrics.parameters import Count, count
from gpt2calc.model.presets import Preset, presets
from gpt2calc.report.result import Result, rows_as_csv
from gpt2calc.report.table import Column, Table
from gpt2calc.units import RoundedNumber

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
        """What people call its family; GPT-3 and Cerebras-GPT are GPT-2s."""
        return self.preset.config.of_family.words

    @property
    def found_by(self) -> str:
        """What a word may be of: its name, its family, and that it is a mixture of experts."""
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

    def to_row(self) -> dict[str, Any]:
        """Return the preset as plain values; sizes in parameters."""
        return {
            "name": self.preset.name,
            "family": self.family,
            "total": self.total,
            "active": self.counted.active,
            "reported": self.preset.reported,
            "agrees": self.agrees,
        }


@dataclass(frozen=True, repr=False)
class Catalogue(Result):
    """Presets, by family and size."""

    entries: tuple[Entry, ...]

    def to_dict(self) -> dict[str, Any]:
        """One object a preset; sizes in parameters."""
        return {
            "presets": [
                {
                    **entry.to_row(),
                    "parameters": entry.preset.parameters,
                    "hub": entry.preset.hub,
                    "source": {"title": entry.preset.title, "url": entry.preset.url},
                    "config": entry.preset.config.effective(),
                }
                for entry in self.entries
            ]
        }

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a flat row for each preset."""
        return [
            {
                "name": entry.preset.name,
                **entry.preset.config.effective(),
                **{key: value for key, value in entry.to_row().items() if key != "family"},
            }
            for entry in self.entries
        ]

    def csv(self) -> str:
        """Write a row for each, numbers bare."""
        return rows_as_csv(self.to_rows())

    def summary(self) -> str:
        return f"{len(self.entries)} presets"

    def tables(self) -> tuple[Table, ...]:
        """Return a table for each family, what the marks mean beneath the last one."""
        groups = [(family, [*each]) for family, each in groupby(self.entries, lambda e: e.family)]
        shown = [_table(family, entries) for family, entries in groups]
        *others, last = shown
        return (*others, last._replace(notes=(NOT_AS_REPORTED,)))

    def table(self) -> Table:
        """Return one table of all presets."""
        return _table("", self.entries)._replace(notes=(NOT_AS_REPORTED,))


def _table(family: str, entries: Iterable[Entry]) -> Table:
    """Return a row for each preset; of models with experts also what is active for a token."""
    entries = [*entries]
    has_experts = any(entry.counted.active != entry.total for entry in entries)
    marks = {True: "", False: "≠", None: ""}
    shape = (Column("n_embd", "count"), Column("vocab", "count"))
    return Table(
        title=family,
        columns=(
            *(Column("preset"), Column("n_layer", "count")),
            *((Column("active", "count"),) if has_experts else shape),
            *(Column("parameters", "count"), Column("reported", "mixed"), Column("≠")),
        ),
        rows=tuple(
            (
                *(entry.preset.name, entry.preset.config.n_layer),
                *((entry.counted.active,) if has_experts else _width_and_vocabulary(entry)),
                *(entry.total, entry.preset.reported, marks[entry.agrees]),
            )
            for entry in entries
        ),
    )


def _width_and_vocabulary(entry: Entry) -> tuple[int, int]:
    return entry.preset.config.n_embd, entry.preset.config.vocab


def catalogue(words: Iterable[str] = ()) -> Catalogue:
    """Count the presets: all of them, or those that have all of some words in name or family.

    Raises:
        UserError: no preset has them.

    """
    wanted = [word.lower() for word in words]
    entries = [Entry(each, count(each.config)) for each in presets()]
    found = [entry for entry in entries if all(word in entry.found_by for word in wanted)]
    if not found:
        families = _in_order(entries)
        said = " ".join(wanted)
        hint = did_you_mean(said, [family.lower() for family in families])
        raise UserError(
            f"no preset has {quoted(said)} in its name or family"
            f"{hint or '; the families are ' + ', '.join(families)}"
        )
    order = {family: place for place, family in enumerate(_in_order(found))}
    return Catalogue(tuple(sorted(found, key=lambda e: (order[e.family], _kind(e), e.total))))


def _kind(entry: Entry) -> str:
    """Return what a preset's name begins with: ``gpt3`` among the GPT-2s."""
    return entry.preset.name.partition("-")[0]


def _in_order(entries: Iterable[Entry]) -> list[str]:
    """Return the families in the order in which they are listed, GPT-2 first."""
    from gpt2calc.model.families.table import families

    there = {entry.family for entry in entries}
    return [each for each in dict.fromkeys(f.words for f in families().values()) if each in there]
