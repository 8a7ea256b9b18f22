"""The count itself, and the presets it can start from."""

from typing import Annotated

from cyclopts import Parameter

from gpt2calc.flags import Form, Model, Overrides, configured
from gpt2calc.terminal import show


def count_parameters(
    model: Model = "gpt2",
    /,
    *,
    overrides: Overrides | None = None,
    tensors: Annotated[bool, Parameter(help="List the tensors instead.", negative=())] = False,
    form: Form = "text",
) -> int:
    """Count the parameters of a model, sublayer by sublayer.

    Flags change single fields of the model.
    """
    config = configured(model, overrides)
    if tensors:
        from gpt2calc.listing import list_tensors

        return show(list_tensors(config), form)
    from gpt2calc.counting import count

    return show(count(config), form)


def presets(*, form: Form = "text") -> int:
    """List the presets with their sizes, counted and as reported."""
    from gpt2calc.catalogue import catalogue

    return show(catalogue(), form)
