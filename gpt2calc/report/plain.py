"""What is written where a terminal's encoding lacks a character: a plain one, never a "?"."""

import codecs

IN_PLAIN_CHARACTERS = "gpt2calc.plain"
"""The name of the error handler, for ``errors=``."""

PLAIN = {
    "×": "x",
    "√": "sqrt",
    "≠": "!=",
    "…": "...",
    "─": "-",
    "█": "#",
    **dict.fromkeys("▏▎▍▌", ""),
    **dict.fromkeys("▋▊▉", "#"),
}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def in_plain_characters(text: str) -> str:
    """Replace what mathematics and bars are drawn with: ``d²`` becomes ``d^2``."""
    written = ""
    for place, character in enumerate(text):
        digit = character.translate(_RAISED)
        if digit == character:
            written += PLAIN.get(character, "?")
        else:
            is_first = place == 0 or text[place - 1].translate(_RAISED) == text[place - 1]
            written += f"^{digit}" if is_first else digit
    return written


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return in_plain_characters(error.object[error.start : error.end]), error.end


codecs.register_error(IN_PLAIN_CHARACTERS, _replaced)
