"""What sublayers have in each kind of layer, where layers are of several kinds."""

import json

import pytest

from gpt2calc import Run, count, explain, flops, load, named_shapes, presets
from gpt2calc.quantity.registry import as_quantity

OF_KINDS = [each.name for each in presets() if count(each.config).kinds]
KINDS = {
    "deepseek-v3": {"mlp": {"experts": 58, "MLP": 3}},
    "qwen3-next-80b-a3b": {"attention": {"gated delta rule": 36, "attention": 12}},
    "nemotron-3-nano-30b-a3b": {"attention": {"Mamba 2": 23, "attention": 6}},
    "kimi-linear-48b-a3b": {
        "attention": {"KDA": 20, "latent attention": 7},
        "mlp": {"experts": 26, "MLP": 1},
    },
    "gemma-4-31b": {"attention": {"sliding": 50, "full": 10}},
    "gemma-4-e2b": {
        "attention": {
            "sliding, own KV": 12,
            "sliding, shared KV": 16,
            "full, own KV": 3,
            "full, shared KV": 4,
        },
        "mlp": {"MLP": 15, "wide MLP": 20},
    },
    "gemma-3n-e2b": {"attention": {"own KV": 20, "shared KV": 10}},
    "gpt2": {},
    "gpt-oss-20b": {},
    "glm-4.6": {"mlp": {"experts": 89, "MLP": 3}},
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_called_as_people_call_it(name):
    found = {
        sublayer: {each.kind: each.layers for each in kinds}
        for sublayer, kinds in count(name).kinds.items()
    }
    assert found == KINDS[name]


@pytest.mark.parametrize("name", OF_KINDS)
def test_the_kinds_add_up_to_the_sublayer(name):
    for result in (count(name), flops(name, Run(training=True, checkpointing="block"))):
        for sublayer, kinds in result.kinds.items():
            sums = [sum(column) for column in zip(*(each.part for each in kinds), strict=True)]
            assert sums == pytest.approx([*result[sublayer]])
            assert sum(each.layers for each in kinds) <= load(name).n_layer


def test_dense_layers_have_the_parameters_of_their_matrices():
    _, dense = count("deepseek-v3").kinds["mlp"]
    assert dense.part.total == 3 * 3 * 7168 * 18432


def test_layers_of_a_kind_have_the_parameters_of_their_tensors():
    shapes = named_shapes("qwen3-next-80b-a3b")
    linear, full = count("qwen3-next-80b-a3b").kinds["attention"]
    for kind, module in ((linear, "linear_attn"), (full, "self_attn")):
        own = [shape for name, shape in shapes if f".{module}." in name and "norm" not in name]
        assert kind.part.total == sum(map(_numbers, own))


def _numbers(shape):
    numbers = 1
    for size in shape:
        numbers *= size
    return numbers


def test_a_table_has_a_row_for_each_kind_and_json_an_entry():
    counted = count("deepseek-v3")
    assert "· 3 × MLP             1,189,085,184 " in counted.text()
    kinds = json.loads(counted.json())["sublayers"]["mlp"]["kinds"]
    assert [(each["kind"], each["layers"]) for each in kinds] == [("experts", 58), ("MLP", 3)]
    assert kinds[1]["total"] == 1_189_085_184
    assert "×" not in counted.csv()


def test_behind_a_cache_kinds_are_apart_where_no_layer_has_a_window():
    behind = flops("qwen3-next-80b-a3b", Run(seq=1, cached=100))
    assert [each.layers for each in behind.kinds["scores"]] == [36, 12]
    assert sum(each.part.total for each in behind.kinds["scores"]) == behind["scores"].total
    assert flops("gemma-4-31b", Run(seq=1, cached=100)).kinds == {}


def test_what_stands_beside_attention_is_in_its_row():
    beside = count(load("falcon-h1-7b").replace(attention_layers=tuple(range(11))))
    kinds = {each.kind: each.layers for each in beside.kinds["attention"]}
    assert kinds == {"Mamba 2": 33, "attention + Mamba 2": 11}
    assert "11 with Mamba 2 beside attention; 33 with Mamba 2 alone." in beside.notes()[0]


@pytest.mark.parametrize("name", ["mamba-2.8b", "falcon-h1-7b"])
def test_a_row_of_attention_without_rows_of_kinds_says_what_it_includes(name):
    assert any(note.startswith("The attention row includes Mamba") for note in count(name).notes())
    assert "row includes" not in count("jamba-v0.1").text()


def test_one_block_is_said_where_all_are_alike():
    assert "One block: 7,087,872." in count("gpt2").text()
    assert "One block" not in count("deepseek-v3").text()


@pytest.mark.parametrize("of", ["parameters", "active", "flops"])
@pytest.mark.parametrize("name", ["deepseek-v3", "qwen3-next-80b-a3b", "gemma-4-e2b"])
def test_a_block_of_each_kind_is_derived_once(name, of):
    explained = explain(name, of=of)
    ends = [chain[-1] for _, chain in explained.each_block]
    assert len(set(ends)) == len(ends) > 1
    quantity = as_quantity(of)
    in_blocks = sum(term.amount for term in quantity.terms(explained.config) if term.in_block)
    layers = [int(name.split()[2]) if " of " in name else 1 for name, _ in explained.each_block]
    assert sum(map(int.__mul__, layers, ends)) == in_blocks
    in_json = json.loads(explained.json())["values"]["blocks"]
    assert [(each["layers"], each["total"]) for each in in_json] == [
        *zip(layers, ends, strict=True)
    ]
    assert sum(layers) == load(name).n_layer


@pytest.mark.parametrize("of", ["parameters", "flops"])
def test_an_open_depth_says_which_layers_are_added(of):
    said = "Each layer that is added is of one kind: latent attention, experts."
    assert said in explain("deepseek-v3", free="n_layer", of=of).notes()
    assert said not in explain("deepseek-v3", free="n_embd", of=of).notes()
    assert "Each layer that" not in explain("gpt2", free="n_layer", of=of).text()


def test_letters_of_a_sublayer_are_those_that_it_has():
    one = explain("kimi-linear-48b-a3b", sublayer="mlp")
    assert {row[0] for row in one.notation.rows} == {"L", "d", "f", "E", "x", "s"}
    assert len(explain("kimi-linear-48b-a3b").notation.rows) > 12


def test_a_kind_of_one_layer_and_one_of_none():
    headings = [name for name, _ in explain("kimi-linear-48b-a3b").each_block]
    assert "one block: KDA, MLP" in headings
    alike = load("qwen3-next-80b-a3b").replace(attention_layers=tuple(range(48)))
    ((heading, block),) = explain(alike).each_block
    assert heading == "one block"
    assert 48 * block[-1] == count(alike).total - 2 * 151_936 * 2048 - 2048


def test_a_part_that_runs_twice_in_a_layer_is_in_no_more_layers():
    said = explain("gemma-3n-e2b", of="flops").text()
    assert "In 60 layers" not in said
    assert "\n  Says how much each stream counts for a token.\n" in said


def test_a_block_of_a_cache_is_what_a_layer_keeps():
    ((_, block),) = explain("gpt2", of="cache").each_block
    assert block[-1] == 2 * 1024 * 768 * 4


def test_a_term_says_how_many_layers_have_it():
    said = explain("deepseek-v3").text()
    assert "  In 58 layers, L - 3: scores every expert for a token;" in said
    assert "  In 3 layers: expands every token's vector to the MLP's hidden layer." in said
    assert "\none of 58 blocks: latent attention, experts\n" in said
    assert "  In L - 3 layers: scores every" in explain("deepseek-v3", free="n_layer").text()
