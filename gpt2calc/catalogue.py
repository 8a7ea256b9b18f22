"""The presets as a table: what there is, with its size as counted and as reported."""

from dataclasses import dataclass
from typing import Any

from gpt2calc.amount import Amount
from gpt2calc.counting import count
from gpt2calc.loading import Preset, presets
from gpt2calc.output.result import Result
from gpt2calc.output.table import Column, Table


@dataclass(frozen=True)
class Entry:
    """One preset and the number of parameters it has."""

    preset: Preset
    total: int

    @property
    def family(self) -> str:
        """What its name begins with: ``gpt2`` for all four of them."""
        return self.preset.name.partition("-")[0]

    @property
    def agrees(self) -> bool | None:
        """Whether the count rounds to the figure its source reports; None if it reports none."""
        reported = self.preset.reported
        return None if reported is None else Amount.parse(reported).stands_for(self.total)


@dataclass(frozen=True, repr=False)
class Catalogue(Result):
    """All presets, by family and size."""

    entries: tuple[Entry, ...]

    def to_dict(self) -> dict[str, Any]:
        """One object a preset; sizes in parameters."""
        return {
            "presets": [
                {
                    "name": entry.preset.name,
                    "total": entry.total,
                    "reported": entry.preset.reported,
                    "agrees": entry.agrees,
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
                "total": entry.total,
                "reported": entry.preset.reported,
                "agrees": entry.agrees,
            }
            for entry in self.entries
        ]

    def summary(self) -> str:
        return f"{len(self.entries)} presets"

    def table(self) -> Table:
        """Return a row for each preset, marked where the count is not the reported size."""
        marks = {True: "", False: "≠", None: ""}
        return Table(
            title="",
            columns=(
                Column("preset"),
                Column("n_layer", "count"),
                Column("n_embd", "count"),
                Column("vocab", "count"),
                Column("n_ctx", "count"),
                Column("parameters", "count"),
                Column("reported", "mixed"),
                Column("≠"),
            ),
            rows=tuple(
                (
                    entry.preset.name,
                    entry.preset.config.n_layer,
                    entry.preset.config.n_embd,
                    entry.preset.config.vocab,
                    entry.preset.config.n_ctx,
                    entry.total,
                    entry.preset.reported,
                    marks[entry.agrees],
                )
                for entry in self.entries
            ),
            notes=("≠: the count does not round to the size that the model's paper reports.",),
        )


def catalogue() -> Catalogue:
    """Count every preset."""
    entries = [Entry(each, count(each.config).total) for each in presets()]
    return Catalogue(tuple(sorted(entries, key=lambda entry: (entry.family, entry.total))))
