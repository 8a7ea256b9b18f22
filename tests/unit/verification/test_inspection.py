"""Real checkpoints, saved by transformers and by hand, whole and broken in every way."""

import json
import os
import struct

import pytest
from checkpoints import SMALL, masks, saved, shapes_of
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from strategies import configs, examples

from gpt2calc import ModelConfig, UserError, count, inspect, load, named_shapes
from gpt2calc.verification.config_from_tensors import infer_config


@pytest.mark.parametrize("prefix", ["transformer.", ""])
def test_a_sound_checkpoint(file, prefix):
    found = inspect(saved(file, shapes_of(SMALL, prefix)))
    assert found.sound
    assert found.config == SMALL
    assert found.total == found.stored == count(SMALL).total
    assert found.parts == count(SMALL).parts
    assert not found.buffers
    assert "Nothing missing, nothing extra" in str(found)


@pytest.mark.parametrize("prefix", ["transformer.", ""])
def test_causal_masks_are_named_and_not_counted(file, prefix):
    masked = {f"{prefix}h.0.attn.masked_bias": ()}
    shapes = shapes_of(SMALL, prefix) | masks(SMALL, prefix) | masked
    found = inspect(saved(file, shapes))
    assert found.sound
    assert found.total == count(SMALL).total
    assert found.stored == count(SMALL).total + 3 * 16 * 16 + 1
    assert set(found.buffers) == set(masks(SMALL, prefix)) | set(masked)
    assert "3 x h.*.attn.bias and 1 x h.*.attn.masked_bias" in str(found)


def test_the_hubs_gpt2_stores_137_022_720_numbers(file):
    gpt2 = ModelConfig()
    found = inspect(saved(file, shapes_of(gpt2, "") | masks(gpt2, "")))
    assert found.stored == 137_022_720
    assert found.total == 124_439_808
    assert found.config == gpt2


def test_a_mask_of_another_size_is_no_mask(file):
    found = inspect(saved(file, shapes_of(SMALL) | {"transformer.h.0.attn.bias": (1, 1, 8, 8)}))
    assert set(found.extra) == {"transformer.h.0.attn.bias"}


@settings(max_examples=examples(100))
@given(configs(), st.sampled_from(["transformer.", ""]))
def test_any_config_is_read_off_its_shapes(config, prefix):
    inferred = infer_config("a file", shapes_of(config, prefix), None)
    assert named_shapes(inferred) == named_shapes(config)
    for field in ("n_layer", "n_embd", "vocab", "n_ctx", "mlp_width", "bias"):
        assert getattr(inferred, field) == getattr(config, field)
    assert inferred.tie_embeddings == config.tie_embeddings


