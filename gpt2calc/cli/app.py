"""The command ``gpt2calc``: runs the function of a command line, and turns errors into a line."""

import io
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Group, Parameter

from gpt2calc import __version__
from gpt2calc.cli import count
from gpt2calc.cli.flags import CHOICE, OPTIONS
from gpt2calc.errors import (
    INTERRUPTED,
    UnknownModelError,
    UserError,
    as_one_line,
    did_you_mean,
    quoted,
)
from gpt2calc.model.sources.words import text_only
from gpt2calc.report.terminal import CLOSED_PIPE, abandon

WRONG_USE = 2
"""Exit status of a mistake that the user can mend."""
RICHS_BROKEN_PIPE = 1
"""Exit status of rich when the reader of a help page has closed the pipe."""

TEXT_ONLY = "--text-only"
"""The flag, after any command, to read only the text model of a multimodal file."""
HELP_MODEL = "--help-model"
"""The flag, after any command, that lists the flags of a model's parts."""
Shell = Literal["bash", "fish", "powershell", "zsh"]

app = App(
    name="gpt2calc",
    help="Parameters, FLOPs and bytes of GPT-2 and its descendants, counted exactly.",
    version=__version__,
    help_format="markdown",
    group_parameters=OPTIONS,
    group_commands=Group("Help", sort_key=9),
)
app.default(count.count_parameters)
_MODULES = {
    "Models": {
        "presets": "count",
        "compare": "analysis",
        "steps": "analysis",
        "sweep": "sweep",
        "solve": "solve",
        "diagnose": "analysis",
    },
    "What running one takes": {
        "flops": "running",
        "memory": "running",
        "cache": "running",
        "serve": "serve",
        "train": "running",
        "devices": "running",
    },
    "How it is counted, and the proof": {
        "guide": "guide",
        "explain": "teach",
        "formula": "teach",
        "exercise": "teach",
        "study": "teach",
        "verify": "verify",
        "inspect": "verify",
    },
}
"""The commands as the help page lists them, with their modules, imported when asked for."""
COMMANDS = tuple(name for modules in _MODULES.values() for name in modules)
for place, (title, modules) in enumerate(_MODULES.items()):
    group = Group(title, sort_key=place - len(_MODULES))  # above the flags, whose keys are positive
    for name, module in modules.items():
        rank = COMMANDS.index(name)
        app.command(f"gpt2calc.cli.{module}:{name}", name=name, group=group, sort_key=rank)


@app.command(name="--install-completion")
def install_completion(
    *,
    shell: Annotated[Shell | None, Parameter(help="The shell in use, if left out."), CHOICE] = None,
    output: Annotated[Path | None, Parameter(help="Another file than the shell's own.")] = None,
) -> int:
    """Teach the shell to complete this command's words.

    It writes a script, for bash ~/.local/share/bash-completion/completions/gpt2calc, for zsh
    ~/.zsh/completions/_cyclopts_gpt2calc, for fish ~/.config/fish/completions/gpt2calc.fish, for
    powershell Completions/gpt2calc.ps1 beside the profile; and one line that reads it into
    ~/.bashrc, ~/.zshrc or the powershell profile.
    """
    from cyclopts.completion.detect import ShellDetectionError

    try:
        path = app.install_completion(shell=shell, output=output)
    except (OSError, ShellDetectionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"completion was not installed: {reason}; try --shell or --output"
        ) from None
    print(f"{path} is written and your shell's start-up file reads it: open a new shell")
    return 0


