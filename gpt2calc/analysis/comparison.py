"""Several models side by side: what differs in their configs, and where their parameters are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.metrics.parameters import PARAMETERS, Count, breakdown
from gpt2calc.quantity.models import Labelled, Models, labelled, shown
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.report.result import Result
from gpt2calc.report.table import Column, Row, Table


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Counts of two or more models, each under a name."""

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

        A field that follows a rule has the value of the rule; ``n_head`` may have none.
        """
        effective = [each.config.effective() for each in self.counts]
        values = {
            name: tuple(fields[name] for fields in effective)
            for name, known in self.counts[0].config.known.items()
            if not known.echoes or any(getattr(each.config, name) for each in self.counts)
        }
        return {name: each for name, each in values.items() if len(set(each)) > 1}

    @property
    def _fields_to_say(self) -> dict[str, tuple[Any, ...]]:
        effective = [counted.config.effective() for counted in self.counts]
        said = self.differing.keys() | self.changed
        return {
            name: tuple(fields[name] for fields in effective)
            for name in effective[0]
            if name in said
        }

    @property
    def _has_experts(self) -> bool:
        """Whether parameters are compared, and in some model not all of them are active."""
        counts = (each for each in self.counts if isinstance(each, Count))
        return any(each.active != each.total for each in counts)

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a flat row for each model: fields that differ or were changed, and amounts."""
        return [
            {
                "model": name,
                **{field: values[place] for field, values in self._fields_to_say.items()},
                "total": counted.total,
                **({"active": counted.active} if self._has_experts else {}),
                **{part: counted[part].total for part in counted},
            }
            for place, (name, counted) in enumerate(self.named)
        ]

    def summary(self) -> str:
        amounts = (f"{name} {counted.total:,}" for name, counted in self.named)
        return f"{self.quantity.name} of {', '.join(amounts)}"

    def to_dict(self) -> dict[str, Any]:
        """One object a model, as ``Count.to_dict`` gives it; counts in parameters."""
        return {
            "differing": {name: list(values) for name, values in self.differing.items()},
            "models": [{"name": name, **each.to_dict()} for name, each in self.named],
        }

    def table(self) -> Table:
        """Return a column for each model: fields that differ, total, sublayers and shares."""
        rows: list[Row] = [
            (
                name,
                *(shown(value) if isinstance(value, bool | tuple) else value for value in values),
            )
            for name, values in self._fields_to_say.items()
        ]
        rows.append(("total", *(each.total for each in self.counts)))
        if self._has_experts:
            rows.append(("active", *(each.active for each in self.counts)))
        for sublayer in self.quantity.parts:
            if self.quantity.has_many_parts and not any(
                each[sublayer].total for each in self.counts
            ):
                continue
            rows.append((sublayer, *(each[sublayer].total for each in self.counts)))
            rows.append((f"{sublayer} share", *(each[sublayer].share for each in self.counts)))
        return Table(
            title="",
            columns=(Column(self.quantity.unit), *(Column(name, "mixed") for name in self.names)),
            rows=tuple(rows),
        )


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