@settings(max_examples=examples(100))
@given(st.data())
def test_one_fault_is_found_and_nothing_else(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("fault") / "model.safetensors"
    shapes = shapes_of(SMALL.replace(tie_embeddings=False))
    name = data.draw(st.sampled_from([each for each in shapes if "transformer.w" not in each]))
    fault = data.draw(st.sampled_from(["missing", "misshapen", "extra"]))
    if fault == "missing" and name != "lm_head.weight":
        del shapes[name]
    elif fault == "misshapen":
        shapes[name] = (*shapes[name][:-1], shapes[name][-1] + 1)
    elif fault == "extra":
        name = name.replace("weight", "scale").replace("bias", "shift")
        shapes[name] = (3,)
    else:
        reject()
    found = inspect(saved(file, shapes))
    assert not found.sound
    assert [bool(each) for each in (found.missing, found.misshapen, found.extra)] == [
        fault == each for each in ("missing", "misshapen", "extra")
    ]
    assert f"{fault}: {name.removeprefix('transformer.')}" in str(found).replace("transformer.", "")


def test_a_parameter_stored_under_both_names_is_extra(file):
    found = inspect(saved(file, shapes_of(SMALL) | {"ln_f.bias": (64,)}))
    assert len(found.extra) == 1
    assert found.total == count(SMALL).total


def test_many_faults_are_counted_but_not_all_printed(file):
    shapes = {n: s for n, s in shapes_of(SMALL).items() if "h.1." not in n}
    said = str(inspect(saved(file, shapes)))
    assert "missing: h.1.ln_1.weight (64)" in said
    assert "missing: ... and 7 more" in said


def test_everything_is_said_in_text_and_in_json(tmp_path, monkeypatch):
    """Two blocks of width 4, written down by hand: one mask, and one tensor of each fault."""
    monkeypatch.chdir(tmp_path)
    tiny = ModelConfig(n_layer=2, n_embd=4, vocab=5, n_ctx=3)
    shapes = shapes_of(tiny, "") | {"h.0.attn.bias": (1, 1, 3, 3), "what\x1b[31m": (2, 2)}
    del shapes["h.1.ln_1.bias"]
    shapes["h.1.attn.c_proj.weight"] = (4, 6)
    found = inspect(saved("tiny.safetensors", shapes))
    assert found.text() == (
        "tiny.safetensors: GPT-2 with 2 layers, width 4, vocabulary 5, context 3\n"
        "\n"
        "sublayer            weights  biases  total    share\n"
        "------------------  -------  ------  -----  -------  --------\n"
        "token_embedding          20       0     20    3.76%  ▌\n"
        "position_embedding       12       0     12    2.26%  ▍\n"
        "attention               136      32    168   31.58%  ████▍\n"
        "mlp                     256      40    296   55.64%  ███████▊\n"
        "layer_norm               20      16     36    6.77%  █\n"
        "lm_head                   0       0      0    0.00%\n"
        "------------------  -------  ------  -----  -------  --------\n"
        "total                   444      88    532  100.00%\n"
        "\n"
        "29 tensors.\n"
        "Not counted: 1 x h.*.attn.bias, causal-mask buffers of 9 numbers; with them the\n"
        "file holds 545.\n"
        "missing: h.1.ln_1.bias (4)\n"
        "extra: what\\x1b[31m (2 × 2)\n"
        "misshapen: h.1.attn.c_proj.weight (4 × 6 where the rest makes it 4 × 4)"
    )
    counts = found.to_dict()
    assert {name: counts[name] for name in ("total", "weights", "biases")} == {
        "total": 532,
        "weights": 444,
        "biases": 88,
    }
    assert (counts["path"], counts["sound"]) == ("tiny.safetensors", False)
    assert (counts["tensors"], counts["stored"]) == (29, 545)
    assert counts["buffers"] == {"h.0.attn.bias": [1, 1, 3, 3]}
    assert counts["missing"] == {"h.1.ln_1.bias": [4]}
    assert counts["extra"] == {"what\x1b[31m": [2, 2]}
    assert counts["misshapen"] == {
        "h.1.attn.c_proj.weight": {"found": [4, 6], "expected": [4, 4]},
    }


def test_a_mask_must_be_in_a_block_that_is_there(file):
    stray = {"h.3.attn.bias": (1, 1, 16, 16), "h.0.attn.masked_bias": (2,)}
    found = inspect(saved(file, shapes_of(SMALL, "") | stray))
    assert set(found.extra) == set(stray)


@pytest.mark.parametrize("place", [0, 1])
def test_a_programming_mistake_is_not_taken_for_a_fault_of_the_file(monkeypatch, place):
    mistake = (IndexError, ZeroDivisionError)[place]

    def fails(*_):
        raise mistake

    monkeypatch.setattr("gpt2calc.verification.config_from_tensors._sizes", fails)
    with pytest.raises(mistake):
        infer_config("file", shapes_of(SMALL), None)


def test_a_llama_with_inputs_first_is_said_to_be_transposed(file):
    shapes = dict(named_shapes(load("llama-3.2-1b").replace(n_layer=3, vocab=50)))
    turned = {n: s[::-1] if "layers.0.mlp" in n else s for n, s in shapes.items()}
    found = inspect(saved(file, turned))
    assert len(found.misshapen) == 3
    assert "transposed: Llama stores outputs first" in " ".join(str(found).split())


def test_matrices_stored_as_nn_linear_are_said_to_be_transposed(file):
    shapes = {n: s[::-1] if ".h." in n else s for n, s in shapes_of(SMALL).items()}
    found = inspect(saved(file, shapes))
    assert found.config == SMALL
    assert {name.rpartition(".")[2] for name in found.misshapen} == {"weight"}
    assert len(found.misshapen) == 3 * 3  # c_proj of attention is square
    assert "Those matrices are transposed: GPT-2 stores inputs first." in str(found)


def test_biases_are_read_off_the_most_of_the_layers(file):
    shapes = shapes_of(SMALL)
    del shapes["transformer.ln_f.bias"]
    assert set(inspect(saved(file, shapes)).missing) == {"ln_f.bias"}
    bare = shapes_of(SMALL.replace(bias=False)) | {"transformer.ln_f.bias": (64,)}
    assert set(inspect(saved(file, bare)).extra) == {"transformer.ln_f.bias"}


def test_stored_counts_are_of_what_is_stored(file):
    shapes = shapes_of(SMALL)
    del shapes["transformer.h.1.mlp.c_fc.weight"]
    found = inspect(saved(file, shapes))
    assert found.total == found.stored == count(SMALL).total - 64 * 256


def test_no_weight_is_read(file):
    """A file of a terabyte that is all hole: reading it would take minutes, its header does not."""
    name, size = "wte.weight", 2**39
    header = {
        name: {"dtype": "F16", "shape": [2**33, 64], "data_offsets": [0, 2 * size]},
        "wpe.weight": {
            "dtype": "F16",
            "shape": [1, 64],
            "data_offsets": [2 * size, 2 * size + 128],
        },
        "h.0.ln_1.weight": {
            "dtype": "F16",
            "shape": [64],
            "data_offsets": [2 * size + 128, 2 * size + 256],
        },
    }
    encoded = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(encoded)) + encoded)
    os.truncate(file, 8 + len(encoded) + 2 * size + 256)
    assert inspect(file).config.vocab == 2**33


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


