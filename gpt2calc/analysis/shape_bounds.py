"""The bounds of a search for shapes, and what else grows with the width of a model."""

from collections.abc import Collection, Mapping
from fractions import Fraction
from math import ceil
from numbers import Integral, Real
from typing import NamedTuple, TypeGuard

from gpt2calc.errors import UserError, quoted
from gpt2calc.model.families.gpt2 import GPT2
from gpt2calc.quantity.number import Config
from gpt2calc.units import RoundedNumber

MOST_DEPTHS = 10**4
"""The largest depth that is looked at."""
USUAL_ASPECTS = (32, 128)
"""Width divided by depth of the published GPT-2 and GPT-3: 1,600 / 48 to 12,288 / 96."""
LARGEST_ASPECT = 10**9
"""An aspect (width divided by depth) larger than any model's: no upper bound."""

STEP_OF_MLPS = 64
"""Widths of MLPs are multiples of it."""
OF_MLPS = ("n_inner", "n_inner_expert", "n_inner_shared", "expert_latent_dim")
"""The widths of MLPs, and of what experts work in."""


Candidate = tuple[int, int, int]
"""A shape: depth, width, and the total less the budget, in the quantity's unit."""


class Growth(NamedTuple):
    """The fields that grow with the width of a model, in whole steps."""

    ratios: Mapping[str, Fraction] = {}
    """The fields, and their ratios to the width."""
    steps: Mapping[str, int] = {}
    """Their steps, where not ``STEP_OF_MLPS``: ``n_kv_head`` for ``n_head``."""

    @property
    def reach(self) -> int:
        """How far, at most, rounding these fields can shift the width that gives a total.

        Each field is rounded by no more than one step.
        """
        return max((ceil(self._step_of(n) / ratio) for n, ratio in self.ratios.items()), default=0)

    def _step_of(self, name: str) -> int:
        return self.steps.get(name, STEP_OF_MLPS)

    def at(self, width: int) -> dict[str, int]:
        """Return the fields at a width, each rounded to a multiple of its step."""
        steps = {name: self._step_of(name) for name in self.ratios}
        return {
            name: max(round(ratio * width / steps[name]), 1) * steps[name]
            for name, ratio in self.ratios.items()
        }


class Bounds(NamedTuple):
    """Bounds on the shapes of a search."""

    multiple_of: int
    """Widths are multiples of it."""
    min_aspect: float
    max_aspect: float
    tolerance: float
    """How far from the budget a total may be, as a fraction of it."""
    n_layer: int | None = None
    """The only depth that is looked at, if there is one."""
    n_embd: int | None = None
    """The only width that is looked at, if there is one."""
    growth: Growth = Growth()
    shallowest: int = 1
    """The smallest depth at which every layer index in the config's lists exists."""

    def allow(self, depth: int, width: int) -> bool:
        """Tell whether a shape lies within the aspects."""
        return self.min_aspect * depth <= width <= self.max_aspect * depth

    def room_about(self, budget: RoundedNumber) -> int:
        """Return how far from the budget a total may be, in the quantity's unit."""
        return int(self.tolerance * budget.value)


def aspects(is_free: bool, least: float | None, most: float | None) -> tuple[float, float]:
    """Return the bounds that are given; else, if depth and width are free, the usual ones.

    A bound outside of the usual ones stands alone: at most 10 is from 0 to 10, not from 32.
    """
    for name, aspect in (("min_aspect", least), ("max_aspect", most)):
        if not (aspect is None or (_is_number(aspect) and 0 <= aspect <= LARGEST_ASPECT)):
            raise UserError(
                f"{name} is {_said(aspect)}: it must be from 0 to {LARGEST_ASPECT:,}, such as 64"
            )
    usual_least, usual_most = USUAL_ASPECTS if is_free else (0, LARGEST_ASPECT)
    if most is not None and most <= usual_least:
        usual_least = 0
    if least is not None and least >= usual_most:
        usual_most = LARGEST_ASPECT
    return usual_least if least is None else least, usual_most if most is None else most


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, Real) and not isinstance(value, bool)


def _said(value: object) -> str:
    return f"{float(value):g}" if _is_number(value) else quoted(value)


def check_bounds(bounds: Bounds) -> None:
    """Raise ``UserError`` for a bound that nothing can meet."""
    if bounds.n_layer is not None and bounds.n_layer < bounds.shallowest:
        raise UserError(
            f"n_layer is {quoted(bounds.n_layer)}, and the model has layers of several kinds, the "
            f"last of which is layer {bounds.shallowest - 1}, numbered from 0: give "
            f"{bounds.shallowest} or more"
        )
    is_whole = isinstance(bounds.multiple_of, Integral) and _is_number(bounds.multiple_of)
    if not is_whole or bounds.multiple_of < 1:
        raise UserError(
            f"widths are to be multiples of {quoted(bounds.multiple_of)}: give a whole number from "
            "1 on, such as 64"
        )
    if bounds.min_aspect > bounds.max_aspect:
        raise UserError(
            f"min_aspect is {bounds.min_aspect:g}, more than max_aspect, {bounds.max_aspect:g}: "
            "exchange them"
        )
    if not (_is_number(bounds.tolerance) and 0 <= bounds.tolerance <= 1):
        raise UserError(
            f"tolerance is {_said(bounds.tolerance)}: it must be from 0 to 1, such as 0.05 or 5%"
        )


def growing_with_the_width(config: Config, fixed: Collection[str]) -> dict[str, Fraction]:
    """Return the fields that grow with the width, and their ratios to it.

    A GPT-2 has none: its rules give such fields. With ``head_dim``, ``n_kv_head`` or latent
    attention, ``n_head`` grows and the width of a head stays.
    """
    if config.family == GPT2.name:
        return {}
    names = [name for name in OF_MLPS if getattr(config, name) is not None]
    if config.n_kv_head is not None or config.head_dim is not None or config.is_latent:
        names.append("n_head")
    names += steps_of_mixers(config)
    growing = [name for name in names if name not in fixed]
    return {name: Fraction(config.value(name), config.n_embd) for name in growing}


def steps_of_mixers(config: Config) -> dict[str, int]:
    """Return the fields of a mixer that grow with the width, and what each is a multiple of."""
    heads, keys = config.mixer_heads, config.mixer_key_heads
    if heads is None:
        return {}
    ranks = {} if config.mixer_rank is None else {"mixer_rank": 1}
    if keys == heads:
        return {"mixer_heads": 1, "mixer_key_heads": 1, **ranks}
    return {"mixer_heads": 1 if keys is None else keys, **ranks}
