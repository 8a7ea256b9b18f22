"""The one error for what a user can mend, and the wording its messages share."""

from collections.abc import Iterable


class UserError(ValueError):
    """A mistake the user can mend, said in one line: the value, the rule, a way out."""


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


def quoted(value: object, limit: int = 40) -> str:
    """Write a value as the user wrote it, cut to ``limit`` characters: a message stays one line."""
    try:
        text = printable(repr(value))
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def printable(text: str) -> str:
    """Escape what would move a terminal's cursor in a text from elsewhere."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
