"""What every result gives to people who compute with it: rows, JSON, CSV, pickles, a short repr."""

import json
import pickle

import numpy as np
import pytest
from safetensors.numpy import save_file

import gpt2calc
from gpt2calc import ModelConfig, named_shapes
from gpt2calc.analysis.catalogue import catalogue

CONFIG = list(ModelConfig.known)
SUBLAYERS = ["token_embedding", "position_embedding", "attention", "mlp", "layer_norm", "lm_head"]


@pytest.fixture
def checkpoint(tmp_path):
    config = ModelConfig(n_layer=1, n_embd=64, vocab=10, n_ctx=8)
    save_file(
        {name: np.zeros(shape, np.float16) for name, shape in named_shapes(config)},
        tmp_path / "model.safetensors",
    )
    return tmp_path


RESULTS = {
    "count": lambda _: gpt2calc.count("gpt2"),
    "list_tensors": lambda _: gpt2calc.list_tensors("gpt2"),
    "compare": lambda _: gpt2calc.compare(["gpt2", "gpt2-xl"]),
    "sweep": lambda _: gpt2calc.sweep(n_layer=[12, 24], n_embd=[768]),
    "solve": lambda _: gpt2calc.solve("gpt2", "350M"),
    "solve_for": lambda _: gpt2calc.solve_for("vocab", "gpt2", "117M"),
    "diagnose": lambda _: gpt2calc.diagnose(137_022_720),
    "explain": lambda _: gpt2calc.explain("gpt2"),
    "exercise": lambda _: gpt2calc.exercise(1, count=2, answers=True),
    "catalogue": lambda _: catalogue(),
    "inspect": gpt2calc.inspect,
}
KEYS = {
    "count": [
        "config", "total", "weights", "biases", "active", "non_embedding", "per_block",
        "sublayers",
    ],
    "list_tensors": ["config", "total", "active", "tensors"],
    "compare": ["differing", "models"],
    "sweep": ["config", "axes", "at_least", "at_most", "rows"],
    "solve": ["config", "budget", "min_aspect", "max_aspect", "tolerance", "found", "shapes"],
    "solve_for": ["field", "solutions", "common"],
    "diagnose": ["number", "config", "count", "explained", "explanations", "nearest"],
    "explain": ["config", "free", "symbols", "sublayers", "per_block", "total", "values"],
    "exercise": ["exercises"],
    "catalogue": ["presets"],
    "inspect": [
        "path", "sound", "unseen", "tensors", "stored", "config", "total", "weights", "biases",
        "sublayers", "active", "buffers", "missing", "extra", "misshapen",
    ],
}  # fmt: skip
CSV = {
    "count": "sublayer,weights,biases,total,share",
    "list_tensors": "name,sublayer,kind,formula,shape,copies,parameters",
    "compare": "parameters,gpt2,gpt2-xl",
    "sweep": f"n_layer,n_embd,total,weights,biases,{','.join(SUBLAYERS)}",
    "solve": "n_layer,n_embd,n_head,total,error,aspect,embeddings,preset,attention,mlp",
    "solve_for": "model,budget,below,total_below,above,total_above,first,last",
    "diagnose": "explanation,total,residual",
    "explain": "of,derivation",
    "exercise": "seed,level,question,answer",
    "catalogue": ",".join(["name", *CONFIG, "total", "active", "reported", "agrees"]),
    "inspect": "sublayer,weights,biases,total,share",
}
ROWS = {
    "count": ["sublayer", "weights", "biases", "total", "share"],
    "list_tensors": ["name", "sublayer", "kind", "formula", "shape", "copies", "parameters"],
    "compare": ["model", "n_layer", "n_embd", "n_head", "n_inner", "total", *SUBLAYERS],
    "sweep": ["n_layer", "n_embd", "total", "weights", "biases", *SUBLAYERS],
    "solve": [
        "n_layer", "n_embd", "n_head", "total", "error", "aspect", "embeddings", "preset",
        "attention", "mlp",
    ],
    "solve_for": [
        "model", "budget", "below", "total_below", "above", "total_above", "first", "last",
    ],
    "diagnose": ["explanation", "total", "residual"],
    "explain": ["of", "derivation"],
    "exercise": ["seed", "level", "question", "answer"],
    "catalogue": ["name", *CONFIG, "total", "active", "reported", "agrees"],
    "inspect": ["sublayer", "weights", "biases", "total", "share"],
}  # fmt: skip


