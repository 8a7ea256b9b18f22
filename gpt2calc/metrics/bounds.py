"""Upper bounds on the speed of serving, from a device's bandwidth and its peak.

A decoding step reads the weights that it uses and all caches once; a prompt takes its FLOPs at the
peak. Real engines reach a part of either.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from gpt2calc.metrics.absorption import absorbed_flops
from gpt2calc.metrics.devices import Device
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.packed import bytes_each
from gpt2calc.metrics.parameters import breakdown
from gpt2calc.model.tensors import active_tensors, tensors
from gpt2calc.model.terms import ParameterTensor
from gpt2calc.quantity.bisection import largest_that
from gpt2calc.quantity.case import Case


def step_seconds(read: int, device: Device) -> Fraction | None:
    """Return the least seconds to read some bytes; None where the bandwidth is not known."""
    return None if device.bandwidth is None else Fraction(read, device.bandwidth)


@dataclass(frozen=True)
class Bounds:
    """The least time of a step and of a prompt, in seconds, and what follows from them."""

    users: int
    step: Fraction | None
    """Of a decoding step, one token for every user; None if no bandwidth is known, or no cache."""
    prompt: Fraction | None
    """To the first token of one prompt; None where the device's peak is not known."""
    compute_bound_from: int | None
    """Users from which on a step takes longer to compute than to read.

    None if it never does, if there is no cache, or if bandwidth or peak are not known.
    """

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens a second of all users together, at most."""
        return None if self.step is None else float(self.users / self.step)

    @property
    def tokens_per_second_each(self) -> float | None:
        """Tokens a second of one user, at most."""
        return None if self.step is None else float(1 / self.step)


class Held(NamedTuple):
    """Bytes of weights and of caches on one GPU."""

    weights: int
    cache_each: int
    """Of one user."""
    weight_bits: int | None = None
    """Bits of quantized weights; None where all have one dtype."""

    def read(self, case: Case, users: int) -> int:
        """Return the bytes that a step reads: the weights that its tokens use, and all caches."""
        share = share_read(case, users, self.weight_bits)
        return int(self.weights * share) + users * self.cache_each


def bounds_of(case: Case, users: int, on_one: Held, device: Device, gpus: int) -> Bounds:
    """Return the bounds on the speed of serving some users.

    Args:
        case: one prompt, with logits of its last token only.
        users: how many users get a token in one decoding step.
        on_one: the bytes of weights and of each user's cache on one GPU.
        device: the GPU, with its bandwidth and its peak.
        gpus: how many GPUs share the work evenly.

    """
    has_cache = case.model.architecture.decoder.has_cache
    step = step_seconds(on_one.read(case, users), device) if has_cache else None
    peak = _peak_of(case, device)
    if peak is None:
        return Bounds(users, step, None, None)
    prompt = Fraction(flops_of_prompt(case), peak * gpus)
    return Bounds(users, step, prompt, _compute_bound_from(case, on_one, device, peak * gpus))


def _peak_of(case: Case, device: Device) -> int | None:
    """Return the device's peak in 16 bits, or in float32 if products are; None if not known."""
    kinds = ("float32",) if case.product_type == "float32" else ("bfloat16", "float16")
    return next((device.peak[kind] for kind in kinds if kind in device.peak), None)


def _compute_bound_from(case: Case, on_one: Held, device: Device, peak: int) -> int | None:
    """Return the users from which on a step takes longer to compute than to read; None if never."""
    if device.bandwidth is None or not case.model.architecture.decoder.has_cache:
        return None
    before = case.q_len - 1
    token = case.evaluate_at(seq=1, cached=before or None)
    computing = Fraction(_flops_of_step(token), peak)
    if computing <= Fraction(on_one.cache_each, device.bandwidth):
        return None

    def reads_longer(users: int) -> bool:
        return users * computing < Fraction(on_one.read(case, max(users, 1)), device.bandwidth)

    return largest_that(lambda users: users == 0 or reads_longer(users)) + 1


def _flops_of_step(token: Case) -> int:
    """Return the FLOPs of one token; of latent attention, absorbed if that takes fewer."""
    flops = int(FLOPS.total(token))
    return min(flops, absorbed_flops(token)) if token.model.is_latent else flops


def flops_of_prompt(case: Case) -> int:
    """Return the FLOPs of a prompt, with scores only of causal pairs inside the window."""
    causal = breakdown(case.evaluate_at(causal=True), FLOPS)
    model, window = case.model, case.model.window
    if window is None:
        return int(causal.total)
    windowed = model.attentions - model.full_attentions
    assert model.heads is not None
    assert model.head_width is not None
    assert model.value_width is not None
    of_a_pair = 2 * model.heads * (model.head_width + model.value_width)
    in_chunks = model.architecture.attends_in_chunks
    seen = _pairs_in_windows(case.q_len, window, in_chunks=in_chunks)
    unseen = _causal_pairs(case.q_len) - seen
    return int(causal.total - case.batch * windowed * of_a_pair * unseen)


def _causal_pairs(tokens: int) -> int:
    """Return the pairs of a token with itself or one before it."""
    return tokens * (tokens + 1) // 2


def _pairs_in_windows(tokens: int, window: int, *, in_chunks: bool) -> int:
    """Return how many causal pairs are in one sliding window, or in one chunk, of ``window``."""
    if in_chunks:
        chunks, rest = divmod(tokens, window)
        return chunks * _causal_pairs(window) + _causal_pairs(rest)
    return _causal_pairs(tokens) - _causal_pairs(max(tokens - window, 0))


def share_read(case: Case, users: int, weight_bits: int | None = None) -> Fraction:
    """Return the fraction of the bytes of weights that a decoding step reads.

    Of the experts, it reads those that at least one user's token is expected to be routed to, if
    all are equally likely. An untied token embedding and per-layer embeddings are left out: only a
    row of them is read for each user.
    """

    def size(listed: Iterable[ParameterTensor]) -> Fraction:
        return sum((each.amount * bytes_each(each, weight_bits) for each in listed), Fraction())

    listed = tensors(case.model)
    rows = () if case.model.tie_embeddings else ("token_embedding",)
    looked_up = [each for each in listed if each.role in (*rows, "per_layer_embedding")]
    total, active = size(listed), size(active_tensors(case.model))
    read = total - size(looked_up)
    if case.n_expert is not None and active != total:
        chosen = Fraction(case.chosen_experts, case.n_expert)
        of_experts = (total - active) / (1 - chosen)
        read -= of_experts * (1 - chosen) ** users
    return read / total
