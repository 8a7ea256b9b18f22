"""The numbers of a training run: tokens, time, GPUs, utilization, memory, price."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil

from gpt2calc.errors import UserError
from gpt2calc.metrics.devices import Device
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.memory.quantity import MEMORY, memory_case
from gpt2calc.metrics.parameters import count
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.units import DAY

ADAMW = 14
"""Operations a parameter of one step of PyTorch's AdamW, element by element: 1 to decay the weight,
3 for the mean of the gradient (``lerp``), 4 for that of its square, 3 for the root of that, its
correction and epsilon, 3 to divide, scale and subtract."""


@dataclass(frozen=True, repr=False)
class Trained:
    """The numbers of a training run, and which of them followed from the others."""

    config: Case
    device: Device
    precision: str
    tokens: int
    gpus: int
    mfu: Fraction
    """Model FLOPs utilization: the part of the peak that matrix products make use of."""
    solved_for: str
    """The one of tokens, days, gpus and mfu that was not given."""
    price: Fraction | None
    """Of a GPU for an hour, in any currency."""

    @property
    def flops_per_step(self) -> int:
        """FLOPs of one forward and backward pass over a batch, each product counted once."""
        flops: int = FLOPS.total(counted_once(self.config))
        return flops

    @property
    def hfu(self) -> Fraction:
        """Hardware FLOPs utilization: with what checkpointing computes again."""
        again = Fraction(FLOPS.total(self.config), self.flops_per_step)
        return self.mfu * again

    @property
    def steps(self) -> int:
        """Batches that it takes to see all tokens."""
        return ceil(Fraction(self.tokens, self.config.tokens))

    @property
    def flops(self) -> int:
        """FLOPs of training on all tokens, in sequences of the length of the run."""
        return flops_of_tokens(self.config, self.tokens)

    @property
    def seconds(self) -> Fraction:
        """Seconds from the start of the training to its end."""
        peak = self.device.peak[self.precision]  # type: ignore[index]
        return Fraction(self.flops) / (self.gpus * self.mfu * peak)

    @property
    def days(self) -> float:
        """How long the training takes, in days."""
        return float(self.seconds / DAY)

    @property
    def gpu_hours(self) -> float:
        """Hours of all GPUs, added up."""
        return float(self.gpus * self.seconds / 3_600)

    @property
    def cost(self) -> float | None:
        """The price of all GPU-hours; None if no price is given."""
        return None if self.price is None else float(self.price * self.gpus * self.seconds / 3_600)

    @cached_property
    def memory_on_each(self) -> int | None:
        """Bytes at the peak of a step on one GPU; several GPUs share the model by FSDP, or by ZeRO.

        Attention is one kernel of a GPU, unless the run says another or has dropout; precision is
        mixed, unless the run has a dtype. None where memory refuses the run, as it does FSDP with a
        ZeRO stage, or where nothing says how many heads there are.
        """
        try:
            total: int = MEMORY.total(memory_case(self.on_each))
        except UserError:
            return None
        return total

    @cached_property
    def on_each(self) -> Case:
        """The step of one GPU, whose memory is counted."""
        run = self.config.run.evaluate_at(
            batch=_sequences_on_each(self.config, self.gpus),
            gpus=self.gpus,
            shard="fsdp" if self.gpus > 1 and not self.config.zero_stage else "none",
            training=True,
            attention=self.config.run.attention or ("eager" if self.config.dropout else "flash"),
        )
        return case_of(self.config.model, run)

    @property
    def parameters(self) -> int:
        """Parameters of the model."""
        return count(self.config.model).total

    @property
    def active(self) -> int:
        """Parameters that a token goes through: all of them, but for experts not chosen."""
        return count(self.config.model).active

    @property
    def six_nd(self) -> int:
        """The usual estimate, 6 N D, with N all parameters that a token goes through."""
        return 6 * self.active * self.tokens


def _sequences_on_each(case: Case, gpus: int) -> int:
    """Return the sequences of a batch that one GPU has; at least one."""
    return int(max(-(-case.batch // gpus), 1))


def flops_of_tokens(case: Case, tokens: int) -> int:
    """Return the FLOPs of some tokens in whole sequences, as the last one is filled up."""
    sequences = ceil(Fraction(tokens, case.q_len))
    return int(FLOPS.total(counted_once(case).evaluate_at(batch=sequences)))


def counted_once(case: Case) -> Case:
    """Return the case without checkpointing, whose recomputation MFU does not count."""
    return case.evaluate_at(checkpointing="none")
