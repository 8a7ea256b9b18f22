"""A file is written whole or not at all."""

import json
import os
import signal
import subprocess
import sys
import time
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


@pytest.mark.parametrize("flag", ["--out", "--plot"])
def test_a_write_protected_file_is_left_alone(refused, tmp_path, flag):
    path = tmp_path / "out.svg"
    path.write_text("old")
    path.chmod(0o444)
    assert "is write-protected" in refused("sweep", "--n-layer", "1,2", flag, path)
    assert path.read_text() == "old"


@pytest.mark.parametrize("flag", ["--out", "--plot"])
def test_a_link_to_itself_is_refused(refused, tmp_path, flag):
    loop = tmp_path / "loop.svg"
    loop.symlink_to(loop)
    assert "is a link that leads to itself" in refused("sweep", "--n-layer", "1,2", flag, loop)


@pytest.mark.parametrize("command", ["study", "plot"])
def test_a_signal_leaves_no_part_of_a_picture(tmp_path, command):
    code = (
        "import os, signal, sys, gpt2calc.report.files as files\n"
        "from gpt2calc.cli.app import main\n"
        "replace = os.replace\n"
        "os.replace = lambda *names: os.kill(os.getpid(), signal.SIGTERM) or replace(*names)\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["study", "gpt2", "--out", "a.html"] if command == "study" else ["--plot", "a.svg"]
    ran = subprocess.run([sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True)
    assert ran.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


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


def test_a_full_disk_leaves_the_old_study(tmp_path):
    line = (
        f"cd {tmp_path} && mkdir s_pictures && echo old > s.md && echo old > s_pictures/shares.svg;"
        " ulimit -f 8; trap '' XFSZ;"
        ' "$PY" -m gpt2calc study gpt2 --out s.md --format markdown'
    )
    ran = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "PY": sys.executable},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert (tmp_path / "s.md").read_text() == "old\n"
    assert [path.name for path in (tmp_path / "s_pictures").iterdir()] == ["shares.svg"]


def irregular(tmp_path, kind):
    path = tmp_path / "file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "sparse":
        path.touch()
        os.truncate(path, 8 * 10**12)
    return path


PLACES = ["mine.toml", "config.json", "model.safetensors", "model.safetensors.index.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "sparse"])
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_regular_file_is_refused_at_once(refused, tmp_path, kind, place):
    path = irregular(tmp_path, kind).rename(tmp_path / place)
    if kind == "loop":
        path.unlink()
        path.symlink_to(path)
    before = time.perf_counter()
    if place.startswith("model"):
        refused("inspect", path)
        refused("inspect", tmp_path)
    else:
        refused(path)
    assert time.perf_counter() - before < 5


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_shard_that_is_a_pipe_is_refused(refused, tmp_path):
    os.mkfifo(tmp_path / "one.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"transformer.wte.weight": "one.safetensors"}}')
    assert "one.safetensors is no regular file" in refused("inspect", index)


@pytest.mark.parametrize(("name", "text"), [("a.toml", "n_layer = "), ("a.json", '{"n_layer": ')])
def test_a_number_of_a_million_digits_is_refused_at_once(refused, tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text + "1" * 10**6 + ("}" if "{" in text else ""))
    before = time.perf_counter()
    assert "more than 1,000 digits" in refused(path)
    assert time.perf_counter() - before < 2


def test_a_huge_header_is_refused_before_it_is_read(refused, tmp_path):
    path = tmp_path / "model.safetensors"
    header = b'{"a": ' + b" " * (11 * 10**6)
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert "has a header of 11,000,006 bytes" in refused("inspect", path)
    path.write_bytes(b" " * 2**25)
    path.rename(tmp_path / "config.json")
    assert "33,554,432 bytes" in refused(tmp_path / "config.json")


@pytest.mark.parametrize("text", ["", "# nothing\n", '[source]\ntitle = "x"\n'])
def test_an_empty_file_is_no_model(refused, tmp_path, text):
    path = tmp_path / "empty.toml"
    path.write_text(text)
    assert "says nothing of a model" in refused(path)


def test_a_toml_may_begin_with_a_byte_order_mark(run, tmp_path):
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbfn_layer = 3\n")
    assert run(path).out == run("--n-layer", 3).out


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"model_type": "gptj", "rotary_dim": "x"}, "rotary_dim is 'x'"),
        ({"model_type": "codegen", "rotary_dim": [1]}, "rotary_dim is [1]"),
        ({"model_type": "mixtral", "num_local_experts": {}}, "num_local_experts is {}"),
        ({"model_type": "qwen3_moe", "num_experts": {}}, "num_experts is {}"),
        ({"model_type": "qwen2_moe", "num_experts": False}, "num_experts is False"),
        ({"model_type": "gpt_neo", "attention_types": 1e308}, "attention_types is 1e+308"),
        ({"model_type": "mpt", "attn_config": -0.0}, "attn_config is -0.0"),
        ({"model_type": "mpt", "attn_config": []}, "attn_config is []"),
    ],
)
def test_what_no_config_of_transformers_takes_is_refused(said, words, refused, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(said))
    assert words in refused(path)


def test_what_a_killed_write_left_is_removed_by_the_next_one(run, tmp_path):
    old, young = (tmp_path / f".page.html.{each}.part" for each in ("0123abcd", "abcd0123"))
    other = tmp_path / ".other.html.0123abcd.part"
    for part in (old, young, other):
        part.write_text("half")
    for part in (old, other):
        os.utime(part, (0, 0))
    assert (
        run("sweep", "--n-layer", "1,2", "--format", "csv", "--out", tmp_path / "page.html").status
        == 0
    )
    assert not old.exists()
    assert young.exists()
    assert other.exists()
