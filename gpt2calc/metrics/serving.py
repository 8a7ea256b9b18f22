"""Serving a model to several users: what it holds, how many and how long, how fast at most."""

from dataclasses import dataclass

from gpt2calc.errors import UserError
from gpt2calc.metrics.devices import Device, device
from gpt2calc.metrics.memory.fitting import MARGIN, margin_of
from gpt2calc.metrics.memory.quantity import memory_case
from gpt2calc.metrics.packed import refuse_bits
from gpt2calc.metrics.served import Served
from gpt2calc.metrics.serving_table import held, limits, users_said
from gpt2calc.metrics.tensor_parallel import refuse_uneven
from gpt2calc.model.config import ModelConfig
from gpt2calc.quantity.case import case_of, run_of
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.quantity import model_of
from gpt2calc.quantity.run import Run
from gpt2calc.report.result import Result
from gpt2calc.report.table import Table
from gpt2calc.units import format_bytes

MOST_USERS = 10**9
"""The most users that may be asked about."""


@dataclass(frozen=True, repr=False)
class Serving(Served, Result):
    """What serving holds, and with a device whether it fits and how fast it can be."""

    def to_dict(self) -> dict[str, object]:
        """Return bytes as integers, times in seconds, speeds in tokens a second."""
        return {"config": self.config.effective(), **self._figures()}

    def _figures(self) -> dict[str, object]:
        bounds = self.bounds
        return {
            "users": self.users,
            "context": self.config.q_len,
            "tensor_parallel": self.tensor_parallel,
            "weight_bits": self.weight_bits,
            "gpu": self.device.name if self.device else None,
            "fits": self.fits,
            "total": self.total,
            "weights": self.weights,
            "cache": self.users * self.cache_each,
            "cache_per_token": self.cache_per_token,
            "cache_of_next_token": self.cache_of_next_token,
            "prefill_beyond": self.prefill_beyond,
            "on_each_gpu": self.on_one,
            "weights_on_each_gpu": self.weights_on_one,
            "cache_on_each_gpu": self.cache_on_one,
            "left": self.left if self.device else None,
            "most_users": self.most_users,
            "longest_context": self.longest_context,
            "sent_per_step": self.sent,
            "tokens_per_second": bounds.tokens_per_second if bounds else None,
            "tokens_per_second_each": bounds.tokens_per_second_each if bounds else None,
            "seconds_to_first_token": (
                float(bounds.prompt) if bounds and bounds.prompt is not None else None
            ),
            "compute_bound_from": bounds.compute_bound_from if bounds else None,
            "in_transformers": dict(self.in_transformers),
        }

    def to_rows(self) -> list[dict[str, object]]:
        """Return one flat row."""
        figures = self._figures()
        together = figures.pop("in_transformers")
        assert isinstance(together, dict)
        return [figures | {f"transformers_{name}": size for name, size in together.items()}]

    def summary(self) -> str:
        return f"{format_bytes(self.total)} for {users_said(self.users)}"

    def tables(self) -> tuple[Table, ...]:
        """Return the verdict with what is held, and beneath it limits and bounds."""
        return (held(self), limits(self))

    def table(self) -> Table:
        """Return the verdict and what is held."""
        return held(self)


def serve(
    config: Model | None = None,
    run: Run | None = None,
    *,
    users: int = 1,
    gpu: str | Device | None = None,
    tensor_parallel: int = 1,
    weight_bits: int | None = None,
    margin: int | str = MARGIN,
) -> Serving:
    """Say what serving a model to some users holds, whether it fits, and how fast it can be.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: ``seq`` is the context of each user. As engines serve models, ``dtype`` is of 16 bits
            if left out, that of the published weights if they are, and ``attention`` is flash.
        users: served at once, each with a full context.
        gpu: a device by its name, an amount of memory, or a file of one; None for the bytes alone.
        tensor_parallel: GPUs that split every matrix and every cache.
        weight_bits: 8 or 4, of quantized weights, by a rule; those of the dtype if left out.
        margin: bytes of each device that are not counted on.

    Raises:
        UserError: the device is unknown, a number or the run makes no sense, or the GPUs cannot
            split the model evenly.

    """
    for name, number in {"users": users, "tensor_parallel": tensor_parallel}.items():
        if not isinstance(number, int) or number < 1:
            raise UserError(f"{name} is {number}: it must be a positive whole number, such as 8")
    model = as_config(config)
    alone = run_of(model, run).evaluate_at(training=False)
    if alone.batch != 1 or alone.cached is not None:
        raise UserError("batch and cached are of one pass: give users and a context instead")
    if users > MOST_USERS:
        raise UserError(f"users is {users:,}: give at most {MOST_USERS:,}")
    case = memory_case(case_of(model, as_engines_run(model_of(model), alone)))
    _ = case.known_heads  # which refuses a model of which nothing says how many it has
    refuse_uneven(case.model, tensor_parallel)
    refuse_bits(weight_bits, case.dtype)
    chosen = None if gpu is None else device(gpu)
    kept_free = margin_of(chosen, margin)
    return Serving(case, alone, users, tensor_parallel, chosen, kept_free, weight_bits)


def as_engines_run(model: ModelConfig, run: Run) -> Run:
    """Return a run with the defaults of serving engines: 16 bits, one kernel of attention."""
    published = model.published_dtype
    usual = published if published in ("bfloat16", "float16") else "bfloat16"
    return run.evaluate_at(dtype=run.dtype or usual, attention=run.attention or "flash")
