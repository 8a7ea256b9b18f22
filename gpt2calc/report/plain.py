"""Plain characters for terminals whose encoding lacks the mathematical ones."""

from gpt2calc.units import RAISED

PLAIN = {
    "×": "x",
    "√": "sqrt",
    "≠": "!=",
    "…": "...",
    "→": "->",
    "−": "-",
    "·": "-",
    "─": "-",
    "█": "#",
    **dict.fromkeys("▏▎▍▌", ""),
    **dict.fromkeys("▋▊▉", "#"),
}
_RAISED = str.maketrans(RAISED, "0123456789")


def encodable(text: str, encoding: str) -> str:
    """Return a text unchanged if it can be encoded, else in plain characters."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return in_plain_characters(text)
    return text


def in_plain_characters(text: str) -> str:
    """Replace what mathematics and bars are drawn with: ``d²`` becomes ``d^2``."""
    written = ""
    for place, character in enumerate(text):
        digit = character.translate(_RAISED)
        if digit == character:
            written += character if character.isascii() else PLAIN.get(character, "?")
        else:
            is_first = place == 0 or text[place - 1].translate(_RAISED) == text[place - 1]
            written += f"^{digit}" if is_first else digit
    return written
