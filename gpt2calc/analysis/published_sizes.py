"""Sizes that models are published with: "70B" of a Llama 2 that has 69.0 billion parameters."""

import re

from gpt2calc.model.config import ModelConfig
from gpt2calc.model.sources.presets import Preset, presets
from gpt2calc.units import RoundedNumber

_IN_A_NAME = re.compile(r"(?<![\dx.a-z])(\d+(?:\.\d+)?[bmt])(?![a-z\d])")


def published_with(config: ModelConfig, number: RoundedNumber) -> str | None:
    """Return the name of the preset with this config that is published with this size; or None."""
    for preset in presets():
        if number.value in _sizes_of(preset) and preset.config == config:
            return preset.name
    return None


def _sizes_of(preset: Preset) -> set[int]:
    """Return the size that is reported, and the one in the model's name."""
    said = [*_IN_A_NAME.findall(preset.name), *([preset.reported] if preset.reported else [])]
    return {RoundedNumber.parse(size).value for size in said}
