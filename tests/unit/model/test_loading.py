"""Presets against the tables they come from, and every kind of file against every kind of fault."""

import json
import os

import pytest

from gpt2calc import ModelConfig, UserError, count, load, preset, presets
from gpt2calc.units import RoundedNumber

TABLES = {
    "gpt2": (12, 768, 1024, "117M"),
    "gpt2-medium": (24, 1024, 1024, "345M"),
    "gpt2-large": (36, 1280, 1024, "762M"),
    "gpt2-xl": (48, 1600, 1024, "1542M"),
    "distilgpt2": (6, 768, 1024, "82M"),
    "gpt3-small": (12, 768, 2048, "125M"),
    "gpt3-medium": (24, 1024, 2048, "350M"),
    "gpt3-large": (24, 1536, 2048, "760M"),
    "gpt3-xl": (24, 2048, 2048, "1.3B"),
    "gpt3-2.7b": (32, 2560, 2048, "2.7B"),
    "gpt3-6.7b": (32, 4096, 2048, "6.7B"),
    "gpt3-13b": (40, 5140, 2048, "13.0B"),
    "gpt3-175b": (96, 12288, 2048, "175.0B"),
    "cerebras-gpt-111m": (10, 768, 2048, "111M"),
    "cerebras-gpt-256m": (14, 1088, 2048, "256M"),
    "cerebras-gpt-590m": (18, 1536, 2048, "590M"),
    "cerebras-gpt-1.3b": (24, 2048, 2048, "1.3B"),
    "cerebras-gpt-2.7b": (32, 2560, 2048, "2.7B"),
    "cerebras-gpt-6.7b": (32, 4096, 2048, "6.7B"),
    "cerebras-gpt-13b": (40, 5120, 2048, "13B"),
}
"""Layers, width, context and size as the papers and model cards print them."""
NOT_AS_REPORTED = {
    "gpt2": "124M",
    "gpt2-medium": "355M",
    "gpt2-large": "774M",
    "gpt2-xl": "1558M",
    "gpt3-medium": "356M",
    "gpt3-175b": "174.6B",
}
"""Models whose papers report another size than their own fields give, and what those give."""
GPT3_HEADS = {"gpt3-small": 12, "gpt3-medium": 16, "gpt3-large": 16, "gpt3-2.7b": 32}


def test_there_is_a_preset_for_each_row_of_the_tables_and_no_other():
    assert {each.name for each in presets() if each.config.family == "gpt2"} == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_a_preset_says_what_its_table_says(name):
    found = preset(name)
    config = found.config
    row = (config.n_layer, config.n_embd, config.n_ctx, found.reported)
    assert row == TABLES[name]
    assert config.vocab == 50257
    assert config == load(name)
    assert found.title
    assert found.url.startswith("https://")


@pytest.mark.parametrize("name", TABLES)
def test_the_exact_count_rounds_to_the_reported_size(name):
    exact = count(load(name)).total
    agrees = RoundedNumber.parse(TABLES[name][3]).stands_for(exact)
    assert agrees == (name not in NOT_AS_REPORTED)
    assert RoundedNumber.parse(NOT_AS_REPORTED.get(name, TABLES[name][3])).stands_for(exact)


@pytest.mark.parametrize(("name", "heads"), GPT3_HEADS.items())
def test_heads_as_printed(name, heads):
    assert load(name).heads == heads


def test_presets_are_in_alphabetical_order():
    names = [each.name for each in presets()]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("gpt-oss", "presets like it: gpt-oss-20b, gpt-oss-120b$"),
        ("gemma4", "presets like it: gemma-4-26b-a4b, gemma-4-31b, gemma-4-e2b, gemma-4-e4b$"),
        ("llama3", r"presets like it: llama-3-8b, llama-3-70b, llama-3\.1-8b, .*, \.\.\.$"),
        ("jamba", r"presets like it: jamba-1\.5-large, jamba-v0\.1$"),
        ("gptj", "it is a family: give a config.json, or sizes with --family gptj$"),
        ("mimo", "did you mean 'mimo-v2-flash'"),
        ("bitnet", "it is a family: give a config.json, or sizes with --family bitnet$"),
        ("zzz", "'gpt2calc presets' lists the presets$"),
        ("---", "'gpt2calc presets' lists the presets$"),
    ],
)
def test_an_unknown_name_suggests_what_begins_like_it(word, hint):
    with pytest.raises(UserError, match=hint):
        load(word)


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(UserError, match="no preset is called 'gpt2-x'; did you mean 'gpt2-xl'"):
        preset("gpt2-x")
    with pytest.raises(UserError, match="'GPT2-XM' is neither a preset nor a file; did you mean"):
        load("GPT2-XM")
    with pytest.raises(UserError, match="'olmo-3' is neither a preset nor a file"):  # of two sizes
        load("olmo-3")
    assert load("GPT2-XL") == load("gpt2-xl")
    with pytest.raises(UserError, match="neither a preset nor a file; 'gpt2calc presets' lists"):
        load("zebra")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("google/gemma-3-4b-it", "gemma-3-4b"),
        ("gemma-3-4b-it", "gemma-3-4b"),
        ("mistral-nemo", "mistral-nemo-12b"),
        ("Llama-4-Scout", "llama-4-scout-109b"),
        ("Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("Meta-Llama-3-8B", "llama-3-8b"),
        ("Qwen2.5-7B-Instruct", "qwen2.5-7b"),
        ("XiaomiMiMo/mimo-v2-flash", "mimo-v2-flash"),
    ],
)
def test_a_name_on_the_hub_is_known_without_case_owner_and_what_it_is_tuned_for(word, name):
    assert load(word) == load(name)


