"""Several models side by side: what differs in their configs, and where their parameters are."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt2calc.config import GPT2Config
from gpt2calc.counting import PARAMETERS, breakdown
from gpt2calc.errors import UserError
from gpt2calc.loading import Model, as_config, preset_names
from gpt2calc.output.result import Result
from gpt2calc.output.table import Column, Row, Table
from gpt2calc.quantities import as_quantity
from gpt2calc.quantity import Quantity


@dataclass(frozen=True)
class Comparison(Result):
    """Counts of two or more models, each under a name."""

    names: tuple[str, ...]
    counts: tuple[Any, ...]
    """A breakdown of each model, all of the same quantity."""

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
        values = {name: tuple(fields[name] for fields in effective) for name in effective[0]}
        return {name: each for name, each in values.items() if len(set(each)) > 1}

    def to_dict(self) -> dict[str, Any]:
        """One object a model, as ``Count.to_dict`` gives it; counts in parameters."""
        return {
            "differing": {name: list(values) for name, values in self.differing.items()},
            "models": [{"name": name, **each.to_dict()} for name, each in self.named],
        }

    def table(self) -> Table:
        """A column for each model: differing fields, the total, each sublayer and its share."""
        rows: list[Row] = [
            (name, *("yes" if each is True else "no" if each is False else each for each in values))
            for name, values in self.differing.items()
        ]
        rows.append(("total", *(each.total for each in self.counts)))
        for sublayer in self.quantity.parts:
            rows.append((sublayer, *(each[sublayer].total for each in self.counts)))
            rows.append((f"{sublayer} share", *(each[sublayer].share for each in self.counts)))
        return Table(
            title="",
            columns=(Column(self.quantity.name), *(Column(name, "mixed") for name in self.names)),
            rows=tuple(rows),
        )


def compare(
    models: Iterable[Model], *, of: str | Quantity = "parameters", **fields: Any
) -> Comparison:
    """Put several models side by side.

    Args:
        models: names of presets, files, or configs; two or more. A config is named by its fields.
        of: the quantity, or its name.
        fields: of the config, replaced in every model.

    Raises:
        UserError: there are fewer than two models, or one of them cannot be loaded.

    """
    models = tuple(models)
    if len(models) < 2:
        raise UserError(
            f"{len(models)} to compare: give two models or more, such as gpt2 gpt2-medium"
        )
    return counted_under_names(models, as_quantity(of), **fields)


def counted_under_names(
    models: Iterable[Model], quantity: Quantity = PARAMETERS, **fields: Any
) -> Comparison:
    """Do the same for any number of models."""
    models = tuple(models)
    configs = [as_config(each) for each in models]
    return Comparison(
        names=_told_apart([_name(each) for each in models], configs),
        counts=tuple(breakdown(each.replace(**fields), quantity) for each in configs),
    )


def _name(model: Model) -> str:
    if isinstance(model, GPT2Config):
        return f"{model.n_layer} x {model.n_embd}"
    word = os.fspath(model)
    if word in preset_names():
        return word
    path = Path(word).resolve()
    return path.parent.name if path.name == "config.json" else path.stem


def _told_apart(names: list[str], configs: list[GPT2Config]) -> tuple[str, ...]:
    """The names, with a number where other models have the same one."""
    firsts: dict[str, list[GPT2Config]] = {}
    told = []
    for name, config in zip(names, configs, strict=True):
        others = firsts.setdefault(name, [])
        if config not in others:
            others.append(config)
        place = others.index(config) + 1
        told.append(name if place == 1 else f"{name} ({place})")
    return tuple(told)
