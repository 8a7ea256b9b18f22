"""Data walks one way: which rooms may import which, read from the imports themselves."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import gpt2calc

PACKAGE = Path(gpt2calc.__file__).parent
UNITS = {"errors", "units"}
MODEL = {*UNITS, "dtypes", "tape", "model"}
METRICS = {*MODEL, "report", "quantity", "metrics"}
ANALYSIS = {*METRICS, "analysis"}
TEACH = {*METRICS, "teach"}
MAY_IMPORT = {
    "errors": set(),
    "dtypes": set(),
    "units": {"errors"},
    "report": {*UNITS, "report"},
    "tape": {"dtypes", "tape"},
    "model": MODEL,
    "quantity": {*MODEL, "report", "quantity"},
    "metrics": METRICS,
    "analysis": ANALYSIS,
    "teach": TEACH,
    "verification": {*METRICS, "verification"},
    "plot": {*ANALYSIS, *TEACH, "plot"},
    "cli": {*ANALYSIS, *TEACH, "verification", "plot", "cli"},
    "__main__": {"errors", "cli"},
    "__init__": set(),
}
"""The rooms that each room may import: those below it, and itself."""


def modules_of(room):
    single = PACKAGE / f"{room}.py"
    return [single] if single.exists() else sorted((PACKAGE / room).rglob("*.py"))


def imported(path):
    """Yield the modules of the package that a module imports, at its head or in a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        yield from (name for name in names if name.startswith("gpt2calc."))


def rooms_of(path):
    found = {name.split(".")[1] for name in imported(path)}
    return found - {"__version__"}


def for_types_alone(path):
    """The modules that a module imports where types are checked, and nowhere else."""
    tree = ast.parse(path.read_text())
    checked = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    inside = [each for node in checked for each in ast.walk(node)]
    return {each.module for each in inside if isinstance(each, ast.ImportFrom)}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_those_below_it(room):
    modules = modules_of(room)
    assert modules
    if room == "__init__":
        modules = []  # its table of names is for type checkers, and imports nothing
    for path in modules:
        assert rooms_of(path) <= MAY_IMPORT[room], path.name


def test_every_module_is_in_a_room():
    loose = {path.stem for path in PACKAGE.glob("*.py")}
    assert loose == {"__init__", "__main__", "errors", "units", "dtypes"}
    folders = {path.name for path in PACKAGE.iterdir() if any(path.glob("*.py"))}
    assert folders | loose == set(MAY_IMPORT)


def test_no_module_imports_itself_by_way_of_others():
    paths = {
        ".".join(("gpt2calc", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    graph = {
        name: {other for other in imported(path) if other in paths} - for_types_alone(path)
        for name, path in paths.items()
    }
    TopologicalSorter(graph).prepare()


def test_the_typed_core_has_no_any():
    for room in ("tape", "model", "metrics"):
        for path in modules_of(room):
            names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
            assert "Any" not in names, path.name
