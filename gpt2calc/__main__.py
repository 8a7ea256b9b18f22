"""``python -m gpt2calc`` is the command."""

import sys

from gpt2calc.cli import main

sys.exit(main())
