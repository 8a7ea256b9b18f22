"""Entry point of ``gpt2calc`` and ``python -m gpt2calc``. Exits with status 130 on Ctrl-C."""

import gc
import sys

from gpt2calc.errors import INTERRUPTED


def run() -> int:
    """Run the command; importing it takes long enough to be interrupted, too.

    What is imported stays to the end, so that the garbage collector need not look through it,
    neither while it is loaded nor at the end: a fifth of the time of a short command.
    """
    try:
        gc.disable()
        from gpt2calc.cli.app import main

        gc.freeze()
        gc.enable()
        return main()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run())
