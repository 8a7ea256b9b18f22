"""Entry point of ``gpt2calc`` and ``python -m gpt2calc``. Exits with status 130 on Ctrl-C."""

import gc
import sys

from gpt2calc.errors import INTERRUPTED


def run() -> int:
    """Run the command line and return its exit status; Ctrl-C is caught during the imports, too.

    Imported objects live until the program ends. The garbage collector is kept from scanning them,
    which would take a fifth of the time of a short command.
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
