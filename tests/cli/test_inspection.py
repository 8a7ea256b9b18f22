"""Real checkpoints, saved by transformers and by hand, whole and broken in every way."""

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from checkpoints import SMALL, masks, saved, shapes_of
from safetensors.numpy import save_file

from gpt2calc import count, load, named_shapes
from gpt2calc.cli.app import main


def test_exit_status_tells_sound_from_unsound(run, file):
    assert run("inspect", saved(file, shapes_of(SMALL))).status == 0
    shapes = shapes_of(SMALL)
    del shapes["transformer.h.1.ln_1.bias"]
    ran = run("inspect", saved(file, shapes), "--format", "json")
    assert ran.status == 1
    assert json.loads(ran.out)["missing"] == {"h.1.ln_1.bias": [64]}


@pytest.mark.parametrize("form", ["csv", "markdown"])
def test_every_format_has_the_counts(run, file, form):
    ran = run("inspect", saved(file, shapes_of(SMALL) | masks(SMALL)), "--format", form)
    assert str(count(SMALL).total) in ran.out.replace(",", "") or form == "csv"
    assert ran.out.count("\n") >= 8


def stated(tmp_path, **changes):
    contents = {
        "model_type": "gpt2",
        "n_layer": 3,
        "n_embd": 64,
        "n_head": 2,
        "vocab_size": 50,
        "n_positions": 16,
        "n_inner": None,
    }
    (tmp_path / "config.json").write_text(json.dumps(contents | changes))


def test_a_size_of_nothing_is_refused_by_the_files_name(refused, file):
    shapes = shapes_of(SMALL) | {"transformer.wte.weight": (0, 64)}
    line = refused("inspect", saved(file, shapes))
    assert f"{file}: vocab is 0" in line


def header(contents):
    encoded = contents if isinstance(contents, bytes) else json.dumps(contents).encode()
    return struct.pack("<Q", len(encoded)) + encoded


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"", "too short to have a header"),
        (b"abc", "too short to have a header"),
        (b"no safetensors file at all, but long enough", "no safetensors file at all"),
        (struct.pack("<Q", 10**15) + b"{}", "its header lies about its length"),
        (struct.pack("<Q", 1) + b"{}", "its header is malformed"),
        (header(b"[1, 2]"), "its header is malformed"),
        (header({"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}), "as if cut off"),
        (header({"a": {"dtype": "F9", "shape": [], "data_offsets": [0, 0]}}), "malformed"),
    ],
)
def test_a_file_that_is_no_whole_safetensors_file_is_refused(refused, file, contents, words):
    file.write_bytes(contents)
    assert words in refused("inspect", file)


@pytest.mark.parametrize("name", ["m.gguf", "pytorch_model.bin", "model.PT"])
def test_a_checkpoint_of_another_format_is_refused_as_such(refused, tmp_path, name):
    (tmp_path / name).write_bytes(b"GGUF\3\0\0\0")
    said = refused("inspect", tmp_path / name)
    assert f"{name} is no safetensors file, which alone are read: give" in said
    assert f"{name} is a checkpoint, and no config: give its config.json" in refused(
        tmp_path / name
    )


@pytest.mark.parametrize("name", ["ll.safetensors", "model.safetensors.index.json"])
def test_a_checkpoint_in_the_place_of_a_model_is_sent_to_its_command(refused, tmp_path, name):
    (tmp_path / name).write_bytes(b"\2\0\0\0\0\0\0\0{}")
    path = tmp_path / name
    assert f"is a checkpoint, and no config: 'gpt2calc inspect {path}'" in refused(path)


def test_a_truncated_file_is_refused(refused, file):
    saved(file, shapes_of(SMALL))
    file.write_bytes(file.read_bytes()[:-10])
    assert "it is shorter or longer than its header says" in refused("inspect", file)


def test_a_shard_alone_is_said_to_be_one(refused, tmp_path):
    shard = saved(tmp_path / "model-00001-of-00002.safetensors", shapes_of(SMALL))
    assert "is one shard of several: inspect their folder" in refused("inspect", shard)


def test_a_pipe_is_no_checkpoint(refused, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is no regular file" in refused("inspect", tmp_path / "pipe")


def test_what_is_not_there_is_refused(refused, tmp_path):
    assert "does not exist" in refused("inspect", tmp_path / "nowhere")
    assert "holds neither model.safetensors nor" in refused("inspect", tmp_path)
    saved(tmp_path / "a.safetensors", shapes_of(SMALL))
    saved(tmp_path / "b.safetensors", shapes_of(SMALL))
    assert "name one" in refused("inspect", tmp_path)


def test_a_file_that_cannot_be_opened_is_refused(refused, tmp_path):
    folder = tmp_path / "folder.safetensors"
    folder.mkdir()
    (folder / "model.safetensors").mkdir()
    assert "is no regular file" in refused("inspect", folder)


def sharded(tmp_path, weight_map=None):
    """Two shards and their index; ``weight_map`` replaces entries of the index, None drops one."""
    shapes = shapes_of(SMALL)
    names = list(shapes)
    halves = {"one.safetensors": names[:20], "two.safetensors": names[20:]}
    listed = {}
    for file, half in halves.items():
        saved(tmp_path / file, {name: shapes[name] for name in half})
        listed |= dict.fromkeys(half, file)
    listed |= weight_map or {}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {n: f for n, f in listed.items() if f is not None}}))
    return index


