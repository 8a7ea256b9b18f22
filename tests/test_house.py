"""Data walks one way: which modules may import which, read from the imports themselves."""

import ast
from pathlib import Path

import pytest

import gpt2calc

PACKAGE = Path(gpt2calc.__file__).parent
MAY_IMPORT = {
    "errors": set(),
    "dtypes": set(),
    "units": {"errors"},
    "tape": {"dtypes", "tape"},
    "model": {"errors", "units", "dtypes", "tape", "model"},
    "metrics": {
        *("errors", "units", "dtypes", "tape", "model", "metrics"),
        *("case", "run", "models", "quantity", "number", "sublayers", "symbols"),
        *("estimated", "hardware", "output"),
    },
}
"""The rooms that each room may import; all others stand above these."""


def imported(path):
    """Return the rooms of the package that a module imports, at its head or in a function."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "gpt2calc":
                names = [f"gpt2calc.{each.name}" for each in node.names]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("gpt2calc.")}
    return rooms


def modules_of(room):
    single = PACKAGE / f"{room}.py"
    return [single] if single.exists() else sorted((PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_those_below_it(room):
    modules = modules_of(room)
    assert modules
    for path in modules:
        assert imported(path) <= MAY_IMPORT[room], path.name


def test_the_typed_core_has_no_any():
    for room in ("tape", "model", "metrics"):
        for path in modules_of(room):
            names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
            assert "Any" not in names, path.name


def test_importing_the_package_imports_nothing_of_it():
    import subprocess
    import sys

    told = "import sys, gpt2calc; print(sorted(m for m in sys.modules if 'gpt2calc.' in m))"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
