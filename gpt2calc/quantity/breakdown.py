"""A quantity of one model, part by part."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from gpt2calc.quantity.by_kind import KindPart, parts_by_kind
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity, Share, model_of
from gpt2calc.report.listing import Listing, RowField, counts
from gpt2calc.report.table import Table


class PartByPart(Listing):
    """A row for each part of a model: its amounts, and its share of the total."""

    config: Config
    parts: tuple[Any, ...]
    """One for each of ``quantity.parts``, in that order."""
    quantity: Quantity

    def items(self) -> list[tuple[str, Any]]:
        """Return the parts with their names, without those of the rare parts that have nothing."""
        return self._shown()

    def fields(self) -> tuple[RowField, ...]:
        """Return what each part has, and its share as a number and as a bar."""
        columns = self.quantity.columns_apart(self.config)
        return (
            RowField("sublayer", lambda pair: pair[0], "sublayer"),
            *(counts(each, partial(_amount, each)) for each in (*columns, "total")),
            RowField("share", lambda pair: pair[1].share, "share", "share"),
            RowField(None, lambda pair: pair[1].share, "", "bar"),
        )

    def sums(self) -> dict[str, Any]:
        """Add up the parts."""
        return {**self.added_up(), "share": 1.0}

    def title(self) -> str:
        title: str = self.config.title()
        return title

    def amounts(self) -> dict[str, Any]:
        """Return the config, the sums and the parts as plain numbers, ready for JSON."""
        columns = ("total", *self.quantity.columns_apart(self.config))
        sums = {each: sum(getattr(part, each) for part in self.parts) for each in columns}
        return {
            "config": self.config.effective(),
            **sums,
            "sublayers": {name: self._amounts_of(part) for name, part in self._shown()},
        }

    def _amounts_of(self, part: Any) -> dict[str, Any]:
        """Return the columns of one part by name."""
        columns = (*self.quantity.columns_apart(self.config), "total", "share")
        return {each: getattr(part, each) for each in columns}

    def _shown(self) -> list[tuple[str, Any]]:
        named = zip(self.quantity.parts, self.parts, strict=True)
        return [
            pair for pair in named if pair[1].total or pair[0] not in self.quantity.display.rare
        ]


def _amount(column: str, pair: tuple[str, Any]) -> int:
    amount: int = getattr(pair[1], column)
    return amount


@dataclass(frozen=True, repr=False)
class Breakdown(PartByPart):
    """One quantity of one model, part by part; ``breakdown["attention"]`` is one part."""

    config: Config
    parts: tuple[Any, ...]
    quantity: Quantity

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(part.total for part in self.parts)

    @property
    def per_block(self) -> int:
        """What one transformer block has: what one more layer adds."""
        added: int = self.quantity.per_block(self.quantity.formulas.settle(self.config))
        return added

    @property
    def sublayers(self) -> dict[str, Any]:
        """The parts by name; a part that has nothing is there with zeros."""
        return dict(zip(self.quantity.parts, self.parts, strict=True))

    def __getitem__(self, part: str) -> Any:
        """Return one part, or a group of them. Raises ``UserError`` if none is called that."""
        if part not in self.quantity.parts and part in self.quantity.display.groups:
            return self._together(self.quantity.display.groups[part])
        return self.parts[self.quantity.parts.index(self.quantity.checked_part(part))]

    def __iter__(self) -> Iterator[str]:
        return iter(self.quantity.parts)

    def __contains__(self, part: object) -> bool:
        return part in self.quantity.parts or part in self.quantity.display.groups

    @property
    def coarse(self) -> dict[str, Share]:
        """The parts by name, or the groups of them where there are many."""
        if not self.quantity.display.has_many_parts:
            return {
                name: Share(part.total, part.total, part.share)
                for name, part in self.sublayers.items()
            }
        return {name: self._together(parts) for name, parts in self.quantity.display.groups.items()}

    def _together(self, parts: Iterable[str]) -> Share:
        total = sum(self.sublayers[part].total for part in parts)
        return Share(total, total, total / (self.total or 1))

    def group_share(self, group: str) -> float:
        """Return the fraction of the total that the parts of a group have together."""
        return float(sum(self[name].share for name in self.quantity.display.groups[group]))

    @cached_property
    def kinds(self) -> dict[str, list[KindPart]]:
        """What each kind of layer has, for the sublayers that differ from layer to layer."""
        return parts_by_kind(self.config, self.quantity, self.sublayers)

    def table(self) -> Table:
        """Return a row for each part, and beneath it one for each kind of layer that differs."""
        rows: list[tuple[str, Any]] = []
        for name, part in self.items():
            rows.append((name, part))
            rows += [(each.row, each.part) for each in self.kinds.get(name, [])]
        return super().table()._replace(rows=self.table_of(rows, "").rows)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers, ready for JSON: amounts in the quantity's unit."""
        amounts = self.amounts()
        sublayers = amounts.pop("sublayers")
        for name, kinds in self.kinds.items():
            sublayers[name]["kinds"] = [
                {"kind": each.kind, "layers": each.layers, **self._amounts_of(each.part)}
                for each in kinds
            ]
        return {**amounts, **self._more(), "sublayers": sublayers}

    def summary(self) -> str:
        return f"{self.config.title()}: {self.total:,} {self.quantity.unit}"

    def _more(self) -> dict[str, object]:
        return {"per_block": self.per_block}

    def block_said(self) -> tuple[str, ...]:
        """Say what one block has; nothing where blocks differ."""
        are_alike = not (self.kinds or model_of(self.config).blocks_differ)
        return (f"One block: {self.per_block:,}.",) if are_alike else ()

    def notes(self) -> tuple[str, ...]:
        return self.block_said()
