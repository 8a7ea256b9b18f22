"""How fast a model can serve at most: what a device's memory and its peak allow.

A decoding step reads all weights and caches once; a prompt takes its FLOPs at the peak. Real
engines reach a part of either.
"""

from dataclasses import dataclass
from fractions import Fraction

from gpt2calc.metrics.devices import Device
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.parameters import count
from gpt2calc.quantity.case import Case


def step_seconds(read: int, device: Device, gpus: int = 1) -> Fraction | None:
    """Return the least time to read so many bytes; None where the bandwidth is not known."""
    return None if device.bandwidth is None else Fraction(read, device.bandwidth * gpus)


@dataclass(frozen=True)
class Bounds:
    """The least time of a step and of a prompt, in seconds, and what follows from them."""

    users: int
    step: Fraction | None
    """Of one token for every user; None where the device's bandwidth is not known."""
    prompt: Fraction | None
    """To the first token of one prompt; None where its peak is not known."""
    compute_bound_from: int | None
    """Users from which on a step, without its caches, takes longer to compute than to read."""

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens a second of all users together, at most."""
        return None if self.step is None else float(self.users / self.step)

    @property
    def tokens_per_second_each(self) -> float | None:
        """Tokens a second of one user, at most."""
        return None if self.step is None else float(1 / self.step)


def bounds_of(case: Case, users: int, read: int, device: Device, gpus: int) -> Bounds:
    """Return the bounds of serving a prompt's case to some users.

    Args:
        case: one prompt, with its scores of the last token alone.
        users: whose tokens a step makes at once.
        read: bytes of weights and caches that a step reads, on all GPUs together.
        device: whose bandwidth and peak are the bounds.
        gpus: that share the work out evenly.

    """
    kind = case.product_type if case.dtype != "float16" else "float16"
    peak = device.peak.get(kind) or device.peak.get("float16" if kind == "bfloat16" else kind)  # type: ignore[call-overload]
    step = step_seconds(read, device, gpus)
    prompt, users_at = None, None
    if peak is not None:
        prompt = Fraction(FLOPS.total(case), peak * gpus)
        if device.bandwidth is not None:
            a_token = Fraction(FLOPS.total(case.evaluate_at(seq=1, cached=None)), peak)
            weights = Fraction(weights_read(case, 1), device.bandwidth)
            users_at = -(-weights // a_token)
    return Bounds(users, step, prompt, None if users_at is None else int(users_at))


def weights_read(case: Case, users: int) -> int:
    """Return the bytes of weights that a step reads: of experts those that some user's token uses.

    Experts are taken to be chosen evenly, each as likely as the others.
    """
    counted, itemsize = count(case.model), 2 if case.weight_type == "bfloat16" else 4
    if counted.active == counted.total or case.n_expert is None:
        return int(counted.total) * itemsize
    chosen = Fraction(case.chosen_experts, case.n_expert)
    of_experts = (counted.total - counted.active) / (1 - chosen)
    touched = of_experts * (1 - (1 - chosen) ** users)
    return int(counted.total - of_experts + touched) * itemsize
