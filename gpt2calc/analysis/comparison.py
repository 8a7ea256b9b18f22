"""Several models side by side: the fields in which they differ, and the counts of their parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import PARAMETERS, Count, breakdown
from gpt2calc.quantity.models import Labelled, Models, labelled, shown
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.result import csv
from gpt2calc.report.table import Column, Table


@dataclass(frozen=True, repr=False)
class Comparison(Listing):
    """One quantity of several models, each under a name."""

    names: tuple[str, ...]
    counts: tuple[Any, ...]
    """A breakdown of each model, all of the same quantity."""
    changed: frozenset[str] = frozenset()
    """The fields that were changed in some of the models, as their names say."""

    @property
    def named(self) -> tuple[tuple[str, Any], ...]:
        """The models, each with its name."""
        return tuple(zip(self.names, self.counts, strict=True))

    @property
    def quantity(self) -> Quantity:
        """What is compared."""
        quantity: Quantity = self.counts[0].quantity
        return quantity

    @property
    def differing(self) -> dict[str, tuple[Any, ...]]:
        """The config fields that are not the same in every model, with a value for each model.

        A field that is left to its rule has the rule's value, which for ``n_head`` may be None.
        """
        effective = [each.config.effective() for each in self.counts]
        values = {
            name: tuple(fields[name] for fields in effective)
            for name, known in self.counts[0].config.known.items()
            if not known.echoes or any(getattr(each.config, name) for each in self.counts)
        }
        return {name: each for name, each in values.items() if len(set(each)) > 1}

    @property
    def _has_experts(self) -> bool:
        """Whether parameters are compared, and in some model not all of them are active."""
        counts = (each for each in self.counts if isinstance(each, Count))
        return any(each.active != each.total for each in counts)

    def items(self) -> tuple[tuple[str, Any], ...]:
        """Return the models, each with its name."""
        return self.named

    def fields(self) -> tuple[RowField, ...]:
        """Return the config fields that differ or were changed, the sums, and the parts."""
        said = self.differing.keys() | self.changed
        fields = [name for name in self.counts[0].config.known if name in said]
        return (
            RowField("model", lambda named: named[0]),
            *(
                RowField(name, partial(_value, name), name, shown=partial(_shown, name))
                for name in fields
            ),
            RowField("total", lambda named: named[1].total, "total"),
            *((_ACTIVE,) if self._has_experts else ()),
            *chain.from_iterable(map(self._fields_of, self.quantity.parts)),
        )

    def _fields_of(self, part: str) -> tuple[RowField, RowField]:
        """Return a part's total and share; tables leave out empty ones of many, or rare ones."""
        may_be_left_out = self.quantity.display.has_many_parts or part in self.quantity.display.rare
        is_read = not may_be_left_out or any(c[part].total for c in self.counts)
        return (
            RowField(part, lambda named: named[1][part].total, part if is_read else None),
            RowField(
                None, lambda named: named[1][part].share, f"{part} share" if is_read else None
            ),
        )

    def summary(self) -> str:
        amounts = (f"{name} {counted.total:,}" for name, counted in self.named)
        return f"{self.quantity.name} of {', '.join(amounts)}"

    def to_dict(self) -> dict[str, Any]:
        """Return an object for each model, with its breakdown's ``to_dict``."""
        return {
            "differing": {name: list(values) for name, values in self.differing.items()},
            "models": [{"name": name, **each.to_dict()} for name, each in self.named],
        }

    def table(self) -> Table:
        """Return a column for each model: fields that differ, total, sublayers and shares."""
        models = (Column(name, "mixed") for name in self.names)
        return self.on_its_side((Column(self.quantity.unit), *models))

    def csv(self) -> str:
        """Write the table with a column for each model, numbers without thousands separators."""
        return csv(self.table())


_ACTIVE = RowField("active", lambda named: named[1].active, "active")


def _value(field: str, named: tuple[str, Any]) -> Any:
    return named[1].config.value(field)


def _shown(field: str, named: tuple[str, Any]) -> Any:
    value = _value(field, named)
    return shown(value) if isinstance(value, bool | tuple) else value


def compare(models: Models, *, of: str | Quantity = "parameters", **fields: Any) -> Comparison:
    """Put several models side by side.

    Args:
        models: names of presets, files, or configs; two or more. A config is named by its shape; a
            mapping gives labels of one's own. A single model with fields to replace is compared
            with itself, before against after.
        of: the quantity, or its name.
        fields: of the config, replaced in every model.

    Raises:
        UserError: there are fewer than two models, or one of them cannot be loaded.

    """
    quantity = as_quantity(of)
    named = labelled(models, quantity.case, **fields)
    if len(named) == 1 and fields:
        named = (*labelled(models, quantity.case), *named)
    if len(named) < 2:
        raise UserError(
            f"{len(named)} to compare: give two models or more, such as gpt2 gpt2-medium, or one "
            "with changes"
        )
    return comparison_of(named, quantity)


def comparison_of(models: Iterable[Labelled], quantity: Quantity = PARAMETERS) -> Comparison:
    """Put any number of models side by side."""
    models = tuple(models)
    return Comparison(
        names=tuple(model.name for model in models),
        counts=tuple(breakdown(model.config, quantity) for model in models),
        changed=frozenset().union(*(model.changed for model in models)),
    )
