"""What ``--plot`` does: it draws a result into a file, and imports what only pictures need."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


def draw(path: Path | None, picture: Callable[[ModuleType], Any]) -> None:
    """Save a picture, made by a function of the module of pictures, if a path is given."""
    if path is not None:
        from gpt2calc.plot import pictures, style

        style.save(picture(pictures), path)