def test_a_name_cannot_lead_out_of_the_folder():
    with pytest.raises(UserError, match="no preset"):
        preset("../configs/gpt2")


def test_a_toml_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('n_layer = 3\nn_embd = 64\n[source]\ntitle = "mine"\n')
    assert load(path) == load(str(path)) == ModelConfig(n_layer=3, n_embd=64)


HUGGING_FACE = {
    "model_type": "gpt2",
    "vocab_size": 100,
    "n_positions": 20,
    "n_ctx": 999,
    "n_embd": 64,
    "n_layer": 3,
    "n_head": 4,
    "n_inner": None,
    "resid_pdrop": 0.1,
    "tie_word_embeddings": False,
}


def written(tmp_path, **changes):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(HUGGING_FACE | changes))
    return path


def test_hugging_faces_config(tmp_path):
    expected = ModelConfig(
        n_layer=3, n_head=4, n_embd=64, vocab=100, n_ctx=20, tie_embeddings=False
    )
    path = written(tmp_path)
    assert load(path) == expected
    assert load(tmp_path) == expected
    assert load(written(tmp_path, n_inner=100)) == expected.replace(n_inner=100)


def test_the_other_names_that_transformers_reads(tmp_path):
    path = tmp_path / "config.json"
    other = {"num_hidden_layers": 3, "hidden_size": 64, "max_position_embeddings": 20}
    path.write_text(json.dumps({"model_type": "gpt2", **other, "num_attention_heads": 2}))
    assert load(path) == ModelConfig(n_layer=3, n_embd=64, n_ctx=20, n_head=2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"model_type": "rwkv"},
            "model_type is 'rwkv': out of reach here, a recurrent model",
        ),
        ({"model_type": "lama"}, "model_type is 'lama': no family here is called that"),
        ({"model_type": None}, "it has no model_type, which says of what family"),
        ({"add_cross_attention": True}, "add_cross_attention is True"),
        ({"n_layer": "twelve"}, "n_layer is 'twelve': it must be a positive whole number"),
        ({"n_layer": float("nan")}, "n_layer is nan"),
        ({"n_head": 7}, "n_head is 7: it must divide n_embd"),
        ({"vocab_size": "x"}, "vocab_size is 'x'"),
        ({"n_positions": 0}, "n_positions is 0"),
        ({"tie_word_embeddings": None}, "tie_word_embeddings is None: it must be true or false"),
    ],
)
def test_a_hugging_face_config_that_is_no_gpt2_is_refused(tmp_path, changes, words):
    path = written(tmp_path, **changes)
    with pytest.raises(UserError) as refusal:
        load(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "contents", "words"),
    [
        ("a.toml", b"n_layer =", "is not a TOML file"),
        ("a.toml", b"\xff\xfe\x00", "a.toml is not text: a config is a TOML or JSON file"),
        ("a.toml", b"a = " + b"[" * 100_000, "is not a TOML file"),
        ("a.toml", b"n_layers = 12", "unknown field 'n_layers'; did you mean 'n_layer'?"),
        ("a.toml", b"n_layer = nan", "n_layer is nan"),
        ("a.toml", b"n_layer = true", "n_layer is True"),
        ("a.toml", b"n_layer = 12.0", "n_layer is 12.0"),
        ("a.json", b"{", "is not a JSON file"),
        ("a.json", b"[]", "must hold a JSON object"),
        ("a.json", b"[" * 100_000, "is not a JSON file: it is nested too deeply"),
        ("a.json", b"", "is empty: it must be a JSON file"),
    ],
)
def test_a_malformed_file_is_refused_by_its_name(tmp_path, name, contents, words):
    path = tmp_path / name
    path.write_bytes(contents)
    with pytest.raises(UserError) as refusal:
        load(path)
    assert str(refusal.value).startswith(str(path))
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("target", "end"), [("loop.toml", "itself"), ("gone", "no file")])
def test_a_link_that_leads_to_no_file_is_said_to_be_one(tmp_path, target, end):
    (tmp_path / "loop.toml").symlink_to(target)
    with pytest.raises(UserError, match=rf"loop.toml cannot be read: .* link that leads to {end}"):
        load(tmp_path / "loop.toml")


def test_an_unreadable_file_is_refused(tmp_path):
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UserError, match=r"folder.toml' holds no config.json"):
        load(tmp_path / "folder.toml")
    with pytest.raises(UserError, match="neither a preset nor a file"):
        load("x" * 10_000)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs Linux's /proc")
def test_a_file_that_fails_on_reading_is_refused():
    with pytest.raises(UserError, match="cannot be read"):
        load("/proc/self/mem")
