"""What the command-line library complains of, in one line and in this project's words."""

from cyclopts import Token
from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields import field_called
from gpt2calc.quantity.run import Run


def in_one_line(error: CycloptsError) -> str:
    """Say what is wrong: the value, the rule, a way out."""
    match error:
        case UnknownOptionError():
            return _unknown_flag(error)
        case CoercionError(__cause__=UserError() as refused):
            return str(refused)
        case CoercionError():
            return _no_such_choice(error)
        case MissingArgumentError():
            return f"{_name(error)} needs a value: {_help(error)}"
        case RepeatArgumentError():
            return _repeated(error.token)
        case UnusedCliTokensError():
            unused = (error.unused_tokens or [""])[0]
            return f"{quoted(unused)} is one argument too many: {_help(error)}"
        case _:
            return " ".join(str(error).split())


def _repeated(token: Token) -> str:
    """Say that a flag is there twice; of a switch, the other may be its opposite."""
    if isinstance(token.implicit_value, bool | None):
        return f"{token.keyword} is given twice, or with its opposite: give one of them"
    return f"{token.keyword} is given more than once: give it one value"


def _unknown_flag(error: UnknownOptionError) -> str:
    flag = (error.token.keyword or error.token.value).partition("=")[0]
    known = [name for each in error.argument_collection if each.parse for name in each.names]
    known += ["--help", "--version", "--install-completion"]
    word = flag.removeprefix("--")
    meant = field_called(word, ModelConfig) or field_called(word, Run)
    ours = f"--{meant.replace('_', '-')}" if meant is not None else flag
    if ours != flag:
        return f"there is no flag {flag[:40]}; did you mean '{ours}'?"
    return f"there is no flag {flag[:40]}{did_you_mean(flag, known) or f': {_help(error)}'}"


def _no_such_choice(error: CoercionError) -> str:
    from typing import get_args

    value = quoted(error.token.value if error.token else "")
    choices = [str(choice) for choice in get_args(error.target_type)]
    if error.target_type is bool:
        choices = ["true", "false"]
    if not choices:
        return f"{_name(error)} is {value}: {_help(error)}"
    return f"{_name(error)} is {value}: it must be {', '.join(choices[:-1])} or {choices[-1]}"


def _help(error: CycloptsError) -> str:
    """Say where to read what the command takes."""
    command = " ".join(("gpt2calc", *(error.command_chain or ())))
    return f"'{command} --help' shows what there is"


def _name(error: CoercionError | MissingArgumentError) -> str:
    """Return the flag as typed, or the argument by its name."""
    token = getattr(error, "token", None)
    keyword = token.keyword if token else getattr(error, "keyword", None)
    return keyword or (error.argument.name if error.argument else "the command")
