"""A file is written whole or not at all."""

import os
import signal
from pathlib import Path

import pytest

from gpt2calc import UserError
from gpt2calc.report.files import whole_file, write_together


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


@pytest.mark.parametrize("name", ["nowhere/out.csv", "", "file/out.csv"])
def test_what_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written: "), whole_file(tmp_path / name) as file:
        file.write("never")
    assert {each.name for each in tmp_path.iterdir()} == {"file"}


def test_two_writers_never_share_a_temporary_file(tmp_path):
    path = tmp_path / "out.csv"
    with whole_file(path) as first, whole_file(path) as second:
        assert first.name != second.name
        first.write("a" * 10_000)
        second.write("b" * 10)
    assert path.read_text() == "a" * 10_000
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_has_the_mode_that_open_gives(tmp_path):
    before = os.umask(0o027)
    try:
        with whole_file(tmp_path / "ours"):
            pass
        (tmp_path / "theirs").touch()
    finally:
        os.umask(before)
    modes = {(tmp_path / name).stat().st_mode for name in ("ours", "theirs")}
    assert len(modes) == 1


def test_handlers_of_signals_are_restored(tmp_path):
    def mine(*_):
        pass

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with whole_file(tmp_path / "out.csv"):
            assert signal.getsignal(signal.SIGTERM) is not mine
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


def test_several_files_are_replaced_together_or_not_at_all(tmp_path):
    first, second = tmp_path / "a.svg", tmp_path / "b.md"
    first.write_text("old")
    second.mkdir()
    with pytest.raises(UserError, match="it is a folder"):
        write_together({first: b"new", second: b"new"})
    assert first.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [first, second]
    write_together({first: b"new", tmp_path / "c": b"newer"})
    assert first.read_bytes() + (tmp_path / "c").read_bytes() == b"newnewer"


def test_a_signal_that_is_ignored_stays_ignored(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with whole_file(tmp_path / "out") as file:
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            file.write("whole")
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    path = tmp_path / ("字" * 84)
    with whole_file(path) as file:
        file.write("whole")
    assert path.read_text() == "whole"
