"""Reads mathematics as it is displayed, knowing nothing of how it was written, and evaluates it."""

import ast
import re

RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def from_text(displayed: str) -> str:
    """Unicode mathematics as Python."""
    plain = displayed.replace(",", "").replace("×", "*")
    plain = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: f"**{found[0].translate(RAISED)}", plain)
    return _with_signs(plain)


def from_latex(displayed: str) -> str:
    """LaTeX mathematics as Python."""
    plain = displayed.replace("{,}", "").replace(r"\times", "*").replace(r"\quad", "")
    plain = re.sub(r"\^\{(\d+)\}", r"**\1", plain)
    assert "\\" not in plain
    return _with_signs(plain)


def _with_signs(plain: str) -> str:
    """A product of what stands side by side: ``12 (4 d)``, ``3d``, ``L d``."""
    tokens = re.findall(r"\*\*|\d+|[a-zA-Z]|[()+*/-]", plain)
    assert re.sub(r"\s", "", plain) == "".join(tokens), plain
    signed: list[str] = []
    for token in tokens:
        starts = token == "(" or token.isalnum()
        ends = bool(signed) and (signed[-1] == ")" or signed[-1].isalnum())
        assert not (ends and token.isdigit() and signed[-1].isdigit()), f"two numbers in {plain}"
        signed += ["*", token] if starts and ends else [token]
    return "".join(signed)


def value(python: str, letters: dict[str, int]) -> int:
    """The number that an expression in letters comes to."""
    tree = ast.parse(python, mode="eval")
    allowed = (ast.Expression, ast.BinOp, ast.Constant, ast.Name, ast.operator, ast.Load)
    assert all(isinstance(node, allowed) for node in ast.walk(tree)), python
    return eval(compile(tree, "displayed", "eval"), {"__builtins__": {}}, dict(letters))
