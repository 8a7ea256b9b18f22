"""Every point of a sweep is the count of that config, however it is asked for."""

import csv
import io
import tracemalloc
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import configs, examples, solvable

from gpt2calc import SUBLAYERS, ModelConfig, Run, UserError, cache, count, flops, load, sweep
from gpt2calc.analysis import swept
from gpt2calc.analysis.axes import INT64_MAX, as_axis, ends_of, read_axis


@st.composite
def grids(draw):
    """A config and a few axes of a few values each, in any order."""
    config = draw(configs())
    names = draw(
        st.lists(
            solvable,
            min_size=1,
            max_size=4,
            unique=True,
        )
    )
    values = st.lists(st.integers(1, 3_000), min_size=1, max_size=4, unique=True)
    return config, {name: draw(values) for name in names}


def points(grid):
    """Each point's place in the arrays and its config, by counting one after the other."""
    for place in np.ndindex(grid.shape):
        fields = {
            name: int(axis[at]) for (name, axis), at in zip(grid.axes.items(), place, strict=True)
        }
        yield place, grid.config.replace(**fields)


@settings(max_examples=examples(150))
@given(grids())
def test_every_point_is_the_count_of_its_config(drawn):
    config, axes = drawn
    grid = sweep(config, **axes)
    parts = {name: grid[name] for name in SUBLAYERS}
    shares = grid.share("mlp")
    for place, at in points(grid):
        counted = count(at)
        assert grid.total[place] == counted.total
        assert grid.weights[place] == counted.weights
        assert grid.biases[place] == counted.biases
        assert {name: int(parts[name][place]) for name in SUBLAYERS} == {
            name: part.total for name, part in counted.sublayers.items()
        }
        assert shares[place] == counted["mlp"].share
    assert grid.total.shape == grid.shape
    assert grid.total.dtype == np.int64


@settings(max_examples=examples(50))
@given(grids(), st.data())
def test_rows_are_the_points_within_the_bounds(drawn, data):
    config, axes = drawn
    totals = [count(at).total for _, at in points(sweep(config, **axes))]
    low, high = sorted(data.draw(st.tuples(st.sampled_from(totals), st.sampled_from(totals))))
    grid = sweep(config, at_least=low, at_most=high, **axes)
    columns = grid.columns()
    assert list(columns) == [*axes, "total", "weights", "biases", *SUBLAYERS]
    assert columns["total"].tolist() == [each for each in totals if low <= each <= high]
    rows = list(csv.DictReader(io.StringIO(grid.csv())))
    assert [int(row["total"]) for row in rows] == columns["total"].tolist()
    for row in rows:
        at = grid.config.replace(**{name: int(row[name]) for name in axes})
        assert {name: int(row[name]) for name in SUBLAYERS} == {
            name: part.total for name, part in count(at).sublayers.items()
        }


def test_batches_join_to_the_whole(monkeypatch):
    grid = sweep(n_layer=range(1, 8), n_embd=range(64, 640, 64))
    whole = grid.columns()
    monkeypatch.setattr(swept, "BATCH", 5)
    assert grid.batch_count == len(list(grid.batches())) == 13
    for name, column in grid.columns().items():
        assert np.array_equal(column, whole[name])
    assert np.array_equal(whole["total"], grid.total.ravel())


