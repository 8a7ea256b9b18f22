"""``gpt2calc`` and ``python -m gpt2calc``: the command, which an interrupt ends without a word."""

import sys

INTERRUPTED = 130
"""Exit status of a program that was interrupted: 128 and the number of SIGINT."""


def run() -> int:
    """Run the command; importing it takes long enough to be interrupted, too."""
    try:
        from gpt2calc.cli import main

        return main()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(run())
