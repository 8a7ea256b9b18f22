"""Models side by side."""

import csv
import io

from gpt2calc import ModelConfig, compare, count, load

FOUR = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")


def test_only_fields_that_differ_are_rows():
    compared = compare(FOUR)
    assert compared.differing == {
        "n_layer": (12, 24, 36, 48),
        "n_head": (12, 16, 20, 25),
        "n_embd": (768, 1024, 1280, 1600),
        "n_inner": (3072, 4096, 5120, 6400),
    }
    assert compare(["gpt2", ModelConfig()]).differing == {}


def test_every_count_and_share_is_in_the_table():
    rows = list(csv.reader(io.StringIO(compare(FOUR).csv())))
    table = {row[0]: row[1:] for row in rows}
    assert table["parameters"] == list(FOUR)
    for column, name in enumerate(FOUR):
        counted = count(load(name))
        assert int(table["total"][column]) == counted.total
        for sublayer, part in counted.sublayers.items():
            assert int(table[sublayer][column]) == part.total
            assert float(table[f"{sublayer} share"][column]) == part.share


def test_switches_are_words():
    rows = compare([ModelConfig(), ModelConfig(bias=False)]).text()
    assert "bias" in rows
    assert "yes" in rows


def test_other_models_of_the_same_name_are_told_apart(tmp_path):
    one, other = tmp_path / "one" / "m.toml", tmp_path / "other" / "m.toml"
    for path, layers in ((one, 1), (other, 2)):
        path.parent.mkdir()
        path.write_text(f"n_layer = {layers}\n")
    assert compare([one, other, one]).names == ("m", "m (2)", "m")


def test_a_folder_does_not_take_a_presets_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gpt3-2.7b").mkdir()
    assert compare(["gpt3-2.7b", "gpt2"]).names == ("gpt3-2.7b", "gpt2")
