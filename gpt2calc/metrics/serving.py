"""Serving a model to several users: what it holds, how many and how long, how fast at most."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError
from gpt2calc.metrics.bounds import Bounds, Held, bounds_of
from gpt2calc.metrics.devices import Device, device
from gpt2calc.metrics.memory.cache import cache_bytes, cache_per_token, state_bytes
from gpt2calc.metrics.memory.fitting import ENDLESS, MARGIN, is_near_limit, margin_of
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.quantity import memory_case
from gpt2calc.metrics.memory.result import memory as memory_of
from gpt2calc.metrics.serving_table import held, limits, users_said
from gpt2calc.metrics.tensor_parallel import (
    bytes_sent,
    parameters_on_one,
    refuse_uneven,
    states_on_one,
    with_keys_on_one,
)
from gpt2calc.quantity.bisection import largest_that
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.run import Run
from gpt2calc.report.result import Result
from gpt2calc.report.table import Table
from gpt2calc.units import format_bytes

MOST_USERS = 10**9
"""The most users that may be asked about."""


@dataclass(frozen=True, repr=False)
class Serving(Result):
    """What serving holds, and with a device whether it fits and how fast it can be."""

    config: Case
    """One prompt, as long as each user's context."""
    users: int
    tensor_parallel: int
    """GPUs that split every matrix, as tensor parallelism does."""
    device: Device | None
    margin: int
    """Bytes of each device that are not counted on."""

    @cached_property
    def _moments(self) -> Moments:
        return Moments(self.config)

    @property
    def weights(self) -> int:
        """Bytes of all weights."""
        return sum(term.amount for term in self._moments.standing() if term.sublayer == "weights")

    @property
    def cache_each(self) -> int:
        """Bytes of one user's keys and values, when the context is full."""
        return _cache_of(self.config)

    @property
    def cache_per_token(self) -> int:
        """Bytes of keys and values that a token leaves in all layers, before a window."""
        return cache_per_token(self.config)

    @cached_property
    def prefill_beyond(self) -> int:
        """Bytes that reading one prompt needs beyond weights and its own cache."""
        peak, _ = self._moments.phases["prefill"]
        return max(peak - self.weights - self.cache_each, 0)

    @property
    def total(self) -> int:
        """Bytes of weights, of all caches, and of reading one prompt, on all GPUs together."""
        return self.weights + self.users * self.cache_each + self.prefill_beyond

    @cached_property
    def weights_on_one(self) -> int:
        """Bytes of weights on each GPU."""
        on_one = parameters_on_one(self.config.model, self.tensor_parallel)
        return on_one * ITEMSIZE[self.config.weight_type]

    @property
    def cache_on_one(self) -> int:
        """Bytes of all users' keys and values on each GPU."""
        return self.users * self._cache_each_on_one

    @property
    def _cache_each_on_one(self) -> int:
        if self.tensor_parallel == 1:
            return self.cache_each
        case, gpus = self.config, self.tensor_parallel
        on_one = case.with_model(with_keys_on_one(case.model, gpus))
        return _cache_of(on_one) - state_bytes(case) + states_on_one(case, gpus)

    @property
    def on_one(self) -> int:
        """Bytes on each GPU."""
        return self.weights_on_one + self.cache_on_one + self.prefill_beyond

    @property
    def room(self) -> int:
        """Bytes of each device that are counted on; 0 without a device."""
        return self.device.memory - self.margin if self.device else 0

    @property
    def left(self) -> int:
        """Bytes that are left on each GPU; negative where it does not fit."""
        return self.room - self.on_one

    @property
    def is_close(self) -> bool:
        """Whether it is too near the device's memory to be sure whether it fits."""
        return self.device is not None and is_near_limit(self.left, self.device)

    @property
    def fits(self) -> bool | None:
        """Whether it fits; None without a device."""
        return self.left >= 0 if self.device else None

    @property
    def most_users(self) -> int | None:
        """Users of this context that fit; None without a device or a cache."""
        if self.device is None or not self.cache_each:
            return None
        free = self.room - self.weights_on_one - self.prefill_beyond
        return max(free // self._cache_each_on_one, 0)

    @property
    def furthest(self) -> int:
        """Tokens of the longest context searched: the model's, or the one asked for if longer."""
        if self.config.model.is_endless:
            return ENDLESS
        return int(max(self.config.n_ctx, self.config.q_len))

    @cached_property
    def longest_context(self) -> int | None:
        """Tokens of each user's context that fit, up to ``furthest``; None without a device."""
        if self.device is None:
            return None

        def fits(tokens: int) -> bool:
            if tokens > self.furthest:
                return False
            return tokens == 0 or self._with_context(tokens).left >= 0

        return largest_that(fits)

    def _with_context(self, tokens: int) -> "Serving":
        config = self.config.evaluate_at(seq=tokens)
        return Serving(config, self.users, self.tensor_parallel, self.device, self.margin)

    @cached_property
    def bounds(self) -> Bounds | None:
        """How fast it can be at most; None without a device."""
        if self.device is None:
            return None
        on_one = Held(self.weights_on_one, self._cache_each_on_one)
        return bounds_of(self.config, self.users, on_one, self.device, self.tensor_parallel)

    @property
    def sent(self) -> int:
        """Bytes that each GPU sends in a step of one token for every user, by a rule."""
        return bytes_sent(self.config, self.users, self.tensor_parallel)

    @cached_property
    def in_transformers(self) -> Mapping[str, int]:
        """Peak bytes of each phase where transformers runs all users' prompts as one batch."""
        together = memory_of(self.config.model, self.config.run.evaluate_at(batch=self.users))
        return together.phases

    def to_dict(self) -> dict[str, object]:
        """Return bytes as integers, times in seconds, speeds in tokens a second."""
        return {"config": self.config.effective(), **self._figures()}

    def _figures(self) -> dict[str, object]:
        bounds = self.bounds
        return {
            "users": self.users,
            "context": self.config.q_len,
            "tensor_parallel": self.tensor_parallel,
            "gpu": self.device.name if self.device else None,
            "fits": self.fits,
            "total": self.total,
            "weights": self.weights,
            "cache": self.users * self.cache_each,
            "cache_per_token": self.cache_per_token,
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


def _cache_of(case: Case) -> int:
    return cache_bytes(case) if case.model.architecture.decoder.has_cache else 0


def serve(
    config: Model | None = None,
    run: Run | None = None,
    *,
    users: int = 1,
    gpu: str | Device | None = None,
    tensor_parallel: int = 1,
    margin: int | str = MARGIN,
) -> Serving:
    """Say what serving a model to some users holds, whether it fits, and how fast it can be.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: ``seq`` is the context of each user; dtype and attention as for :func:`memory`.
        users: served at once, each with a full context.
        gpu: a device by its name, an amount of memory, or a file of one; None for the bytes alone.
        tensor_parallel: GPUs that split every matrix and every cache.
        margin: bytes of each device that are not counted on.

    Raises:
        UserError: the device is unknown, a number or the run makes no sense, or the GPUs cannot
            split the model evenly.

    """
    for name, number in {"users": users, "tensor_parallel": tensor_parallel}.items():
        if not isinstance(number, int) or number < 1:
            raise UserError(f"{name} is {number}: it must be a positive whole number, such as 8")
    alone = (run or Run()).evaluate_at(training=False)
    if alone.batch != 1 or alone.cached is not None:
        raise UserError("batch and cached are of one pass: give users and a context instead")
    if users > MOST_USERS:
        raise UserError(f"users is {users:,}: give at most {MOST_USERS:,}")
    case = memory_case(case_of(as_config(config), alone))
    _ = case.known_heads  # which refuses a model of which nothing says how many it has
    refuse_uneven(case.model, tensor_parallel)
    chosen = None if gpu is None else device(gpu)
    return Serving(case, users, tensor_parallel, chosen, margin_of(chosen, margin))
