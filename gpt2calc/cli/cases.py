"""The config, or the config and run, that a command's model and flags describe."""

from collections.abc import Iterable, Iterator
from typing import Any

from gpt2calc.cli.flags import Fields
from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.sources.field_text import read_field
from gpt2calc.quantity.models import labelled, load
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.quantity.run import Run


def given(fields: Fields | None) -> Fields:
    """Return the fields given as flags; None, from a flag like --no-positions, becomes "none"."""
    return {name: "none" if value is None else value for name, value in (fields or {}).items()}


def of_run(fields: Fields | None) -> Fields:
    """Return those of some fields that say how a model is run."""
    return {name: value for name, value in given(fields).items() if name in Run.known}


def configured(model: str, fields: Fields | None) -> ModelConfig:
    """Return the config of a preset or a file, with the fields of a model that were given."""
    changes = {name: value for name, value in given(fields).items() if name in ModelConfig.known}
    return load(model).replace(**changes)


def case_given(model: str, of: str | Quantity, fields: Fields | None) -> Any:
    """Return the config, or the config and run, that a quantity counts, with the fields given."""
    quantity = as_quantity(of)
    refuse_idle_run(quantity, fields, (model,))
    return labelled((model,), quantity.case, **given(fields))[0].config


def refuse_idle_run(of: str | Quantity, fields: Fields | None, models: Iterable[str] = ()) -> None:
    """Raise ``UserError`` for what is said of the run and does not change the quantity.

    That may be a flag, or a change of a model: ``gpt2,batch=8``.
    """
    quantity = as_quantity(of)
    flags = [(f"--{name.replace('_', '-')}", name, value) for name, value in of_run(fields).items()]
    changes = [(name, name, value) for model in models for name, value in _changes_of_run(model)]
    for words, name, value in (*flags, *changes):
        known = Run.known[name]
        is_so_anyway = known.fixed.get(quantity.name) == value
        if quantity.name not in known.changes and not is_so_anyway:
            *first, last = known.changes
            others = f"{', '.join(first)} or {last}" if first else last
            raise UserError(
                f"{words} does not change what --of {quantity.name} counts: ask --of {others}"
            )


def _changes_of_run(model: str) -> Iterator[tuple[str, object]]:
    """Yield the fields of a run among the changes of a model."""
    for change in model.split(",")[1:]:
        name, equals, value = change.partition("=")
        field = name.strip().replace("-", "_")
        if equals and field in Run.known:
            yield field, read_field(Run, field, value.strip())
