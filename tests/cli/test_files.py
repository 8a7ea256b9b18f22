"""A file is written whole or not at all."""

import json
import os
import time

import pytest


@pytest.mark.parametrize("name", [".", "/"])
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
