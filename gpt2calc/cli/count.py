"""The default command, which counts parameters, and ``presets``."""

from typing import Annotated

from cyclopts import Parameter

from gpt2calc.cli.cases import configured, given, refuse_idle_run
from gpt2calc.cli.drawing import draw
from gpt2calc.cli.flags import Form, Model, ModelFields, Plot, Switch
from gpt2calc.errors import UserError
from gpt2calc.report.terminal import show


def count_parameters(
    model: Model = "gpt2",
    /,
    *,
    fields: ModelFields | None = None,
    tensors: Annotated[Switch, Parameter(help="List the tensors instead.")] = False,
    plot: Plot = None,
    form: Form = "text",
) -> int:
    """Count the parameters of a model, sublayer by sublayer.

    Flags change single fields of the model.
    """
    refuse_idle_run("parameters", None, (model,))
    config = configured(model, fields)
    if tensors and plot is not None:
        raise UserError("--tensors is a list and no picture: leave out --plot or --tensors")
    if tensors:
        from gpt2calc.metrics.tensor_table import list_tensors

        return show(list_tensors(config), form)
    from gpt2calc.metrics.parameters import count

    counted = count(config)
    draw(plot, lambda pictures: pictures.of_count(counted, name=_name(model, fields)))
    return show(counted, form)


def _name(model: str, fields: ModelFields | None) -> str:
    from gpt2calc.quantity.models import labelled

    return labelled(model, **given(fields))[0].name


def presets(
    *words: Annotated[str, Parameter(help="Words of a name or a family, like llama 3.")],
    form: Form = "text",
) -> int:
    """List the presets by family, with their sizes.

    Counted, and as their papers report them. WORDS leave those that have all of them in their name
    or family; moe, those with experts.
    """
    from gpt2calc.analysis.catalogue import catalogue

    return show(catalogue(words), form)
