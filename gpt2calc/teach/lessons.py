"""The lessons of each quantity, and the sentences on its run, by the quantity's name."""

from collections.abc import Callable
from typing import Any

from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.memory.quantity import MEMORY
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.teach.flop_lessons import of_flops
from gpt2calc.teach.memory_lessons import of_memory
from gpt2calc.teach.memory_story import story_of_memory
from gpt2calc.teach.parameter_lessons import of_parameters

LESSONS: dict[str, Callable[[Any], tuple[str, ...]]] = {
    PARAMETERS.name: of_parameters,
    FLOPS.name: of_flops,
    MEMORY.name: of_memory,
}
"""By the quantity's name: the function that returns what its formula teaches, in sentences."""
STORIES = {MEMORY.name: story_of_memory}
"""By the quantity's name: the function that describes its run in sentences."""
