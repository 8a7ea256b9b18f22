"""The study's section on FLOPs: what each sublayer takes, and what a long context changes."""

from gpt2calc.analysis.comparison import Comparison, comparison_of
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.plot import pictures
from gpt2calc.plot.page.sections import Picture, Section
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.models import Labelled
from gpt2calc.report.sublayers import words_of
from gpt2calc.report.table import Column, Row, Table, percent
from gpt2calc.teach.flop_lessons import LONG
from gpt2calc.units import format_flops

COUNTED = """The article stops at counting parameters. What a forward pass takes follows from the
same list of operations: a multiply and an add are two FLOPs, matrix products alone are counted, and
attention's scores over the full square of the sequence, as PyTorch counts them. A sublayer's share
of the FLOPs is not its share of the parameters: scores have none, and a tied head has none of its
own."""


def flops(models: Comparison) -> Section:
    """Compare the FLOPs of one whole context, and of one that is long for all of these models."""
    now = _at(models)
    long = _at(models, n_ctx=LONG, seq=LONG)
    return Section(
        "flops",
        "FLOPs instead of parameters",
        (COUNTED, _what_a_long_context_does(now, long)),
        (
            _shares("Shares of the FLOPs over one whole context", now),
            _shares(f"Shares of the FLOPs over {LONG:,} tokens", long),
        ),
        (
            _picture("flops", "over one whole context", now),
            _picture("flops-of-a-long-context", f"over {LONG:,} tokens", long),
        ),
    )


def _at(models: Comparison, **fields: int) -> Comparison:
    """Compare the same models by FLOPs, with some fields of the case replaced."""
    cases = [(name, case_of(counted.config).replace(**fields)) for name, counted in models.named]
    return comparison_of((Labelled(name, case) for name, case in cases), FLOPS)


def _shares(title: str, compared: Comparison) -> Table:
    rows: list[Row] = [
        (
            name,
            counted.config.q_len,
            f"{counted.total / 10**12:,.2f}",
            *(counted[part].share for part in FLOPS.parts),
        )
        for name, counted in compared.named
    ]
    return Table(
        title,
        (
            Column("model"),
            Column("tokens", "count"),
            Column("TFLOPs", "mixed"),
            *(Column(words_of(part), "share") for part in FLOPS.parts),
        ),
        tuple(rows),
    )


def _what_a_long_context_does(now: Comparison, long: Comparison) -> str:
    """Say how a long context changes the FLOPs of the largest of the models."""
    (name, few), (_, many) = max(
        zip(now.named, long.named, strict=True), key=lambda pair: pair[0][1].total
    )
    return (
        f"With {LONG:,} tokens instead of {few.config.q_len:,}, {name} takes "
        f"{format_flops(many.total)} instead of {format_flops(few.total)}: the scores go from "
        f"{percent(few['scores'].share)} to {percent(many['scores'].share)} of all FLOPs, since "
        "they alone grow with the square of the sequence."
    )


def _picture(name: str, where: str, compared: Comparison) -> Picture:
    said = "; ".join(
        f"{model}: "
        + ", ".join(f"{words_of(part)} {percent(counted[part].share)}" for part in FLOPS.parts)
        for model, counted in compared.named
    )
    return Picture(
        name,
        f"Stacked bars of the shares of FLOPs {where}, a bar a model. {said}",
        lambda width: pictures.of_comparison(compared, "stacked", width),
    )
