"""The config, or the config and run, that a command's model and flags describe."""

from typing import Any

from gpt2calc.cli.flags import Fields
from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
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


def kept_free(margin: int | None, gpu: str | None) -> int:
    """Return the margin to keep free on a device. Raises ``UserError`` if there is no device."""
    from gpt2calc.metrics.memory.fitting import MARGIN

    if margin is not None and gpu is None:
        raise UserError("--margin is of a device: give --gpu, too, such as a100-80gb")
    return MARGIN if margin is None else margin


def case_given(model: str, of: str | Quantity, fields: Fields | None) -> Any:
    """Return the config, or the config and run, that a quantity counts, with the fields given."""
    quantity = as_quantity(of)
    refuse_idle_run(quantity, fields)
    return labelled((model,), quantity.case, **given(fields))[0].config


def refuse_idle_run(of: str | Quantity, fields: Fields | None) -> None:
    """Raise ``UserError`` for a flag of the run that does not change the quantity."""
    quantity = as_quantity(of)
    for name, value in of_run(fields).items():
        known = Run.known[name]
        is_so_anyway = known.fixed.get(quantity.name) == value
        if quantity.name not in known.changes and not is_so_anyway:
            raise UserError(
                f"--{name.replace('_', '-')} does not change what --of {quantity.name} counts: "
                f"ask --of {' or '.join(known.changes)}"
            )
