"""What is said of one model in several places agrees: of every family, with switches either way."""

import csv
import io
import itertools
import json
import struct

from drawing import FAMILIES, draw
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import examples

from gpt2calc import (
    Run,
    UserError,
    compare,
    count,
    explain,
    flops,
    formula,
    inspect,
    list_tensors,
    memory,
    solve,
    solve_for,
    steps,
    sweep,
)
from gpt2calc.errors import as_one_line
from gpt2calc.metrics.memory.quantity import memory_case
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.symbols import symbol

SWITCHES = ("bias", "tie_embeddings", "gated_mlp", "final_norm", "embedding_norm", "head_bias")


@st.composite
def models(draw_):
    """A tiny model of any family, one or two of whose switches are the other way."""
    family = draw_(st.sampled_from(FAMILIES))
    config = from_contents(draw(family, draw_(st.integers(0, 60))), "drawn")
    for switch in draw_(st.lists(st.sampled_from(SWITCHES), max_size=2, unique=True)):
        try:
            config = config.replace(**{switch: not getattr(config, switch)})
        except UserError:
            continue
    return config


def rows_of(markdown):
    """The rows of the first table with their cells, thousands without commas."""
    table = next(part for part in markdown.split("\n\n") if part.startswith("|"))
    lines = table.splitlines()
    cells = [
        [cell.strip().replace(",", "") for cell in line.strip("|").split("|")] for line in lines
    ]
    return [row for row in cells if not row[0].startswith(":")]


@settings(max_examples=examples(60))
@given(models())
def test_sublayers_blocks_and_tensors_are_the_parts_of_one_total(config):
    counted = count(config)
    assert sum(each.weights for each in counted.sublayers.values()) == counted.weights
    assert sum(each.biases for each in counted.sublayers.values()) == counted.biases
    assert counted.weights + counted.biases == counted.total
    listed = list_tensors(config)
    assert sum(tensor.parameters for tensor in listed.tensors) == counted.total
    assert counted.active <= counted.total


@settings(max_examples=examples(40))
@given(models(), st.integers(1, 3), st.integers(1, 6), st.booleans())
def test_sublayers_are_the_parts_of_a_pass(config, batch, seq, training):
    passed = flops(config, Run(batch=batch, seq=seq, training=training))
    assert sum(each.total for each in passed.sublayers.values()) == passed.total


@settings(max_examples=examples(40))
@given(models(), st.sampled_from([count, flops]))
def test_every_format_has_the_same_figures(config, of):
    result = of(config)
    figures = {row["sublayer"]: row["total"] for row in result.to_rows()}
    sublayers = json.loads(result.json())["sublayers"]
    in_json = {name: part["total"] for name, part in sublayers.items()}
    of_kinds = [each for part in sublayers.values() for each in part.get("kinds", [])]
    assert in_json == figures
    in_csv = {
        row["sublayer"]: int(row["total"]) for row in csv.DictReader(io.StringIO(result.csv()))
    }
    assert in_csv == figures | {"total": result.total}
    heading, *rows = rows_of(result.markdown())
    column = heading.index("total")
    kinds = [row for row in rows if row[0].startswith("·")]
    assert {row[0]: int(row[column]) for row in rows if row not in kinds} == figures | {
        "total": result.total
    }
    assert [int(row[column]) for row in kinds] == [each["total"] for each in of_kinds]


@settings(max_examples=examples(20))
@given(st.lists(models(), min_size=2, max_size=3), st.sampled_from(["parameters", "flops"]))
def test_a_comparison_says_what_each_has(configs, of):
    compared = compare(configs, of=of)
    single = count if of == "parameters" else flops
    assert [each.total for each in compared.counts] == [single(config).total for config in configs]


@settings(max_examples=examples(20))
@given(models(), models())
def test_steps_lead_from_one_count_to_the_other(first, last):
    walked = steps(first, last)
    assert walked.start.parameters == count(first).total
    assert walked.end.parameters == count(last).total
    assert (
        walked.start.parameters + sum(step.added.parameters for step in walked.steps)
        == walked.end.parameters
    )


@settings(max_examples=examples(40))
@given(models(), st.sampled_from(["n_layer", "vocab", "n_ctx", "n_inner"]), st.data())
def test_a_formula_gives_the_count_at_any_value(config, field, data):
    if any(config.layer_lists) or config.full_layers or config.no_rope_layers:
        assume(field != "n_layer")
    try:
        written = formula(config, free=field)
    except UserError as error:
        assert field in str(error)  # noqa: PT017
        return
    value = data.draw(st.integers(1, 300))
    assert written.total.subs(symbol(field), value) == count(config.replace(**{field: value})).total
    assert explain(config).total[-1] == count(config).total


@settings(max_examples=examples(40))
@given(models(), st.sampled_from(["n_layer", "vocab", "n_inner", "n_expert"]), st.data())
def test_a_value_that_is_offered_is_a_model_with_that_count(config, field, data):
    budget = data.draw(st.integers(count(config).total, 50 * count(config).total))
    try:
        (solved,) = solve_for(field, [config], [budget]).solutions
    except UserError:
        return
    for offered in filter(None, (solved.below, solved.above)):
        assert count(config.replace(**{field: offered.value})).total == offered.total
    assert solved.above.total >= budget
    assert solved.below is None or solved.below.total <= budget


@settings(max_examples=examples(15))
@given(models(), st.integers(10**6, 10**9))
def test_a_shape_that_is_listed_has_the_count_that_is_said(config, budget):
    try:
        shapes = solve(config.replace(window=None, full_every=None), budget).shapes
    except UserError:
        return
    for shape in itertools.islice(shapes, 3):
        assert count(shape.counted.config).total == shape.counted.total
        assert abs(shape.counted.total - budget) <= 0.05 * budget


@settings(max_examples=examples(15))
@given(models(), st.lists(st.integers(1, 6), min_size=2, max_size=3, unique=True), st.booleans())
def test_a_cell_of_a_sweep_of_memory_is_that_runs(config, batches, training):
    case = memory_case(case_of(config, Run(seq=4, training=training)))
    try:
        swept = sweep(case, of="memory", batch=batches)
    except UserError:
        return
    totals = [memory(case, Run(seq=4, training=training, batch=batch)).total for batch in batches]
    assert swept.total.tolist() == totals


HEADERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
TENSOR = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "BF16", "I8", "X", "", 3]),
        "shape": st.lists(st.integers(-1, 2**70), max_size=3) | HEADERS,
        "data_offsets": st.lists(st.integers(-1, 64), max_size=3) | HEADERS,
    }
)
NAMES = st.sampled_from(
    [
        "wte.weight",
        "h.0.attn.c_attn.weight",
        "h.99999999999.ln_1.bias",
        "\x1b[2J",
        "__metadata__",
        "",
    ]
)


@settings(max_examples=examples(150))
@given(st.dictionaries(NAMES, TENSOR | HEADERS, max_size=4) | HEADERS, st.integers(-9, 2**63))
def test_a_hostile_header_is_one_line(tmp_path_factory, header, length):
    contents = json.dumps(header).encode()
    size = len(contents) if length < 2**40 else length
    path = tmp_path_factory.mktemp("hostile") / "model.safetensors"
    path.write_bytes(struct.pack("<Q", size) + contents + b"\0" * 64)
    try:
        said = str(inspect(path))
    except UserError as error:
        said = as_one_line(str(error))
    assert all(each.isprintable() or each == "\n" for each in said)
