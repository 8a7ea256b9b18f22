"""What serving a model to some users holds, and how fast it can be."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.metrics.bounds import Bounds, Held, bounds_of
from gpt2calc.metrics.devices import Device
from gpt2calc.metrics.memory.cache import (
    cache_bytes,
    cache_of_next_token,
    cache_per_token,
    state_bytes,
)
from gpt2calc.metrics.memory.fitting import is_near_limit, longest_of
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.result import memory as memory_of
from gpt2calc.metrics.packed import is_packed, packed_bytes
from gpt2calc.metrics.tensor_parallel import (
    bytes_sent,
    parameters_on_one,
    states_on_one,
    with_keys_on_one,
)
from gpt2calc.quantity.bisection import largest_that
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.run import Run


@dataclass(frozen=True, repr=False)
class Served:
    """The numbers of serving: bytes, users and contexts that fit, bounds on speed."""

    config: Case
    """One prompt, as long as each user's context, run as engines do."""
    asked: Run
    """The run as it was asked for, with what was left out."""
    users: int
    tensor_parallel: int
    """GPUs that split every matrix, as tensor parallelism does."""
    device: Device | None
    margin: int
    """Bytes of each device that are not counted on."""
    weight_bits: int | None = None
    """Bits of quantized weights, those of the blocks' matrices; None for those of the dtype."""

    @cached_property
    def _moments(self) -> Moments:
        return Moments(self.config)

    @property
    def weights(self) -> int:
        """Bytes of all weights."""
        return self._weights_of(1)

    def _weights_of(self, gpus: int) -> int:
        """Return the bytes of weights on one of some GPUs."""
        model = self.config.model
        numbers = parameters_on_one(model, gpus)
        if self.weight_bits is None:
            return numbers * ITEMSIZE[self.config.weight_type]
        matrices = parameters_on_one(model, gpus, is_packed)
        return packed_bytes(matrices, numbers - matrices, self.weight_bits)

    @property
    def cache_each(self) -> int:
        """Bytes of one user's keys and values, when the context is full."""
        return _cache_of(self.config)

    @property
    def cache_per_token(self) -> int:
        """Bytes of keys and values that a token leaves in all layers, before a window."""
        return cache_per_token(self.config)

    @property
    def cache_of_next_token(self) -> int:
        """Bytes by which one user's cache grows with one more token."""
        return cache_of_next_token(self.config) if self.cache_each else 0

    @cached_property
    def prefill_beyond(self) -> int:
        """Bytes that reading one prompt needs beyond weights and its own cache."""
        peak, _ = self._moments.phases["prefill"]
        standing = self._moments.standing()
        weights = sum(term.amount for term in standing if term.sublayer == "weights")
        return max(peak - weights - self.cache_each, 0)

    @property
    def total(self) -> int:
        """Bytes of weights, of all caches, and of reading one prompt, on all GPUs together."""
        return self.weights + self.users * self.cache_each + self.prefill_beyond

    @cached_property
    def weights_on_one(self) -> int:
        """Bytes of weights on each GPU."""
        return self._weights_of(self.tensor_parallel)

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
        return longest_of(self.config)

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

    def _with_context(self, tokens: int) -> Self:
        return replace(self, config=self.config.evaluate_at(seq=tokens))

    @cached_property
    def bounds(self) -> Bounds | None:
        """How fast it can be at most; None without a device."""
        if self.device is None:
            return None
        on_one = Held(self.weights_on_one, self._cache_each_on_one, self.weight_bits)
        return bounds_of(self.config, self.users, on_one, self.device, self.tensor_parallel)

    @property
    def sent(self) -> int:
        """Bytes that each GPU sends in a step of one token for every user, by a rule."""
        return bytes_sent(self.config, self.users, self.tensor_parallel)

    @cached_property
    def in_transformers(self) -> Mapping[str, int]:
        """Peak bytes of each phase where transformers runs all users' prompts as one batch.

        It is empty where weights are quantized.
        """
        if self.weight_bits is not None:
            return {}
        attention = None if self.asked.attention == "flash" else self.asked.attention
        together = self.config.run.evaluate_at(batch=self.users, attention=attention)
        return memory_of(self.config.model, together).phases


def _cache_of(case: Case) -> int:
    return cache_bytes(case) if case.model.architecture.decoder.has_cache else 0
