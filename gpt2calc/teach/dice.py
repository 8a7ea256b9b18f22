"""Choices by lot that depend on nothing but a seed."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Choices that are the same for a seed on every machine and every Python.

    Of Python's generator only ``random()`` is promised never to change, so nothing else is used.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one_of(self, choices: Sequence[T]) -> T:
        """One of them, each as likely as the others."""
        return choices[int(self._random.random() * len(choices))]
