"""The command ``gpt2calc``: one thin function for each of its commands."""

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from gpt2calc import __version__
from gpt2calc.errors import UserError, did_you_mean, printable, quoted
from gpt2calc.flags import Axes, Overrides, axes_and_fields, configured, given
from gpt2calc.loading import load, preset_names
from gpt2calc.render import Format
from gpt2calc.terminal import CLOSED_PIPE, abandon_output, show, stream

WRONG_USE = 2
"""Exit status of a mistake that the user can mend."""
NOT_AS_IT_SHOULD_BE = 1
"""Exit status of a check that found a difference."""

MOST_LINES = 10_000
"""Lines of CSV that a terminal is given; more go to a file or a pipe."""

Out = Annotated[Path | None, Parameter(help="Write to this file instead of printing.")]
Shell = Literal["bash", "fish", "powershell", "zsh"]
Model = Annotated[str, Parameter(help="A preset's name or a file: TOML, or config.json.")]
Form = Annotated[Format, Parameter(name="--format", help="How the result is printed.")]

app = App(
    name="gpt2calc",
    help="Exactly how many parameters every sublayer of a GPT-2 has, from its config alone.",
    version=__version__,
    help_format="plaintext",
)


@app.default
def count_parameters(
    model: Model = "gpt2",
    /,
    *,
    overrides: Overrides | None = None,
    tensors: Annotated[bool, Parameter(help="List the tensors instead.", negative=())] = False,
    form: Form = "text",
) -> int:
    """Count the parameters of a model, sublayer by sublayer.

    Flags change single fields of the model.
    """
    _refuse_misspelt_command(model)
    config = configured(model, overrides)
    if tensors:
        from gpt2calc.listing import list_tensors

        return show(list_tensors(config), form)
    from gpt2calc.counting import count

    return show(count(config), form)


@app.command
def presets(*, form: Form = "text") -> int:
    """List the presets with their sizes, counted and as reported."""
    from gpt2calc.catalogue import catalogue

    return show(catalogue(), form)


@app.command
def compare(
    *models: Annotated[str, Parameter(help="Presets or files, two or more.")],
    overrides: Overrides | None = None,
    form: Form = "text",
) -> int:
    """Put models side by side: a column for each.

    Flags change a field in all of them.
    """
    from gpt2calc.comparison import compare

    return show(compare(models, **given(overrides)), form)


@app.command
def sweep(
    model: Model = "gpt2",
    /,
    *,
    axes: Axes | None = None,
    at_least: Annotated[
        str | None, Parameter(help="Only configs with this many parameters or more, like 1B.")
    ] = None,
    at_most: Annotated[
        str | None, Parameter(help="Only configs with this many parameters or fewer.")
    ] = None,
    out: Out = None,
    form: Form = "text",
) -> int:
    """Count every config of a grid.

    An AXIS is a list such as 768,1024,1600 or a range start:stop:step, the stop included. CSV is
    streamed, so that a grid of any size can be written.
    """
    from gpt2calc.sweeping import sweep

    several, single = axes_and_fields(axes)
    grid = sweep(load(model).replace(**single), at_least=at_least, at_most=at_most, **several)
    if form != "csv":
        return show(grid, form, out)
    if out is None and sys.stdout.isatty():
        grid.refuse_more_rows_than(MOST_LINES)
    return stream(grid.csv_batches(), out, grid.batch_count)


