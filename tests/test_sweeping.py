"""Every point of a sweep is the count of that config, however it is asked for."""

import csv
import io
import json
import os
import subprocess
import sys
import tracemalloc
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import configs, examples, solvable

from gpt2calc import SUBLAYERS, ModelConfig, Run, UserError, count, flops, load, sweep
from gpt2calc.analysis import sweeping
from gpt2calc.analysis.axes import LARGEST, as_axis, ends_of, read_axis
from gpt2calc.analysis.sweeping import Sweep
from gpt2calc.cli.app import main


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
    monkeypatch.setattr(sweeping, "BATCH", 5)
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
    "values", [range(12, 97, 12), [12, 24], (12, 24), np.array([12, 24]), iter([12, 24])]
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
        sweep(config, **{field: [1, LARGEST]})
    safe = int(str(refusal.value).rpartition(" ")[2].replace(",", ""))
    at_most = count(config.replace(**{field: safe})).total
    assert at_most <= LARGEST < count(config.replace(**{field: safe + 1})).total
    assert sweep(config, **{field: [safe]}).total.tolist() == [at_most]


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
    assert len(next(grid.batches())["total"]) == sweeping.BATCH


def test_arrays_take_no_more_memory_than_their_result():
    grid = sweep(n_layer=range(1, 501), n_embd=range(1, 2001))
    tracemalloc.start()
    total = grid.total
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * total.nbytes


def test_streaming_takes_little_memory(tmp_path):
    code = (
        "import resource; from gpt2calc.cli.app import main; "
        "main(['sweep', '--n-layer=1:1000', '--n-embd={}', '--format=csv', '--out', {!r}]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", code.format(widths, str(tmp_path / "sweep.csv"))],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for widths in ("1:70", "1:700")
    ]
    assert (tmp_path / "sweep.csv").read_text().count("\n") == 700_001
    assert peaks[1] < 1.2 * peaks[0]


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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("12:96:0", "has '12:96:0': its step must be 1 or more"),
        ("12:96:-12", "its step must be 1 or more"),
        ("96:12", "has '96:12': it stops before it starts"),
        ("1:2:3:4", "has '1:2:3:4': write numbers like 12,24,48 or start:stop:step"),
        ("12,", "has '': write numbers like"),
        ("a:b", "has 'a:b': write"),
        ("1:1000000000", "has too many values: at most 100,000,000"),
        ("1:1" + "0" * 30, "has too many values: at most 100,000,000"),
        ("0:3", "has 0: its values must be 1 or more"),
        ("3,3", "has 3 more than once"),
    ],
)
def test_an_axis_that_cannot_be_read_is_refused(refused, text, words):
    assert words in refused("sweep", "--n-layer", text)


def test_the_command_in_every_format(run):
    flags = ("sweep", "--n-layer", "12:96:12", "--n-embd", "768,1024,1600", "--at-most", "1.5B")
    grid = sweep(n_layer=range(12, 97, 12), n_embd=[768, 1024, 1600], at_most="1.5B")
    assert run(*flags).out == f"{grid}\n"
    assert run(*flags, "--format", "csv").out == f"{grid.csv()}\n"
    assert run(*flags, "--format", "json").out == f"{grid.json()}\n"
    assert run(*flags, "--format", "markdown").out.startswith("**GPT-2 with vocabulary 50,257, co")
    assert "19 of 24 configs" in run(*flags).out
    assert max(map(len, run(*flags).out.splitlines())) <= 80


