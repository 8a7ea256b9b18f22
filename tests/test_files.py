"""A file is written whole or not at all."""

import os
from pathlib import Path

import pytest

from gpt2calc import UserError
from gpt2calc.files import whole_file


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


@pytest.mark.parametrize("name", ["nowhere/out.csv", "", "file/out.csv"])
def test_what_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written: "), whole_file(tmp_path / name) as file:
        file.write("never")
    assert {each.name for each in tmp_path.iterdir()} == {"file"}


def test_the_command_says_so(refused, tmp_path):
    assert "cannot be written" in refused(
        "sweep", "--n-layer", "1,2", "--out", tmp_path / "nowhere" / "out.csv"
    )