def test_heads_come_from_the_config_beside(tmp_path, file):
    stated(tmp_path)
    assert inspect(saved(file, shapes_of(SMALL))).config == SMALL.replace(n_head=2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_layer": 4}, "n_layer is 4, but the tensors beside it make it 3"),
        ({"vocab_size": 51}, "vocab_size is 51, but the tensors beside it make it 50"),
        ({"n_positions": 17}, "n_positions is 17, but the tensors beside it make it 16"),
        ({"n_embd": 128}, "n_embd is 128, but the tensors beside it make it 64"),
        ({"n_inner": 64}, "n_inner is 64, but the tensors beside it make it 256"),
        (
            {"tie_word_embeddings": False},
            "tie_word_embeddings is False, but there is no lm_head.weight",
        ),
        ({"model_type": "bert"}, "model_type is 'bert'"),
    ],
)
def test_disagreement_with_the_config_beside_names_the_field(tmp_path, file, changes, words):
    stated(tmp_path, **changes)
    saved(file, shapes_of(SMALL))
    with pytest.raises(UserError) as refusal:
        inspect(tmp_path)
    assert str(tmp_path / "config.json") in str(refusal.value)
    assert words in str(refusal.value)


def test_a_stored_copy_of_the_tied_head_is_named_and_not_counted(tmp_path, file):
    stated(tmp_path)
    saved(file, shapes_of(SMALL.replace(tie_embeddings=False)))
    found = inspect(tmp_path)
    assert found.sound
    assert found.total == count(SMALL).total
    assert found.stored == found.total + 50 * 64
    assert "Not counted: lm_head.weight, a copy of the embedding" in " ".join(str(found).split())


def test_a_stored_copy_of_a_narrow_tied_head_belongs(tmp_path, file):
    tiny = {"hidden_size": 32, "word_embed_proj_dim": 16, "vocab_size": 50, "ffn_dim": 64}
    tiny |= {"num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 8}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "opt", **tiny}))
    config = load(tmp_path / "config.json")
    saved(file, dict(named_shapes(config)) | {"lm_head.weight": (50, 16)})
    found = inspect(tmp_path)
    assert found.sound
    assert found.stored == found.total + 50 * 16


def test_missing_biases_are_missing_where_the_config_says_gpt2(tmp_path, file):
    stated(tmp_path)
    found = inspect(saved(file, shapes_of(SMALL.replace(bias=False))))
    assert len(found.missing) == 3 * 6 + 1


def test_what_no_tensor_shows_is_taken_from_the_config_beside(tmp_path, file):
    stated(tmp_path)
    shapes = shapes_of(SMALL)
    del shapes["transformer.wpe.weight"]
    assert set(inspect(saved(file, shapes)).missing) == {"wpe.weight"}
    del shapes["transformer.wte.weight"]
    assert set(inspect(saved(file, shapes)).missing) == {"wpe.weight", "wte.weight"}


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({"linear.weight": (3, 3)}, "holds no model of a known family"),
        ({"wte.weight": (50, 64)}, "holds no GPT-2"),
        ({"h.0.ln_1.weight": (64,)}, "has no wte.weight"),
        ({"h.0.ln_1.weight": (64,), "wte.weight": (50, 64)}, "has no wpe.weight"),
        ({"h.999999.ln_1.weight": (64,)}, "has a block 999,999, but only 1 tensors"),
        ({"h.99999999999.ln_1.weight": (64,)}, "holds no GPT-2"),
        ({"h.0.ln_1.weight": (64, 1)}, "holds no GPT-2"),
    ],
)
def test_tensors_that_are_no_gpt2_are_refused(file, shapes, words):
    with pytest.raises(UserError, match=words):
        inspect(saved(file, shapes))