def test_flops_over_a_run_and_widths_that_heads_follow():
    batches, sequences, widths = (1, 3), (8, 40), (65, 130, 192)
    swept = sweep(of="flops", batch=batches, seq=sequences, n_embd=widths).total
    for place in np.ndindex(2, 2, 3):
        batch, seq, width = (
            each[i] for each, i in zip((batches, sequences, widths), place, strict=True)
        )
        heads = next(each for each in range(width // 64, 0, -1) if width % each == 0)
        config = ModelConfig(n_embd=width, n_head=heads)
        assert swept[place] == flops(config, Run(batch=batch, seq=seq)).total


def test_a_sweep_is_a_container_of_its_sublayers():
    grid = sweep(n_layer=[1, 2])
    assert list(grid) == list(SUBLAYERS)
    assert "mlp" in grid
    assert grid == grid
    assert grid != sweep(n_layer=[1, 2])


def test_a_sweep_of_the_largest_counts_is_exact():
    grid = sweep(n_embd=[700_000_000], n_layer=[1])
    assert grid.total.tolist() == [[5_880_035_907_200_000_000]]
    assert grid.columns()["total"].tolist() == [5_880_035_907_200_000_000]


def test_what_is_fixed_is_in_the_title_and_bounds_in_the_json():
    assert "MLP width 100" in str(sweep(ModelConfig(n_inner=100), n_embd=[64, 128]))
    said = sweep("gpt2-xl", n_layer=[1, 2], at_least="1M").to_dict()
    assert (said["at_least"], said["at_most"]) == (10**6, None)
    assert said["axes"] == {"n_layer": [1, 2]}
    shared = load("gpt2-xl").effective()
    del shared["n_layer"]
    assert said["config"] == shared
    bounded = sweep(n_embd=[64, 128], at_most=10**9).to_dict()
    assert (bounded["at_least"], bounded["at_most"]) == (None, 10**9)
    assert not {"n_embd", "n_inner", "n_head"} & set(bounded["config"])


def test_pandas_reads_the_columns():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame(sweep(n_layer=[12, 24], n_embd=[768]).columns())
    assert frame["total"].tolist() == [124_439_808, count(ModelConfig(n_layer=24)).total]


@pytest.mark.parametrize(
    "values",
    [
        range(12, 97, 12),
        [12, 24],
        (12, 24),
        np.array([12, 24]),
        np.array([12, 24], object),
        [np.int8(12), 24],
        iter([12, 24]),
    ],
)
def test_an_axis_may_be_anything_with_integers(values):
    assert sweep(n_layer=values).total[1] == count(ModelConfig(n_layer=24)).total


def test_heads_are_an_axis_that_changes_nothing():
    assert sweep(n_head=[1, 2, 3]).total.tolist() == [124_439_808] * 3
    assert sweep(load("gpt3-6.7b"), n_embd=[100]).total.tolist() == [
        count(ModelConfig(n_layer=32, n_embd=100, n_ctx=2048)).total
    ]


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({}, "a sweep needs an axis"),
        ({"n_layer": []}, "the axis n_layer has no list of values"),
        ({"n_layer": [[1, 2]]}, "the axis n_layer has no list of values"),
        ({"n_layer": [[1, 2], [3]]}, "the axis n_layer has [1, 2]: its values must be positive"),
        ({"n_layer": np.array([1.5, 2])}, "the axis n_layer has 1.5: its values must be positive"),
        ({"n_layer": [None, 1]}, "the axis n_layer has None: its values must be positive"),
        ({"n_layer": [-(2**70), 1]}, "the axis n_layer has -1180591620717411303424: its values"),
        ({"n_layer": [2**63]}, "the axis n_layer has 9223372036854775808: no value may exceed"),
        ({"n_layer": [2**63, 1]}, "the axis n_layer has 9223372036854775808: no value may exceed"),
        ({"n_layer": range(2**63, 2**63 + 3)}, "no value may exceed"),
        ({"n_layer": np.array([2**63], np.uint64)}, "no value may exceed"),
        ({"n_layer": range(10**30)}, "values: at most 100,000,000 fit"),
        ({"n_head": [1, 2], "n_embd": [10**18]}, "the axis n_embd goes up to"),
        (
            {name: range(1, 10**6) for name in ("n_layer", "vocab", "n_ctx", "n_inner")},
            "more configs than can be numbered",
        ),
        ({"n_layer": [12, 24, 12]}, "the axis n_layer has 12 more than once"),
        ({"n_layer": [0, 1]}, "the axis n_layer has 0: its values must be 1 or more"),
        ({"n_layer": [1.5]}, "the axis n_layer has 1.5: its values must be positive whole"),
        ({"n_layer": [True]}, "the axis n_layer has True"),
        ({"n_layer": ["a"]}, "the axis n_layer has 'a'"),
        ({"n_layer": 12}, "the axis n_layer is 12: it must be a list of integers"),
        ({"n_layer": [2**70]}, "no value may exceed 9,223,372,036,854,775,807"),
        ({"n_layer": range(10**12)}, "has 1,000,000,000,000 values: at most 100,000,000"),
        ({"bias": [True]}, "'bias' cannot be an axis; axes are n_layer"),
        ({"n_layers": [12]}, "'n_layers' cannot be an axis; did you mean 'n_layer'?"),
        ({"n_head": [5]}, "n_head is 5: it must divide n_embd, which is 768"),
        ({"n_head": [5], "n_embd": [10, 12]}, "in the grid at n_embd 12, n_head 5"),
    ],
)
def test_an_axis_that_is_none_is_refused(axes, words):
    with pytest.raises(UserError) as refusal:
        sweep(**axes)
    assert words in str(refusal.value)


