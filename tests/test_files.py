"""A file is written whole or not at all."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gpt2calc import UserError
from gpt2calc.output.files import whole_file


def test_it_takes_its_place_when_it_is_whole(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with whole_file(path) as file:
        file.write("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_of_what_went_wrong(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")

    def interrupted():
        with whole_file(path) as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to_directly():
    with whole_file(Path(os.devnull)) as file:
        file.write("away")
    assert not Path(os.devnull).is_file()


def test_a_link_is_followed_and_permissions_are_kept(tmp_path):
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    with whole_file(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs /dev/stdout")
def test_standard_output_may_be_named_as_a_file(tmp_path):
    line = '"$PY" -m gpt2calc sweep --n-layer 1,2 --format csv --out /dev/stdout'
    for piped in (f"{line} | cat", f"{line} > '{tmp_path}/f'; cat '{tmp_path}/f'"):
        ran = subprocess.run(
            ["bash", "-c", piped],
            capture_output=True,
            text=True,
            env={**os.environ, "PY": sys.executable},
        )
        assert ran.stdout.startswith("n_layer,total,")
        assert os.path.islink("/dev/stdout")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_leaves_nothing_behind(tmp_path, end):
    flags = ["sweep", "--n-layer=1:1000", "--n-embd=1:10000", "--format=csv", "--out=big.csv"]
    ran = subprocess.Popen([sys.executable, "-m", "gpt2calc", *flags], cwd=tmp_path)
    while not list(tmp_path.iterdir()):
        time.sleep(0.02)
    ran.send_signal(end)
    assert ran.wait() == 128 + end
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["nowhere/out.csv", "", "file/out.csv"])
def test_what_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written: "), whole_file(tmp_path / name) as file:
        file.write("never")
    assert {each.name for each in tmp_path.iterdir()} == {"file"}


@pytest.mark.parametrize("name", ["", ".", "/"])
def test_a_folder_is_no_file(refused, name):
    assert "it is a folder" in refused("sweep", "--n-layer", "1,2", "--out", name)


def test_table_and_picture_are_two_files(refused, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    flags = ("sweep", "--n-layer", "1,2", "--plot", "a.png")
    assert "cannot be both the table and the picture" in refused(*flags, "--out", "a.png")
    assert "nowhere is no folder" in refused(*flags, "--out", "nowhere/a.csv")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_so(refused, tmp_path):
    assert "cannot be written" in refused(
        "sweep", "--n-layer", "1,2", "--out", tmp_path / "nowhere" / "out.csv"
    )