def header(contents):
    encoded = contents if isinstance(contents, bytes) else json.dumps(contents).encode()
    return struct.pack("<Q", len(encoded)) + encoded


def test_cross_attention_does_not_belong(tmp_path, file):
    stated(tmp_path, add_cross_attention=True)
    shapes = shapes_of(SMALL) | {"transformer.h.0.crossattention.c_attn.bias": (128,)}
    found = inspect(saved(file, shapes))
    assert set(found.extra) == {"transformer.h.0.crossattention.c_attn.bias"}
    assert found.total == count(SMALL).total


def test_the_only_file_of_a_folder_needs_no_name(tmp_path):
    saved(tmp_path / "a.safetensors", shapes_of(SMALL))
    assert inspect(tmp_path).sound


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


def test_shards_add_up(tmp_path):
    assert inspect(sharded(tmp_path)).total == count(SMALL).total


def test_shards_may_be_links_as_in_the_hubs_cache(tmp_path):
    folder = tmp_path / "snapshot"
    folder.mkdir()
    index = sharded(folder)
    (folder / "one.safetensors").rename(tmp_path / "blob")
    (folder / "one.safetensors").symlink_to(tmp_path / "blob")
    assert inspect(index).sound


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "module._orig_mod."])
def test_what_wrappers_put_before_names_is_understood(tmp_path, prefix):
    saved(tmp_path / "a.safetensors", {prefix + name: s for name, s in shapes_of(SMALL).items()})
    found = inspect(tmp_path)
    assert found.sound
    assert found.total == count(SMALL).total


def test_only_the_masks_of_a_block_are_buffers(tmp_path):
    shapes = shapes_of(SMALL)
    masks = {"transformer.h.0.attn.bias": (1, 1, SMALL.n_ctx, SMALL.n_ctx)}
    masks["transformer.h.0.attn.masked_bias"] = ()
    others = {
        "transformer.h.0.attn.masked_bias.more": (),
        "transformer.attn.masked_bias": (),
        "transformer.h.1.attn.masked_bias": (2,),
    }
    saved(tmp_path / "a.safetensors", {**shapes, **masks, **others})
    found = inspect(tmp_path)
    assert set(found.buffers) == set(masks)
    assert set(found.extra) == set(others)


def test_foreign_layers_have_no_vote_on_biases(tmp_path):
    bare = SMALL.replace(bias=False)
    foreign = {
        f"adapter.{number}.{end}": (3,) for number in range(50) for end in ("weight", "bias")
    }
    saved(tmp_path / "a.safetensors", {**shapes_of(bare), **foreign})
    assert inspect(tmp_path).config.bias is False


def test_a_stated_n_inner_is_taken_where_no_tensor_of_the_mlp_shows_it(tmp_path):
    shapes = {name: shape for name, shape in shapes_of(SMALL).items() if ".mlp." not in name}
    saved(tmp_path / "model.safetensors", shapes)
    stated = {"model_type": "gpt2", "n_layer": SMALL.n_layer, "n_embd": SMALL.n_embd}
    stated |= {"n_head": 1, "vocab_size": SMALL.vocab, "n_positions": SMALL.n_ctx, "n_inner": 77}
    (tmp_path / "config.json").write_text(json.dumps(stated))
    found = inspect(tmp_path)
    assert found.config.n_inner == 77
    assert any(shape == (SMALL.n_embd, 77) for shape in found.missing.values())
