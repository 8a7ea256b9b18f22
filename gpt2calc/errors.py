"""Errors that a user can fix, and the wording that their messages share."""

from collections.abc import Iterable

INTERRUPTED = 130
"""Exit status of a program that was interrupted: 128 and the number of SIGINT."""


class UserError(ValueError):
    """A mistake that the user can fix; the message is one line: the value, the rule, a fix."""


class UnknownModelError(UserError):
    """The name of a model is neither that of a preset nor that of a file."""

    def __init__(self, word: str, message: str) -> None:
        super().__init__(message)
        self.word = word


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'gpt2-xl'?"`` with the nearest known word, or nothing if none is near."""
    import difflib

    near = difflib.get_close_matches(word.lower(), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


ROOM_FOR_NAMES = 100
"""Characters of a list of names in a message: with the rest it stays a line that is not cut."""


def some_of(names: Iterable[str], where: str) -> str:
    """List names, or the first of them and where all are: ``"a, b, ...: 'gpt2calc x' has all"``."""
    listed = ", ".join(names)
    if len(listed) <= ROOM_FOR_NAMES:
        return listed
    first = listed[:ROOM_FOR_NAMES].rpartition(",")[0]
    return f"{first}, ...: {where}"


def quoted(value: object, limit: int = 40) -> str:
    """Return a value's repr, cut to ``limit`` characters so that a message stays one line."""
    try:
        text = printable(repr(value))
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def printable(text: str) -> str:
    """Escape unprintable characters, such as control characters and bidirectional overrides.

    Results and messages go through this function: names of models and files may hold such
    characters.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


LONGEST_MESSAGE = 280
"""Most characters of a message; with the program's name it stays below 300."""
ITS_END = 90
"""Characters kept of the end of a message that is cut, at most: the fix stands there."""
LONGEST_WORD = 40
"""Characters of a word that is left out whole; a longer one, such as a path, is cut."""


def as_one_line(message: str) -> str:
    """Return a message as one line of readable length, cut in the middle."""
    line = printable(message)
    if len(line) <= LONGEST_MESSAGE:
        return line
    room = LONGEST_MESSAGE - ITS_END - len(" ... ")
    return f"{_whole_words(line, room)} ... {_whole_words(line[::-1], ITS_END)[::-1]}"


def _whole_words(line: str, room: int) -> str:
    """Return the beginning of a line without the last word, if that is cut and not very long."""
    words, space, cut = line[: room + 1].rpartition(" ")
    return words if space and len(cut) <= LONGEST_WORD else line[:room]
