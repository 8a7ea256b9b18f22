"""The errors of cyclopts, the command-line library, as messages of one line."""

from collections.abc import Callable

from cyclopts import Token
from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    RepeatArgumentError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from gpt2calc.cli.suggestions import Flags, meant_flag
from gpt2calc.errors import UserError, quoted


def in_one_line(error: CycloptsError, flags_of_commands: Callable[[], Flags]) -> str:
    """Say what is wrong: the value, the rule, a way out."""
    match error:
        case UnknownOptionError():
            return _unknown_flag(error, flags_of_commands())
        case CoercionError(__cause__=UserError() as refused):  # of a flag's own reader
            return str(refused)
        case CoercionError():
            return _no_such_value(error)
        case MissingArgumentError():
            return _missing(error)
        case RepeatArgumentError():
            return _repeated(error.token)
        case UnusedCliTokensError():
            unused = (error.unused_tokens or [""])[0]
            return f"{quoted(unused)} is one argument too many: {_help(error)}"
        case _:
            return " ".join(str(error).split())


def _missing(error: MissingArgumentError) -> str:
    """Say that a flag has no value; a value such as -5% was taken for a flag."""
    words = [*(error.unused_tokens or ()), ""]
    after = words[words.index(error.keyword) + 1] if error.keyword in words else ""
    if after[:1] == "-" and after[1:2].isdigit():
        return f"{error.keyword} is {quoted(after)}: it must not begin with a hyphen"
    return f"{_name(error)} needs a value: {_help(error)}"


def _repeated(token: Token) -> str:
    """Say that a flag is there twice; of a switch, the other may be its opposite."""
    if isinstance(token.implicit_value, bool | None):
        return f"{token.keyword} is given twice, or with its opposite: give one of them"
    return f"{token.keyword} is given more than once: give it one value"


def _unknown_flag(error: UnknownOptionError, commands: Flags) -> str:
    flag = (error.token.keyword or error.token.value).partition("=")[0]
    known = [name for each in error.argument_collection if each.parse for name in each.names]
    known += ["--help", "--version", "--install-completion"]
    hint = meant_flag(flag, known, commands) or f": {_help(error)}"
    return f"there is no flag {flag[:40]}{hint}"


def _no_such_value(error: CoercionError) -> str:
    value = quoted(error.token.value if error.token else "")
    rule = "it must be true or false" if error.target_type is bool else _help(error)
    return f"{_name(error)} is {value}: {rule}"


def _help(error: CycloptsError) -> str:
    """Say where to read what the command takes."""
    command = " ".join(("gpt2calc", *(error.command_chain or ())))
    return f"'{command} --help' shows what there is"


def _name(error: CoercionError | MissingArgumentError) -> str:
    """Return the flag as typed, or the argument by its name."""
    token = getattr(error, "token", None)
    keyword = token.keyword if token else getattr(error, "keyword", None)
    return keyword or (error.argument.name if error.argument else "the command")
