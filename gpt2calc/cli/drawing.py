"""The flag ``--plot``: draws a result into a file; matplotlib is imported only then."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


def draw(path: Path | None, picture: Callable[[ModuleType], Any]) -> None:
    """Save the picture that a function makes with the module of pictures, if a path is given."""
    if path is not None:
        from gpt2calc.plot import pictures, style

        style.save(picture(pictures), path)