@app.command(name=HELP_MODEL)
def help_model() -> int:
    """List the flags of a model's parts, such as experts."""
    from gpt2calc.cli.flags import Parts
    from gpt2calc.cli.help_pages import FORMATTER

    def parts(*, fields: Parts | None = None) -> None:
        """List the flags of a model's parts.

        A preset or a file brings them along; each can be changed, in every command that takes a
        model.
        """

    page = App(
        name="gpt2calc [COMMAND] [MODEL]",
        help_format="markdown",
        help_formatter=FORMATTER,
        help_flags=(),
        version_flags=(),
    )
    page.default(parts)
    page.help_print([])
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status; mistakes are one line on standard error."""
    if sys.stdout is None:
        return _refused("there is no standard output to write to")
    sys.set_int_max_str_digits(0)  # counts are printed at any size
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if os.environ.get("NO_COLOR"):
        os.environ["TERM"] = "dumb"  # bold is no colour, but an escape all the same
    typed = sys.argv[1:] if arguments is None else arguments
    reads_text_only = TEXT_ONLY in typed
    words = [word for word in typed if word != TEXT_ONLY]
    if HELP_MODEL in words:
        words = [HELP_MODEL]
    if any(word in app.help_flags for word in words):
        _prepare_help(words)
    try:
        with text_only() if reads_text_only else nullcontext():
            status = app(
                words, exit_on_error=False, print_error=False, result_action="return_value"
            )
        sys.stdout.flush()
    except UserError as error:
        return _refused(_said_of_model(error, words))
    except CycloptsError as error:
        from gpt2calc.cli.usage import in_one_line

        with text_only() if reads_text_only else nullcontext():
            of_model = _first_is_no_model(words)
        return _refused(of_model or in_one_line(error, _flags_of_commands))
    except OverflowError:
        return _refused("a time or a share of these numbers is beyond 10^308: give smaller ones")
    except BrokenPipeError:  # the reader has gone: leave quietly, like any filter
        abandon(sys.stdout)
        return CLOSED_PIPE
    except SystemExit as left:  # a signal to end, or rich, whose reader has gone
        if left.code != RICHS_BROKEN_PIPE:
            raise
        abandon(sys.stdout)
        return CLOSED_PIPE
    except KeyboardInterrupt:
        abandon(sys.stdout)
        return INTERRUPTED
    except OSError as error:
        abandon(sys.stdout)
        return _refused(f"the output cannot be written: {error.strerror or error}")
    return status if isinstance(status, int) else 0


def _flags_of_commands() -> dict[str, set[str]]:
    """Return the flags of every command; each is imported for that."""
    arguments = {name: app[name].assemble_argument_collection() for name in COMMANDS}
    return {
        name: {flag for each in found if each.parse for flag in each.names}
        for name, found in arguments.items()
    }


def _prepare_help(words: Sequence[str]) -> None:
    """Set how help pages are laid out, and import what that of the program says of commands."""
    from gpt2calc.cli.help_pages import FORMATTER

    app.help_formatter = FORMATTER
    if words[0] not in COMMANDS:  # they are listed each with its first sentence
        for name in COMMANDS:
            app[name]


def _first_is_no_model(words: Sequence[str]) -> str:
    """Say what is wrong with a first word that is no command, nor a model: all else follows it.

    The Hub is not asked.
    """
    first = words[0] if words else ""
    if first in app or first.startswith("-") or "/" in first:
        return ""
    from gpt2calc.quantity.models import load

    try:
        load(first)
    except UserError as error:
        return _said_of_model(error, words)
    return ""


def _said_of_model(error: UserError, words: Sequence[str]) -> str:
    """Return the message of an error; of an unknown first word, that it is no command either."""
    first = words[0] if words else ""
    is_first = isinstance(error, UnknownModelError) and error.word == first
    if not is_first or first in COMMANDS or not first.isalpha():  # as commands are written
        return str(error)
    hint = did_you_mean(first, (*COMMANDS, "--help"))
    return (
        f"{quoted(first)} is no command, preset or file; 'gpt2calc --help' lists the commands, "
        f"'gpt2calc presets' the presets{hint}"
    )


def _refused(line: str) -> int:
    if sys.stderr is None:  # print would take standard output in its place
        return WRONG_USE
    try:
        print(f"gpt2calc: {as_one_line(line)}", file=sys.stderr, flush=True)
    except OSError:  # where even that cannot be said, the status says it
        abandon(sys.stderr)
    return WRONG_USE