def test_a_single_value_and_a_switch_change_all_configs(run):
    out = run(
        "sweep", "gpt2-xl", "--n-layer", "1,2", "--vocab", 100, "--no-bias", "--format", "json"
    ).out
    assert [row["total"] for row in json.loads(out)["rows"]] == [
        count(load("gpt2-xl").replace(n_layer=n, vocab=100, bias=False)).total for n in (1, 2)
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "a sweep needs an axis"),
        (["--n-layer", "12"], "a sweep needs an axis"),
        (["--n-layer", "1,2", "--at-least", "x"], "'x' is no number of parameters"),
        (
            ["--n-layer", "1,2", "--at-least", "2B", "--at-most", "1B"],
            "more than at_most",
        ),
        (["--n-layer", "1,2", "--vocab", "0"], "vocab is 0"),
        (["--n-layr", "1,2"], "there is no flag --n-layr"),
        (["--n-layer", "1:20000"], "more than 10,000 rows are too many to print here"),
        (["--n-layer", "1:2000000", "--format", "json"], "more than 1,000,000 rows are too many"),
        (["gpt", "--n-layer", "1,2"], "neither a preset nor a file"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused("sweep", *arguments)


def test_a_pipe_gets_its_rows_while_progress_goes_to_the_terminal(tmp_path):
    """Standard error is a terminal, standard output is not: nothing may stray from one to other."""
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    ours, theirs = pty.openpty()
    flags = ["sweep", "--n-layer=1:70", "--n-embd=1:10000", "--format=csv"]
    with (tmp_path / "rows.csv").open("w") as rows:
        ran = subprocess.Popen(
            [sys.executable, "-m", "gpt2calc", *flags], stdout=rows, stderr=theirs
        )
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    assert ran.wait() == 0
    assert (tmp_path / "rows.csv").read_text().count("\n") == 700_001
    assert b"counting" in shown
    assert len(shown) < 100_000


def _read(descriptor):
    try:
        return os.read(descriptor, 10_000)
    except OSError:
        return b""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_is_not_flooded(capsys, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["sweep", "--n-layer", "1:20000", "--format", "json"]) == 2
    assert "too many to print here" in capsys.readouterr().err
    flags = ["sweep", "--n-layer", "1:20000", "--format", "csv"]
    assert main(flags) == 2
    assert "write them with --format csv --out FILE" in capsys.readouterr().err
    assert main([*flags, "--at-most", "1B"]) == 0
    assert terminal.getvalue().count("\n") == 1 + 135


def test_progress_is_shown_on_a_terminal_only(tmp_path, monkeypatch):
    flags = ["sweep", "--n-layer", "1:1000", "--n-embd", "1:1000", "--format", "csv", "--out"]
    silent, shown = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stderr", silent)
    assert main([*flags, str(tmp_path / "a.csv")]) == 0
    monkeypatch.setattr(sys, "stderr", shown)
    assert main([*flags, str(tmp_path / "b.csv")]) == 0
    assert silent.getvalue() == ""
    assert "counting" in shown.getvalue()
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_heads_that_were_asked_for_must_divide_every_width(refused, run):
    said = refused("sweep", "--n-head", 12, "--n-embd", "768,1000")
    assert "n_head 12 does not divide n_embd 1000" in said
    assert run("sweep", "--n-head", 12, "--n-embd", "768,1200").status == 0
    assert run("sweep", "gpt3-small", "--n-embd", "768,1000").status == 0


def test_the_exact_bytes_of_a_sweeps_csv(run):
    said = run("sweep", "--n-layer", "1,2", "--n-embd", 64, "--vocab", 100, "--format", "csv").out
    assert said == (
        "n_layer,total,weights,biases,token_embedding,position_embedding,attention,mlp,layer_norm,"
        "lm_head\n"
        "1,122048,121280,768,6400,65536,16640,33088,384,0\n"
        "2,172032,170560,1472,6400,65536,33280,66176,640,0\n"
    )


def test_a_presets_own_heads_give_way_to_a_swept_width():
    assert sweep("gpt3-small", n_embd=[768, 1_000]).config.n_head is None


def test_a_range_is_not_spread_out_before_it_is_asked_for():
    swept = sweep(n_layer=range(1, 10**8))
    assert swept.spans["n_layer"] == range(1, 10**8)
    first = next(swept.batches())
    assert first["total"][11] == 124_439_808


def test_bounds_that_nothing_can_meet_are_refused_before_anything_is_computed(refused):
    assert "at_least is 2B" in refused(
        *("sweep", "--n-layer", "1:100000000", "--at-least", "2B", "--at-most", "1B"),
    )
    assert "'x' is no number" in refused("sweep", "--n-layer", "1:100000000", "--at-least", "x")


def test_a_grid_that_is_too_large_is_refused_before_anything_is_evaluated(refused, monkeypatch):
    monkeypatch.setattr(Sweep, "_columns_at", lambda *_: pytest.fail("evaluated"))
    wide = ("--n-layer", "1:100000", "--n-embd", "1:100000")
    assert "the grid has 10,000,000,000 configs" in refused("sweep", *wide)
    assert "the grid has 10,000,000,000 configs" in refused("sweep", *wide, "--at-least", "1T")
    with pytest.raises(UserError, match="10,000,000,000 counts are more than the 100,000,000"):
        _ = sweep(n_layer=range(1, 100_001), n_embd=range(1, 100_001)).total


@pytest.mark.parametrize("values", [range(1, 10**8), range(10**8, 0, -1), range(3, 4)])
def test_a_range_is_asked_for_its_ends_alone(values):
    assert ends_of(values) == (min(values[0], values[-1]), max(values[0], values[-1]))
    assert as_axis("n_layer", values, ("n_layer",)) is values


def test_a_list_of_layers_is_one_value(capsys):
    arguments = ["sweep", "gemma-3-1b", "--full-layers", "5,11", "--n-layer", "12,24"]
    assert main([*arguments, "--format", "csv"]) == 0
    first = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    alone = load("gemma-3-1b").replace(full_layers=(5, 11), n_layer=12)
    assert int(first["total"]) == count(alone).total


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--head-dim", "18,48"], "head_dim is 18: it must divide n_embd"),
        (["--head-dim", "2048,768"], "in the grid at head_dim 2,048"),
        (["--n-embd", "768,1024", "--head-dim", "60,64"], "in the grid at n_embd 768, head_dim 60"),
    ],
)
def test_a_grid_is_checked_by_the_rules_of_a_config(refused, arguments, words):
    assert words in refused("sweep", "gpt2", *arguments)


def test_layers_that_a_list_names_must_be_there(refused):
    model = "mixtral-8x7b,dense_layers=0+1+2"
    assert "dense_layers has 1" in refused("sweep", model, "--n-layer", "1:4")
    assert "none has experts" in refused("sweep", model, "--n-layer", "3:4")


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


def test_the_last_point_of_a_large_grid_is_checked_too():
    axes = {"n_embd": range(64, 64 * 200_001, 64), "n_head": [1, 2, 4, 8, 16, 32]}
    assert sweep(**axes).size == 1_200_000
    with pytest.raises(UserError, match="in the grid at n_embd 64, n_head 65"):
        sweep(**axes | {"n_head": [1, 2, 4, 8, 16, 65]})
    with pytest.raises(UserError, match="which is 12800001"):
        sweep(**axes | {"n_embd": [*axes["n_embd"], 64 * 200_000 + 1]})
    with pytest.raises(UserError, match="combinations to be checked"):
        sweep(n_embd=range(1, 10**6), n_head=range(1, 1_000))


def test_an_axis_without_effect_is_said(run):
    alone = run("sweep", "llama-3-8b", "--n-ctx", "2048,4096").out
    assert "n_ctx changes no parameters of this model." in alone
    both = run("sweep", "llama-3-8b", "--n-ctx", "2048,4096", "--n-layer", "8,16").out
    assert "n_ctx changes no parameters" in both
    assert "n_layer changes no" not in both
    assert "changes no" not in run("sweep", "--n-ctx", "512,1024").out