WTE = "transformer.wte.weight"


@pytest.mark.parametrize(
    ("weight_map", "words"),
    [
        ({WTE: "three.safetensors"}, "lists the shard 'three.safetensors', which is not beside it"),
        ({WTE: "../one.safetensors"}, "must be a file in the same folder"),
        ({WTE: "/etc/passwd"}, "must be a file in the same folder"),
        ({WTE: "a/../../one.safetensors"}, "must be a file in the same folder"),
        ({WTE: "C:\\one.safetensors"}, "must be a file in the same folder"),
        ({WTE: ""}, "must be a file in the same folder"),
        ({WTE: 3}, "must be a file in the same folder"),
        ({WTE: "two.safetensors"}, "one.safetensors also holds 'transformer.wte.weight'"),
        ({"ghost": "one.safetensors"}, "one.safetensors lacks 'ghost'"),
        ({WTE: None}, "one.safetensors also holds"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(refused, tmp_path, weight_map, words):
    assert words in refused("inspect", sharded(tmp_path, weight_map))


@pytest.mark.parametrize("contents", ["{}", '{"weight_map": []}', '{"weight_map": {}}', "3", "{"])
def test_an_index_that_is_none_is_refused(refused, tmp_path, contents):
    index = Path(tmp_path) / "model.safetensors.index.json"
    index.write_text(contents)
    assert str(index) in refused("inspect", index)


def test_cross_attention_that_is_stated_must_be_there(refused, tmp_path):
    saved(tmp_path / "model.safetensors", shapes_of(SMALL))
    stated = {"model_type": "gpt2", "n_layer": SMALL.n_layer, "n_embd": SMALL.n_embd}
    stated |= {
        "n_head": 1,
        "vocab_size": SMALL.vocab,
        "n_positions": SMALL.n_ctx,
        "add_cross_attention": True,
    }
    (tmp_path / "config.json").write_text(json.dumps(stated))
    assert "no tensor beside it is of cross-attention" in refused("inspect", tmp_path)


@pytest.mark.parametrize("shape", [[], [0], [1]])
@pytest.mark.parametrize("model", ["gpt2", "llama-3.2-1b", "pythia-70m", "olmo-2-7b", "bloom-560m"])
def test_a_tensor_of_no_model_is_one_line(model, shape, tmp_path, capsys):
    config = load(model).replace(n_layer=1, vocab=8)
    shapes = dict(named_shapes(config))
    for name in shapes:
        if any(word in name for word in ("attn", "attention")) and name.endswith("weight"):
            shapes[name] = tuple(shape)
    path = tmp_path / "model.safetensors"
    save_file({name: np.zeros(size, np.float16) for name, size in shapes.items()}, path)
    status = main(["inspect", str(path)])
    written = capsys.readouterr()
    assert status in (1, 2)
    assert written.err.count("\n") == (status == 2)
