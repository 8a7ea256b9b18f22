"""The config, or the config and run, that a command's model and flags describe."""

from collections.abc import Iterable
from typing import Any

from gpt2calc.cli.flags import Fields
from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
from gpt2calc.quantity.models import changes_in, labelled, load
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
    changed = [pair for model in models for pair in changes_in(model).items()]
    changes = [(name, name, value) for name, value in changed if name in Run.known]
    for words, name, value in (*flags, *changes):
        known = Run.known[name]
        is_so_anyway = known.fixed.get(quantity.name) == value
        if quantity.name not in known.changes and not is_so_anyway:
            *first, last = known.changes
            others = f"{', '.join(first)} or {last}" if first else last
            raise UserError(
                f"{words} does not change what --of {quantity.name} counts: ask --of {others}"
            )