@pytest.fixture(params=RESULTS)
def named(request, checkpoint):
    return request.param, RESULTS[request.param](checkpoint)


def test_the_keys_of_its_json(named):
    name, result = named
    said = result.to_dict()
    assert list(said) == KEYS[name]
    assert json.loads(result.json()) == json.loads(json.dumps(said))


def test_no_json_has_a_sentinel_or_leaves_a_known_field_open(named):
    _, result = named
    text = result.json()
    assert str(2**63 - 1) not in text

    def configs(said):
        if isinstance(said, dict):
            if isinstance(said.get("config"), dict):
                yield said["config"]
            for value in said.values():
                yield from configs(value)
        elif isinstance(said, list):
            for value in said:
                yield from configs(value)

    for config in configs(result.to_dict()):
        assert set(config) <= set(CONFIG)
        assert config.get("n_inner", 1) is not None
        assert config.get("qkv_bias", True) is not None
        if config.get("n_embd", 1) % 64 == 0:
            assert config["n_head"] is not None


def test_the_heading_of_its_csv(named):
    name, result = named
    assert result.csv().splitlines()[0] == CSV[name]


def test_pandas_reads_its_rows(named):
    name, result = named
    rows = result.to_rows()
    assert list(rows[0]) == ROWS[name]
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(rows)
    assert list(frame.columns) == ROWS[name]
    assert len(frame) == len(rows)
    if "total" in frame and name != "inspect":
        assert frame["total"].dtype == np.int64


def test_rows_say_what_the_result_says():
    xl = gpt2calc.compare(["gpt2", "gpt2-xl"]).to_rows()[1]
    assert (xl["model"], xl["n_layer"], xl["total"]) == ("gpt2-xl", 48, 1_557_611_200)
    assert xl["mlp"] == 983_424_000
    (row,) = gpt2calc.solve_for("vocab", "gpt2", "117M").to_rows()
    assert (row["below"], row["total_below"]) == (40_569, 116_999_424)
    assert (row["first"], row["last"]) == (39_919, 41_220)
    tensor = gpt2calc.list_tensors("gpt2").to_rows()[4]
    assert (tensor["formula"], tensor["shape"]) == ("d x 3d", "768 x 2304")
    count = {row["sublayer"]: row["total"] for row in gpt2calc.count("gpt2").to_rows()}
    assert sum(count.values()) == 124_439_808
    assert gpt2calc.sweep(n_layer=[12]).to_rows()[0]["total"] == 124_439_808


def test_it_can_be_pickled(named):
    _, result = named
    again = pickle.loads(pickle.dumps(result))
    assert again.to_dict() == result.to_dict()
    assert str(again) == str(result)


def test_its_repr_is_one_line(named):
    name, result = named
    assert repr(result).startswith(f"<{type(result).__name__}: ")
    assert "\n" not in repr(result)
    assert len(repr(result)) < 200
    if name == "count":
        assert repr(result).endswith("context 1,024: 124,439,808 parameters>")


def test_the_numbers_stand_beside_the_formulas_of_an_explanation():
    said = gpt2calc.explain("gpt2").to_dict()
    values = said["values"]
    assert values["total"] == 124_439_808
    assert values["per_block"] == 7_087_872
    assert values["sublayers"]["mlp"] == {
        "weights": 56_623_104,
        "biases": 46_080,
        "total": 56_669_184,
    }
    one = gpt2calc.explain("gpt2", sublayer="mlp").to_dict()
    assert list(one["values"]["sublayers"]) == ["mlp"]