@settings(max_examples=examples(100))
@given(configs(), solvable)
def test_an_overflow_is_refused_with_the_largest_value_that_is_safe(config, field):
    config = config.evaluate_at(n_head=None)
    with pytest.raises(UserError, match=f"the axis {field} goes up to") as refusal:
        sweep(config, **{field: [1, INT64_MAX]})
    safe = int(str(refusal.value).rpartition(" ")[2].replace(",", ""))
    at_most = count(config.replace(**{field: safe})).total
    assert at_most <= INT64_MAX < count(config.replace(**{field: safe + 1})).total
    assert sweep(config, **{field: [safe]}).total.tolist() == [at_most]


def test_a_count_that_falls_along_an_axis_is_checked_at_its_lowest_value():
    """One head of keys as wide as each of the queries' heads: the fewer of these, the wider."""
    model = load("llama-3-8b").evaluate_at(head_dim=None)
    model = model.replace(n_layer=1, n_embd=3 * 2**29, n_head=2**20, n_kv_head=1)
    assert count(model.replace(n_head=1)).total == 10_376_775_957_020_147_712 > INT64_MAX
    assert count(model).total <= INT64_MAX
    for values in ([1, 2**20], [2**20, 1]):
        with pytest.raises(UserError, match="up to 10,376,775,957,020,147,712 parameters"):
            sweep(model, n_head=values)
    with pytest.raises(UserError, match=r"the axis n_layer goes up to 2, .* value here is 1$"):
        sweep(model.replace(n_head=4), n_layer=[1, 2], n_head=[4, 2**20])
    assert sweep(model, n_head=[2**20]).total.tolist() == [count(model).total]


def test_the_axis_that_needs_least_cutting_is_named():
    with pytest.raises(UserError, match=r"the axis n_embd goes up to 1,000,000,000, .* 876,705"):
        sweep(n_layer=[1, 10**6], n_embd=[64, 10**9])
    with pytest.raises(UserError, match=r"more than the .* that a sweep can count: count them"):
        sweep(ModelConfig(n_embd=10**10), n_layer=[1])


def test_a_grid_that_fits_no_memory_is_refused_only_when_asked_for_whole():
    grid = sweep(n_layer=range(1, 10**4), n_embd=range(1, 10**4), vocab=range(1, 10**6))
    assert grid.size == 9_999**2 * 999_999
    with pytest.raises(UserError, match="counts are more than the 100,000,000 that are held"):
        _ = grid.total
    assert len(next(grid.batches())["total"]) == swept.BATCH


def test_arrays_take_no_more_memory_than_their_result():
    grid = sweep(n_layer=range(1, 501), n_embd=range(1, 2001))
    tracemalloc.start()
    total = grid.total
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * total.nbytes


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("12:96:12", list(range(12, 97, 12))),
        ("1:3", [1, 2, 3]),
        ("768,1024,1600", [768, 1024, 1600]),
        ("1:3,8", [1, 2, 3, 8]),
        ("5:5", [5]),
        ("1:10:4", [1, 5, 9]),
    ],
)
def test_reading_an_axis(text, values):
    assert list(read_axis("n_layer", text)) == values


def test_a_presets_own_heads_give_way_to_a_swept_width():
    assert sweep("gpt3-small", n_embd=[768, 1_000]).config.n_head is None


def test_a_range_is_not_spread_out_before_it_is_asked_for():
    swept = sweep(n_layer=range(1, 10**8))
    assert swept.spans["n_layer"] == range(1, 10**8)
    first = next(swept.batches())
    assert first["total"][11] == 124_439_808


