"""The study: the article's tables and pictures with exact numbers, and its claims judged."""

from dataclasses import dataclass

from gpt2calc.analysis.comparison import Comparison, comparison_of
from gpt2calc.errors import UserError
from gpt2calc.plot.page import computing, sections
from gpt2calc.plot.page.claims import Claim, judged
from gpt2calc.plot.style import refuse_undrawable
from gpt2calc.quantity.models import Models, labelled

THE_FOUR = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
MOST_MODELS = 12


@dataclass(frozen=True)
class Study:
    """The whole study of some models."""

    models: Comparison
    sections: tuple[sections.Section, ...]
    claims: tuple[Claim, ...]


def study(models: Models = THE_FOUR) -> Study:
    """Study some models as the article studies the four GPT-2.

    Args:
        models: presets, files or configs, one or more.

    Raises:
        UserError: there are no models or too many, one is named twice, or one cannot be loaded.

    """
    compared = comparison_of(labelled(models))
    if not 1 <= len(compared.names) <= MOST_MODELS:
        raise UserError(
            f"{len(compared.names)} models to study: give 1 to {MOST_MODELS}, such as gpt2 gpt2-xl"
        )
    refuse_undrawable(max(each.total for each in compared.counts))
    twice = [name for name in compared.names if compared.names.count(name) > 1]
    if twice:
        raise UserError(f"{twice[0]!r} is there twice: name each model once")
    parts = (
        sections.method(compared),
        sections.shares(compared),
        sections.composition(compared),
        sections.attention_against_mlp(compared),
        *((sections.trend(compared),) if len(compared.names) > 1 else ()),
        sections.layer_norm(compared),
        sections.weights_and_biases(compared),
        computing.flops(compared),
    )
    return Study(compared, parts, judged(compared))
