"""The order of shapes near a budget: those that are like published models come first."""

from collections.abc import Callable
from contextlib import suppress
from math import log2

from gpt2calc.analysis.shape_bounds import Candidate
from gpt2calc.errors import UserError
from gpt2calc.model.sources.presets import presets
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity

ODDITY_OF_TWICE = 4
"""What an aspect of twice or half the usual one adds to the sort key; a missing divisor adds 1."""
EQUALLY_NEAR = 0.02
"""Errors, as fractions, that differ by less than this make no shape better than another."""
OF_A_SHAPE = ("family", "n_layer", "n_embd")
"""Fields that must be equal in a model and the preset whose shape it has."""


def oddity_for(
    budget: int, base: Config, quantity: Quantity
) -> Callable[[Candidate], tuple[int, float, int, int]]:
    """Return the sort key of shapes near a budget.

    Errors of up to 2 % come first, then those of 2 to 4 %, and so on. Within such a band come first
    the shapes that are least odd: sizes that divide well, and an aspect near the usual one.
    """
    usual = _usual_aspect(budget, base, quantity)

    def oddity(shape: Candidate) -> tuple[int, float, int, int]:
        depth, width, error = shape
        band = int(abs(error) / (EQUALLY_NEAR * budget))
        awkward = _awkward(depth, (8, 4, 2)) + _awkward(width, (256, 128, 64))
        off = abs(log2(width / depth / usual))
        return (band, awkward + ODDITY_OF_TWICE * off, abs(error), depth)

    return oddity


def _usual_aspect(budget: int, base: Config, quantity: Quantity) -> float:
    """Return width divided by depth of the family's preset whose total is nearest to a budget.

    Totals are compared by their logarithms; a family without presets takes those of all families.
    """
    kin = base.of_family.model_type
    alike = [preset for preset in presets() if preset.config.of_family.model_type == kin]
    sizes: dict[float, int] = {}
    for preset in alike or presets():
        config = base.with_model(preset.config)
        with suppress(UserError):  # a preset that does not say how many heads it has
            sizes[config.n_embd / config.n_layer] = quantity.total(config)
    return min(sizes, key=lambda aspect: abs(log2(sizes[aspect]) - log2(budget)))


def _awkward(size: int, divisors: tuple[int, ...]) -> int:
    """Return how many of some divisors, the largest first, a size is no multiple of."""
    return sum(size % divisor != 0 for divisor in divisors)


def preset_like(config: Config) -> str | None:
    """Return the name of the preset of a config's shape that shares most other fields; or None."""
    wanted = config.effective()
    alike = {
        preset.name: sum(preset.config.value(name) == wanted[name] for name in preset.config.known)
        for preset in presets()
        if all(getattr(preset.config, name) == getattr(config, name) for name in OF_A_SHAPE)
    }
    return max(alike, key=lambda name: alike[name], default=None)