@pytest.mark.parametrize("values", [range(1, 10**8), range(10**8, 0, -1), range(3, 4)])
def test_a_range_is_asked_for_its_ends_alone(values):
    assert ends_of(values) == (min(values[0], values[-1]), max(values[0], values[-1]))
    assert as_axis("n_layer", values, ("n_layer",)) is values


OF_RULES = ("n_embd", "n_head", "n_kv_head", "head_dim", "n_layer", "n_expert", "n_expert_active")


@settings(max_examples=examples(80))
@given(
    configs() | st.sampled_from(["gpt2", "llama-3-8b", "gemma-2-9b", "mixtral-8x7b"]).map(load),
    st.dictionaries(
        st.sampled_from(OF_RULES),
        st.lists(
            st.integers(1, 12) | st.sampled_from([64, 128, 768]),
            min_size=2,
            max_size=3,
            unique=True,
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_each_row_of_a_sweep_is_what_that_config_has_or_one_is_refused(config, axes):
    points = [dict(zip(axes, point, strict=True)) for point in product(*axes.values())]

    # a width that is swept with widths of heads does not leave its number of heads to a rule
    keeps_heads = config.n_head and not {"n_kv_head", "head_dim"}.isdisjoint(axes)
    heads = {"n_head": config.n_head} if keeps_heads else {}

    def one_by_one():
        return [count(config.replace(**heads | point)).total for point in points]

    try:
        totals = sweep(config, **axes).total.ravel().tolist()
    except UserError:
        with pytest.raises(UserError):
            one_by_one()
        return
    assert totals == one_by_one()


@pytest.mark.parametrize(
    ("model", "axes"),
    [
        ("minimax-text-01", {"mixer_key_heads": [64, 128]}),
        ("minimax-text-01", {"mixer_heads": [64, 32]}),
        ("minimax-text-01", {"mixer_heads": [64, 128, 96], "vocab": range(1, 10**6)}),
        ("qwen3.5-122b-a10b", {"n_layer": [48, 24]}),
        ("deepseek-v3", {"n_layer": [61, 2]}),
    ],
)
def test_a_later_value_that_is_refused_alone_is_refused_in_a_grid(model, axes):
    for name, values in axes.items():
        if len(values) < 10:
            load(model).replace(**{name: values[0]})
            with pytest.raises(UserError) as alone:
                load(model).replace(**{name: values[-1]})
    with pytest.raises(UserError) as refusal:
        sweep(model, **axes)
    assert str(refusal.value).startswith(str(alone.value))


@pytest.mark.parametrize("field", ["mixer_kernel", "mixer_heads", "mixer_head_dim"])
def test_the_cache_of_recurrences_is_swept_over_their_sizes(field):
    model, values = load("qwen3.5-122b-a10b"), [64, 128]
    swept = sweep(model, of="cache", **{field: values})
    alone = [cache(model.replace(**{field: value})) for value in values]
    assert swept.total.tolist() == [each.total for each in alone]
    assert swept["states"].tolist() == [each["states"].total for each in alone]


def test_a_table_leaves_out_parts_that_few_models_have():
    assert [column.heading for column in sweep(of="cache", n_layer=[1, 2]).table().columns] == [
        "n_layer",
        "total",
        "keys",
        "values",
    ]
    latent = sweep("deepseek-v3", of="cache", n_ctx=[64, 128]).table()
    assert "latents" in {column.heading for column in latent.columns}


def test_the_last_point_of_a_large_grid_is_checked_too():
    axes = {"n_embd": range(64, 64 * 200_001, 64), "n_head": [1, 2, 4, 8, 16, 32]}
    assert sweep(**axes).size == 1_200_000
    with pytest.raises(UserError, match="in the grid at n_embd 64, n_head 65"):
        sweep(**axes | {"n_head": [1, 2, 4, 8, 16, 65]})
    with pytest.raises(UserError, match="which is 12800001"):
        sweep(**axes | {"n_embd": [*axes["n_embd"], 64 * 200_000 + 1]})
    with pytest.raises(UserError, match="combinations to be checked"):
        sweep(n_embd=range(1, 10**6), n_head=range(1, 1_000))


def test_heads_that_no_model_has_are_refused_before_memory_is_followed():
    with pytest.raises(UserError, match="n_kv_head is 8: it must divide n_head, which is 1"):
        sweep("llama-3-8b", of="memory", n_head=[1, 2, 4])
