"""What is shipped: a wheel and an sdist that work anywhere, and a package that is typed."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import gpt2calc
from gpt2calc import UserError
from gpt2calc.verification import parameters as verification

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with an sdist of this checkout, and with the wheel built from it."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return out


def test_the_wheel_works_from_an_empty_directory(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(installed)
    code = (
        "import gpt2calc; print(gpt2calc.__file__); "
        "print(len(gpt2calc.presets()), gpt2calc.count(gpt2calc.load('gpt2-xl')).total)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(installed)!r}); {code}"],
        cwd=empty,
        check=True,
        capture_output=True,
        text=True,
    )
    assert ran.stdout.splitlines()[0].startswith(str(installed))
    assert ran.stdout.splitlines()[1] == "187 1557611200"
    assert (installed / "gpt2calc" / "py.typed").exists()


def test_the_wheel_has_the_guide(built, tmp_path):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path)
    guide = ROOT / "gpt2calc" / "guide"
    there = {each.name for each in (tmp_path / "gpt2calc" / "guide").iterdir()}
    assert there == {each.name for each in guide.iterdir()}
    ran = subprocess.run(
        [sys.executable, "-m", "gpt2calc", "guide", "memory"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
    )
    assert ran.stdout == (guide / "memory.md").read_text(encoding="utf-8")


def test_the_sdist_has_all_that_the_checkout_has(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", ".ci/run", "configs/gpt2.toml"} <= names
    assert "tests/cli/test_package.py" in names


def test_every_public_name_is_there():
    assert set(gpt2calc.__all__) <= set(dir(gpt2calc))
    for name in gpt2calc.__all__:
        assert getattr(gpt2calc, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'cuont'"):
        gpt2calc.cuont  # noqa: B018


def test_the_message_about_torch_names_the_range_of_the_extra(monkeypatch):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError) as refusal:
        verification.verify(gpt2calc.ModelConfig())
    for bound in extras["torch"]:
        assert f"'{bound}'" in str(refusal.value)


def test_importing_the_package_imports_nothing_of_it():
    told = "import sys, gpt2calc; print(sorted(m for m in sys.modules if 'gpt2calc.' in m))"
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_no_module_hides_a_public_name():
    """A room of the name of a function would take its place once one of its modules is imported."""
    told = (
        "import importlib, pkgutil, types, gpt2calc\n"
        "for each in pkgutil.walk_packages(gpt2calc.__path__, 'gpt2calc.'):\n"
        "    try:\n"
        "        if '__main__' not in each.name: importlib.import_module(each.name)\n"
        "    except ModuleNotFoundError as error:  # torch may not be there\n"
        "        if error.name.startswith('gpt2calc'): raise\n"
        "names = gpt2calc.__all__\n"
        "print([n for n in names if isinstance(getattr(gpt2calc, n), types.ModuleType)])\n"
    )
    ran = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr[-300:]
