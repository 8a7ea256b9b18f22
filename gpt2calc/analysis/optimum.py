"""Compute-optimal models: parameters and tokens for FLOPs by published laws, and their shapes."""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Any, NamedTuple

from gpt2calc.analysis.shaping import Shapes, solve
from gpt2calc.errors import UserError
from gpt2calc.metrics.devices import Device, device, refuse_no_gpus
from gpt2calc.quantity.models import Model, as_model
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.table import Table
from gpt2calc.units import (
    DAY,
    RoundedNumber,
    format_duration,
    human,
    in_powers,
    parse_positive,
    parse_utilization,
)

LISTED = 3
"""Shapes that are listed, unless more are asked for."""
USUAL_GPU, USUAL_MFU = "h100-sxm", "40%"
WHAT_COUNTS = (
    "N counts all parameters, embeddings among them, as both papers do; by another count the same "
    "compute asks for another model. FLOPs are 6 N D: 'gpt2calc train' has the exact ones."
)


class Law(NamedTuple):
    """A fit of the loss, E + A / N^alpha + B / D^beta, of models with N parameters on D tokens."""

    name: str
    source: str
    A: float
    B: float
    alpha: float
    beta: float

    def parameters_for(self, compute: int) -> int:
        """Return the N of the least loss where 6 N D is the compute, in FLOPs."""
        ratio = (self.alpha * self.A / (self.beta * self.B)) ** (1 / (self.alpha + self.beta))
        power = self.beta / (self.alpha + self.beta)
        return max(int(ratio * float(compute / 6) ** power), 1)


LAWS = (
    Law(
        "Hoffmann et al. 2022",
        "Chinchilla, approach 3: equation 10 and section D.3",
        406.4,
        410.7,
        0.34,
        0.28,
    ),
    Law(
        "Besiroglu et al. 2024",
        "Chinchilla scaling: a replication attempt, the same data fitted again",
        482.01,
        2085.43,
        0.3478,
        0.3658,
    ),
)


class Point(NamedTuple):
    """Parameters and tokens for a budget, by one law."""

    name: str
    source: str
    parameters: int
    tokens: int


@dataclass(frozen=True, repr=False)
class Optimum(Listing):
    """Parameters and tokens for a budget of compute, and shapes of the first of them."""

    compute: int
    """FLOPs."""
    made_of: str
    """The GPUs and the time that give the compute, in words; empty where FLOPs were given."""
    points: tuple[Point, ...]
    shapes: Shapes

    def items(self) -> tuple[Point, ...]:
        """Return what each law says."""
        return self.points

    def fields(self) -> tuple[RowField, ...]:
        """Return parameters and tokens, which people read to three digits."""
        return (
            RowField("law", lambda point: point.name, "by"),
            RowField("source", lambda point: point.source),
            RowField(
                "parameters",
                lambda point: point.parameters,
                "parameters",
                "mixed",
                lambda point: human(point.parameters),
            ),
            RowField(
                "tokens",
                lambda point: point.tokens,
                "tokens",
                "mixed",
                lambda point: human(point.tokens),
            ),
            RowField(
                "tokens_per_parameter",
                lambda point: point.tokens / point.parameters,
                "tokens a parameter",
                "ratio",
            ),
        )

    def to_dict(self) -> dict[str, object]:
        """Return the compute in FLOPs, what each law says, and the shapes."""
        shapes = self.shapes.to_dict()
        return {"compute": self.compute, "laws": self.to_rows(), "shapes": shapes["shapes"]}

    def title(self) -> str:
        """Say the compute, and what it is made of."""
        made = f": {self.made_of}" if self.made_of else ""
        return f"A model for {in_powers(self.compute)} FLOPs{made}"

    def notes(self) -> tuple[str, ...]:
        return (WHAT_COUNTS,)

    def tables(self) -> tuple[Table, ...]:
        """Return what each law says, and the shapes near the first of them."""
        return (self.table(), self.shapes.table())


def optimum(
    config: Model | None = None,
    compute: int | str | None = None,
    *,
    gpus: int | None = None,
    days: float | str | Fraction | None = None,
    gpu: str | Device | None = None,
    mfu: float | str | Fraction | None = None,
    ratio: float | str | Fraction = 20,
    limit: int = LISTED,
    **of_shapes: Any,
) -> Optimum:
    """Say which model to train with a budget of compute, and on how many tokens.

    Args:
        config: what all fields of the shapes are but depth and width; GPT-2's if left out.
        compute: FLOPs of the whole training; or give ``gpus`` and ``days`` instead.
        gpus: number of GPUs; 1 if left out.
        days: days of training on them.
        gpu: with ``days``, a device by its name, or a TOML file of one; an H100 SXM if left out.
        mfu: with ``days``, model FLOPs utilization, the fraction of the peak that training makes
            use of; 40 % if left out.
        ratio: tokens per parameter in the first row.
        limit: how many shapes are listed.
        of_shapes: what else :func:`.shaping.solve` takes, such as ``n_layer`` or ``max_aspect``.

    Raises:
        UserError: neither compute nor GPUs and days are given, or both; the compute is too little
            for any model; the model has experts.

    """
    if (compute is None) == (gpus is None and days is None):
        raise UserError("give the compute, or GPUs and days: --compute 1e21, or --gpus 8 --days 7")
    if compute is None:
        flops, made_of = _compute_of(1 if gpus is None else gpus, days, gpu, mfu)
    elif gpu is None and mfu is None:
        flops, made_of = RoundedNumber.of(compute, "FLOPs").value, ""
    else:
        raise UserError(
            "the compute is in FLOPs, whatever gives it: leave out the GPU and the MFU, or give "
            "--days in the place of --compute"
        )
    times = parse_positive("ratio", ratio, "20")
    points = _points(flops, times)
    model = as_model(config)
    if model.n_expert is not None:
        raise UserError(
            "the laws are of dense models, and this one has experts, of which a token goes through "
            "a few: give a dense model, such as llama-3-8b"
        )
    wanted = points[0].parameters
    budget = RoundedNumber(human(wanted), wanted, 1)
    shapes = solve(model, budget, limit=limit, **of_shapes)
    return Optimum(flops, made_of, points, shapes)


def _compute_of(
    gpus: int,
    days: float | str | Fraction | None,
    gpu: str | Device | None,
    mfu: float | str | Fraction | None,
) -> tuple[int, str]:
    """Return the FLOPs of GPUs in some days, and the GPUs and days in words."""
    refuse_no_gpus(gpus)
    if days is None:
        raise UserError("GPUs give no compute without a time: give --days, too, such as 7")
    chosen = device(USUAL_GPU if gpu is None else gpu)
    seconds = parse_positive("days", days, "7") * DAY
    share = parse_utilization(USUAL_MFU if mfu is None else mfu)
    precision, peak = chosen.peak_in(None)
    made_of = (
        f"{format_duration(seconds)} of {gpus:,} x {chosen.name} at {float(share):.0%} of the peak "
        f"in {precision}"
    )
    return int(gpus * peak * share * seconds), made_of


def _points(compute: int, ratio: Fraction) -> tuple[Point, ...]:
    at_ratio = isqrt(int(compute / (6 * ratio)))
    if at_ratio < 1:
        raise UserError(f"{compute:,} FLOPs are too few for any model: give more, such as 1e21")
    found = [(f"{float(ratio):g} tokens a parameter", "a fixed ratio", at_ratio)]
    found += [(law.name, law.source, law.parameters_for(compute)) for law in LAWS]
    return tuple(
        Point(name, source, parameters, compute // (6 * parameters))
        for name, source, parameters in found
    )
