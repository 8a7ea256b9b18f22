"""The parts of the study: their words, tables and pictures, all computed from the models."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from gpt2calc.analysis.comparison import Comparison
from gpt2calc.metrics.parameters import PARAMETERS, Count
from gpt2calc.model.config import ModelConfig
from gpt2calc.plot import pictures
from gpt2calc.plot.page.claims import printed_for
from gpt2calc.report.sublayers import SUBLAYERS, words_of
from gpt2calc.report.table import Column, Kind, Row, Table, percent
from gpt2calc.teach.derivation import Derivation
from gpt2calc.teach.notation import TEXT, written
from gpt2calc.units import human

BOTH: tuple[str, ...] = ("attention", "mlp")
"""What the article compares."""
COUNTING = """The article, "Parameter distribution in GPT-2: comparing attention, MLP and layer
normalization", is a lesson in Vietnamese of a course on building GPT. It loads each model, walks
PyTorch's named_parameters(), sorts the tensors by a part of their names (attn, mlp, ln), and adds
up numel(). Here no model is loaded: the tensors follow from the config, and the counts are exact to
the last parameter. The command gpt2calc verify holds the same list against PyTorch."""
SHARING = """Shares are percentages of the total, 100 × (parameters of the sublayer) / (total). Like
the article, the study counts, and says nothing of quality; of computation it says what the same
counting gives."""
CURVES = """The dots are the models. The curves are the formula itself, evaluated at every step of
the way from one model to the next, as long as both have the same biases and kind of head."""


@dataclass(frozen=True)
class Picture:
    """A picture to be drawn in any width, and what it shows in words."""

    name: str
    """The name of its file, without the ending: letters, digits and hyphens."""
    alternative: str
    draw: Callable[[float], Figure]


@dataclass(frozen=True)
class Section:
    """A part of the study: words, tables and pictures, in that order."""

    anchor: str
    heading: str
    paragraphs: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()


def method(models: Comparison) -> Section:
    return Section(
        "method",
        "Method",
        (COUNTING, SHARING),
        (
            _table(
                models,
                "The models",
                ("layers", "count", lambda each: each.config.n_layer),
                ("width", "count", lambda each: each.config.n_embd),
                ("vocabulary", "count", lambda each: each.config.vocab),
                ("context", "count", lambda each: each.config.n_ctx),
                ("parameters", "count", lambda each: each.total),
            ),
        ),
    )


def shares(models: Comparison) -> Section:
    columns = [Column("model")]
    rows: list[Row] = [(name,) for name in models.names]
    for sublayer in BOTH:
        columns += [Column(words_of(sublayer), "share"), Column("the article's", "mixed")]
        for place, counted in enumerate(models.counts):
            printed = printed_for(counted).get(sublayer)
            said = "none" if printed is None else f"~{printed}%"
            rows[place] = (*rows[place], counted[sublayer].share, said)
    columns += [Column("embeddings and head", "share"), Column("layer norm", "share")]
    for place, counted in enumerate(models.counts):
        embeddings = 1 - counted.non_embedding / counted.total
        rows[place] = (*rows[place], embeddings, counted["layer_norm"].share)
    return Section(
        "shares",
        "Shares of the total",
        ("The article's section 4.3, with two decimals, beside the figures that it prints.",),
        (Table("Shares of the total", tuple(columns), tuple(rows)),),
        (
            Picture(
                "shares",
                f"Stacked bars of shares, a bar a model. {_in_words(models, BOTH)}",
                lambda width: pictures.of_comparison(models, "stacked", width),
            ),
        ),
    )


def composition(models: Comparison) -> Section:
    return Section(
        "composition",
        "Each model's composition",
        ("Where the parameters are, down to the parts too small for a bar chart to show.",),
        pictures=tuple(
            Picture(
                f"composition-{number}",
                f"{name}, one bar split by sublayer: " + ", ".join(_shares_of(counted, SUBLAYERS)),
                lambda width, counted=counted, name=name: pictures.of_count(counted, width, name),  # type: ignore[misc]
            )
            for number, (name, counted) in enumerate(models.named, start=1)
        ),
    )


def attention_against_mlp(models: Comparison) -> Section:
    return Section(
        "attention-and-mlp",
        "Attention against MLP",
        (_twice(),),
        (
            _table(
                models,
                "Attention and MLP",
                ("attention", "count", lambda each: each["attention"].total),
                ("MLP", "count", lambda each: each["mlp"].total),
                ("MLP / attention", "mixed", lambda each: f"{_ratio(each):.4f}"),
            ),
        ),
        (
            Picture(
                "attention-and-mlp",
                f"Bars of the shares. {_in_words(models, BOTH)}",
                lambda width: pictures.of_groups(
                    models, BOTH, "Attention and MLP, shares of the total", width
                ),
            ),
        ),
    )


def _twice() -> str:
    """Say what attention and MLP of a plain block hold, by the formulas."""
    derivation = Derivation(ModelConfig(), (), PARAMETERS)
    attention, mlp = (
        " + ".join(
            written(derivation.in_one_block(name, column)[1], TEXT) for column in PARAMETERS.columns
        )
        for name in BOTH
    )
    return (
        f"With all biases, and an MLP four times as wide as the model, a block has {attention} "
        f"parameters in attention and {mlp} in the MLP: nearly, but never quite, twice as many."
    )


def trend(models: Comparison) -> Section:
    first, *_, last = sorted(models.counts, key=lambda each: each.total)
    together = (
        f"From {human(first.total)} to {human(last.total)} parameters, attention and MLP together "
        f"go from {percent(_both(first))} to {percent(_both(last))}."
    )
    return Section(
        "trend",
        "The trend with size",
        (CURVES, together),
        pictures=(
            Picture(
                "trend",
                f"Lines of shares against size. {_in_words(models, BOTH)}",
                lambda width: pictures.of_trend(models, width),
            ),
        ),
    )


def layer_norm(models: Comparison) -> Section:
    return Section(
        "layer-norm",
        "Layer normalization",
        ("The article's section 6: a sublayer so small that it needs a scale of its own.",),
        (
            _table(
                models,
                "Layer norms",
                ("weights (scale)", "count", lambda each: each["layer_norm"].weights),
                ("biases (shift)", "count", lambda each: each["layer_norm"].biases),
                ("together", "count", lambda each: each["layer_norm"].total),
                (
                    "share of the total",
                    "mixed",
                    lambda each: f"{100 * each['layer_norm'].share:.4f}%",
                ),
            ),
        ),
        (
            Picture(
                "layer-norm",
                "Bars of the layer norms' weights and biases: "
                + "; ".join(
                    f"{name} {counted['layer_norm'].weights:,} and {counted['layer_norm'].biases:,}"
                    for name, counted in models.named
                ),
                lambda width: pictures.of_comparison(models, "layer-norm", width),
            ),
        ),
    )


def weights_and_biases(models: Comparison) -> Section:
    return Section(
        "weights-and-biases",
        "Weights against biases in the whole model",
        ("Weights are matrices, embeddings and scales; biases are all that is added to them.",),
        (
            _table(
                models,
                "Weights and biases",
                ("weights", "count", lambda each: each.weights),
                ("biases", "count", lambda each: each.biases),
                ("biases of the total", "share", lambda each: each.biases / each.total),
            ),
        ),
    )


def _table(
    models: Comparison, title: str, *columns: tuple[str, Kind, Callable[[Count], Any]]
) -> Table:
    """Return a row for each model: its name, and what each column says of its count."""
    return Table(
        title=title,
        columns=(Column("model"), *(Column(heading, kind) for heading, kind, _ in columns)),
        rows=tuple(
            (name, *(value(counted) for *_, value in columns)) for name, counted in models.named
        ),
    )


def _in_words(models: Comparison, sublayers: tuple[str, ...]) -> str:
    """Return shares of some sublayers, for those who cannot see the picture."""
    return "; ".join(
        f"{name}: {', '.join(_shares_of(counted, sublayers))}" for name, counted in models.named
    )


def _shares_of(counted: Count, sublayers: tuple[str, ...]) -> list[str]:
    """Return name and share of those sublayers that have parameters."""
    return [f"{words_of(n)} {percent(counted[n].share)}" for n in sublayers if counted[n].total]


def _ratio(counted: Count) -> float:
    ratio: float = counted["mlp"].total / counted["attention"].total
    return ratio


def _both(counted: Count) -> float:
    share: float = counted["attention"].share + counted["mlp"].share
    return share
