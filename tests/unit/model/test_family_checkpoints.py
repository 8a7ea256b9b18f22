"""Checkpoints of every family: what transformers saves, what the Hub holds, and what is wrong."""

import json
import re

import numpy as np
import pytest
from drawing import FAMILIES, draw
from safetensors.numpy import save_file
from strategies import some_or_all

from gpt2calc import ModelConfig, UserError, count, inspect, named_shapes
from gpt2calc.model.families.table import family_called
from gpt2calc.model.named_parameters import located
from gpt2calc.model.sources.config_json import from_contents

SOME = some_or_all(FAMILIES, 4)
OF_TYPE = pytest.mark.parametrize("family", SOME, ids=lambda family: family.name)
SEEDS = some_or_all(range(6), 6)
EXPERTS = ("mixtral", "qwen2_moe", "qwen3_moe")


def saved(folder, shapes, contents=None):
    """Write a checkpoint of zeros, with a config beside it if there is one."""
    folder.mkdir(exist_ok=True)
    zeros = {name: np.zeros(shape, np.float16) for name, shape in shapes}
    save_file(zeros, folder / "model.safetensors")
    beside = folder / "config.json"
    beside.unlink(missing_ok=True)
    if contents is not None:
        beside.write_text(json.dumps(contents))
    return folder


def refused_or_right(folder, total):
    """Tensors that do not tell all are refused; where the model needs no more, they do."""
    try:
        found = inspect(folder)
    except UserError as refusal:
        assert "put its config.json beside them" in str(refusal)  # noqa: PT017
        return
    assert not found.sound or found.total == total


@pytest.mark.by_turns
@OF_TYPE
def test_a_checkpoint_is_counted_with_its_config_and_without(family, tmp_path):
    for seed in SEEDS:
        contents = draw(family, seed)
        config = from_contents(contents, "drawn")
        shapes = named_shapes(config)
        is_gpt2_turned = family.name == "gpt_bigcode" and config.n_kv_head is None
        if not family.inferable or config.token_width is not None:
            refused_or_right(saved(tmp_path / "model", shapes), count(config).total)
        is_projected = config.token_width is not None
        is_told = family.inferable and not is_gpt2_turned and not is_projected
        for beside in (contents, None) if is_told else (contents,):
            found = inspect(saved(tmp_path / "model", shapes, beside))
            assert found.sound, (contents, beside is None, found)
            assert found.total == count(config).total
            is_said = config.n_expert is not None and beside is not None
            assert ("Active for a token" in str(found)) == is_said


@pytest.mark.by_turns
@pytest.mark.parametrize("name", EXPERTS)
def test_experts_are_known_one_by_one_as_the_hub_holds_them(name, tmp_path):
    for seed in SEEDS:
        contents = draw(family_called(name), seed)
        config = from_contents(contents, "drawn")
        names = config.names
        shapes = [
            (names.in_full(each.name), each.shape) for each in located(config, one_by_one=True)
        ]
        for beside in (contents, None):
            found = inspect(saved(tmp_path / "model", shapes, beside))
            assert found.sound, (contents, beside is None, found)
            assert found.total == count(config).total
    said = [re.sub(r"(?<=\.)\d+(?=\.)", "*", shaped) for shaped, _ in shapes]
    first = "block_sparse_moe.experts.*.w1" if name == "mixtral" else "mlp.experts.*.gate_proj"
    assert f"model.layers.*.{first}.weight" in said
    lost = next(place for place, shaped in enumerate(said) if "experts.*" in shaped)
    found = inspect(saved(tmp_path / "model", shapes[:lost] + shapes[lost + 1 :], contents))
    assert [names.in_full(each) for each in found.missing] == [shapes[lost][0]]


@pytest.mark.by_turns
@OF_TYPE
def test_one_fault_is_found_and_nothing_else(family, tmp_path):
    contents = draw(family, 2)
    shapes = named_shapes(from_contents(contents, "drawn"))
    name, shape = next(each for each in shapes if "head" not in each[0] and ".0." in each[0])
    whole = dict(shapes)
    faults = {
        "missing": {other: size for other, size in whole.items() if other != name},
        "extra": whole | {f"{name}.scale": (3,)},
        "misshapen": whole | {name: (*shape[:-1], shape[-1] + 1)},
    }
    for fault, changed in faults.items():
        found = inspect(saved(tmp_path / "model", changed.items(), contents))
        counts = {each: len(getattr(found, each)) for each in faults}
        assert counts == {each: int(each == fault) for each in faults}, fault


@pytest.mark.parametrize(
    ("name", "buffer", "shape"),
    [
        ("llama", "model.layers.0.self_attn.rotary_emb.inv_freq", (4,)),
        ("gpt_neox", "gpt_neox.layers.0.attention.rotary_emb.inv_freq", (4,)),
        ("gpt_neo", "transformer.h.0.attn.attention.masked_bias", ()),
        ("gptj", "transformer.h.0.attn.masked_bias", ()),
        ("gptj", "transformer.h.0.attn.bias", (1, 1, 70, 70)),
        ("gpt_neox", "gpt_neox.layers.0.attention.bias", (1, 1, 70, 70)),
        ("codegen", "transformer.h.0.attn.causal_mask", (1, 1, 70, 70)),
    ],
)
def test_buffers_of_older_versions_are_named_and_not_counted(name, buffer, shape, tmp_path):
    contents = draw(family_called(name), 1)
    config = from_contents(contents, "drawn")
    for beside in (contents, None):
        found = inspect(saved(tmp_path / "m", [*named_shapes(config), (buffer, shape)], beside))
        assert found.sound
        assert list(found.buffers) == [buffer]
        assert found.total == count(config).total


def test_the_head_of_neox_has_another_name_in_files(tmp_path):
    contents = draw(family_called("gpt_neox"), 1) | {"tie_word_embeddings": False}
    config = from_contents(contents, "drawn")
    renamed = [
        (name.replace("lm_head.", "embed_out."), shape) for name, shape in named_shapes(config)
    ]
    for beside in (contents, None):
        found = inspect(saved(tmp_path / "m", renamed, beside))
        assert found.sound
        assert found.total == count(config).total


def test_a_head_that_is_not_stored_is_only_supposed_to_be_tied(tmp_path):
    supposed = "No output head is stored"
    for name, is_doubtful in (("llama", True), ("gemma2", False), ("gpt2", False)):
        small = {"n_layer": 1, "n_embd": 64, "vocab": 99, "n_ctx": 32}
        tied = ModelConfig(family=name, tie_embeddings=True, **small)
        found = inspect(saved(tmp_path / name, named_shapes(tied), None))
        assert (supposed in str(found)) == is_doubtful