@app.command
def solve(
    *models: Annotated[str, Parameter(help="Presets or files; gpt2 if left out.")],
    params: Annotated[
        list[str] | None,
        Parameter(help="The budget, like 350M; with --for, one for each model.", negative=()),
    ] = None,
    field: Annotated[
        str | None, Parameter(name="--for", help="Solve for this field alone.")
    ] = None,
    multiple_of: Annotated[int, Parameter(help="Widths are multiples of this.")] = 64,
    min_aspect: Annotated[float, Parameter(help="The least width divided by depth.")] = 1,
    overrides: Overrides | None = None,
    form: Form = "text",
) -> int:
    """Find the models of a given size.

    Without --for: for each depth the width nearest the budget, the best ten. With --for FIELD: the
    nearest values of one field, and all values whose counts round to the figure.
    """
    configs = [configured(name, overrides) for name in models or ("gpt2",)]
    if not params:
        raise UserError("solve needs a budget: --params with a number of parameters, such as 350M")
    if field is not None:
        from gpt2calc.solving import solve_for

        return show(solve_for(field.replace("-", "_"), configs, params), form)
    if len(configs) > 1 or len(params) > 1:
        raise UserError("several models or budgets are solved for one field: give it by --for")
    from gpt2calc.shaping import solve

    shapes = solve(configs[0], params[0], multiple_of=multiple_of, min_aspect=min_aspect)
    return show(shapes, form)


@app.command
def diagnose(
    number: Annotated[str, Parameter(help="What somebody got: 137022720, or 163M if rounded.")],
    model: Model = "gpt2",
    /,
    *,
    overrides: Overrides | None = None,
    form: Form = "text",
) -> int:
    """Say where a strange number of parameters comes from.

    MODEL is the model that was meant. Known departures are combined, the fewest first.
    """
    from gpt2calc.diagnosis import diagnose

    return show(diagnose(number, configured(model, overrides)), form)


@app.command
def verify(
    model: Model = "gpt2", /, *, overrides: Overrides | None = None, form: Form = "text"
) -> int:
    """Prove the count against the model that PyTorch builds.

    It takes no memory and no weights. Exit status 1 if anything differs.
    """
    from gpt2calc.verification import verify

    proof = verify(configured(model, overrides))
    show(proof, form)
    return 0 if proof.identical else NOT_AS_IT_SHOULD_BE


@app.command
def inspect(
    path: Annotated[
        Path, Parameter(help="A .safetensors file, an index of shards, or their folder.")
    ],
    /,
    *,
    form: Form = "text",
) -> int:
    """Count a real checkpoint by its headers, and say what does not belong.

    No weight is read. Exit status 1 if a tensor is missing, extra or misshapen.
    """
    from gpt2calc.inspection import inspect

    inspection = inspect(path)
    show(inspection, form)
    return 0 if inspection.sound else NOT_AS_IT_SHOULD_BE


@app.command(name="--install-completion")
def install_completion(
    *,
    shell: Annotated[Shell | None, Parameter(help="The shell in use, if left out.")] = None,
    output: Annotated[Path | None, Parameter(help="Another file than the shell's own.")] = None,
) -> int:
    """Teach the shell to complete this command's words."""
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status; mistakes are one line on standard error."""
    if sys.stdout is None:
        return _refused("there is no standard output to write to")
    sys.set_int_max_str_digits(0)  # counts are printed at any size
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without block characters gets "?"
    try:
        status = app(
            arguments, exit_on_error=False, print_error=False, result_action="return_value"
        )
        sys.stdout.flush()
    except UserError as error:
        return _refused(str(error))
    except CycloptsError as error:
        from gpt2calc.complaints import in_one_line

        return _refused(in_one_line(error))
    except BrokenPipeError:  # the reader has gone: leave quietly, like any filter
        abandon_output()
        return CLOSED_PIPE
    except OSError as error:
        abandon_output()
        return _refused(f"the output cannot be written: {error.strerror or error}")
    return status if isinstance(status, int) else 0


def _refuse_misspelt_command(word: str) -> None:
    """What is no preset and no file, but nearly a command, was meant as one."""
    if word in preset_names() or os.path.exists(word) or not word.isalpha():
        return
    if hint := did_you_mean(word, [name for name in app if not name.startswith("-")]):
        raise UserError(f"{quoted(word)} is neither a command, a preset nor a file{hint}")


def _refused(line: str) -> int:
    print(f"gpt2calc: {printable(line)}", file=sys.stderr)
    return WRONG_USE
