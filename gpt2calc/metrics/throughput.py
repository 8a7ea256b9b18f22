"""Utilization (MFU and HFU) of a measured training speed, in each framework's convention."""

from dataclasses import dataclass
from fractions import Fraction

from gpt2calc.errors import UserError
from gpt2calc.metrics.devices import Device, device, refuse_no_gpus
from gpt2calc.metrics.estimates import estimated
from gpt2calc.metrics.flops import FLOPS, OF_A_PASS
from gpt2calc.metrics.memory.refusals import refuse_fields_of_generation
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.run import Run
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.units import parse_positive, parse_speed, percentage

EXACT = "exact: every matrix product"
CONVENTION = (
    "MFU: FLOPs of the model over the peak of all GPUs; HFU: with what checkpointing computes "
    "again. Each framework counts a token's FLOPs by a formula of its own."
)


@dataclass(frozen=True)
class Convention:
    """A way to count the FLOPs of a training step, and the utilization that it gives."""

    name: str
    kind: str
    """MFU or HFU."""
    per_token: Fraction
    """FLOPs."""
    utilization: Fraction


@dataclass(frozen=True, repr=False)
class Throughput(Listing):
    """The utilization of a measured training speed."""

    config: Case
    device: Device
    precision: str
    gpus: int
    tokens_per_second: Fraction

    @property
    def peak(self) -> int:
        """FLOP/s of all GPUs together."""
        return int(self.gpus * self.device.peak[self.precision])  # type: ignore[index]

    @property
    def mfu(self) -> Fraction:
        """Model FLOPs utilization, of every matrix product once."""
        first, *_ = self.items()
        return first.utilization

    @property
    def seconds_per_step(self) -> Fraction:
        """Seconds of a step over one batch."""
        return int(self.config.tokens) / self.tokens_per_second

    def items(self) -> list[Convention]:
        """Return the exact utilization, and that of each convention."""
        once = self.config.evaluate_at(checkpointing="none")
        found = [self._convention(EXACT, "MFU", FLOPS.total(once))]
        is_checkpointed = self.config.checkpointing != "none"
        if is_checkpointed:
            found.append(self._convention(EXACT, "HFU", FLOPS.total(self.config)))
        for each in estimated(self.config, FLOPS, OF_A_PASS):
            if each.rule.of == "training":
                found.append(self._convention(each.rule.name, "MFU", each.amount))
            elif each.rule.of == "checkpointed" and is_checkpointed:
                found.append(self._convention(each.rule.name, "HFU", each.amount))
        return found

    def _convention(self, name: str, kind: str, flops: int) -> Convention:
        per_token = Fraction(flops, int(self.config.tokens))
        return Convention(name, kind, per_token, per_token * self.tokens_per_second / self.peak)

    def fields(self) -> tuple[RowField, ...]:
        """Return each convention's FLOPs a token, and its utilization."""
        return (
            RowField("convention", lambda each: each.name, "convention"),
            RowField("kind", lambda each: each.kind, ""),
            RowField(
                "flops_per_token",
                lambda each: float(each.per_token),
                "FLOPs a token",
                "count",
                lambda each: round(each.per_token),
            ),
            RowField("utilization", lambda each: float(each.utilization), "utilization", "share"),
        )

    def to_dict(self) -> dict[str, object]:
        """Return speeds as fractions, and each convention's FLOPs and utilization."""
        return {
            "config": self.config.effective(),
            "gpu": self.device.name,
            "gpus": self.gpus,
            "precision": self.precision,
            "tokens_per_second": float(self.tokens_per_second),
            "seconds_per_step": float(self.seconds_per_step),
            "mfu": float(self.mfu),
            "conventions": self.to_rows(),
        }

    def title(self) -> str:
        """Say the utilization, and of what speed it is."""
        speed = f"{float(self.tokens_per_second):,.0f} tokens a second"
        return f"MFU {percentage(self.mfu)}: {speed} on {self.gpus:,} x {self.device.name}"

    def notes(self) -> tuple[str, ...]:
        step = f"{self.config.batch:,} x {self.config.q_len:,} tokens"
        seconds = f"{float(self.seconds_per_step):,.3g} s"
        peak = self.peak / self.gpus / 10**12
        reached = f"{float(self.mfu) * peak:,.4g} of {peak:,.5g} TFLOP/s in {self.precision}"
        return (f"A step of {step} takes {seconds}; a GPU reaches {reached}.", CONVENTION)


def throughput(
    config: Model | None = None,
    run: Run | None = None,
    *,
    tokens_per_second: float | str | Fraction | None = None,
    seconds_per_step: float | str | Fraction | None = None,
    gpu: str | Device = "a100-80gb",
    gpus: int = 1,
    precision: str | None = None,
) -> Throughput:
    """Say which utilization a measured training speed is.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: batch, in all, and sequence; always with the backward pass.
        tokens_per_second: of all GPUs together.
        seconds_per_step: of a batch, instead.
        gpu: a device by its name, or a file of one.
        gpus: how many.
        precision: of the products; 16 bits if the device has them.

    Raises:
        UserError: none or both of the speeds are given, the speed is beyond the peak, or the device
            is unknown.

    """
    case = case_of(as_config(config), run).evaluate_at(training=True).settled()
    chosen = device(gpu)
    precision, _ = chosen.peak_in(precision)
    refuse_no_gpus(gpus)
    refuse_fields_of_generation(case)
    if seconds_per_step is not None and tokens_per_second is None:
        speed = case.tokens / parse_positive("seconds_per_step", seconds_per_step, "1.5")
    elif tokens_per_second is not None and seconds_per_step is None:
        speed = parse_speed(tokens_per_second)
    else:
        raise UserError("give one speed: tokens_per_second of all GPUs, or seconds_per_step")
    found = Throughput(case, chosen, precision, gpus, Fraction(speed))
    if found.mfu > 1:
        raise UserError(
            f"that is {float(found.mfu):,.0%} of the peak of {gpus:,} x {chosen.name}: give more "
            "gpus, or a lower speed"
        )
    return found
