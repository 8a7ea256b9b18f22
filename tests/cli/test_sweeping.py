"""Every point of a sweep is the count of that config, however it is asked for."""

import csv
import io
import json
import sys

import pytest

from gpt2calc import Run, UserError, count, flops, load, sweep
from gpt2calc.analysis.sweeping import Sweep
from gpt2calc.cli.app import main


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


@pytest.mark.parametrize("output", [io.StringIO, Terminal])
@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown"])
def test_each_row_is_computed_once(monkeypatch, output, form):
    compute, computed = Sweep._columns_at, []

    def counted(swept, points):
        computed.extend(points)
        return compute(swept, points)

    monkeypatch.setattr(Sweep, "_columns_at", counted)
    monkeypatch.setattr(sys, "stdout", output())
    assert main(["sweep", "--n-layer", "1:3", "--n-embd", "64,128", "--format", form]) == 0
    assert computed == [0, 1, 2, 3, 4, 5]


def test_several_models_are_streamed_one_after_another(run, refused, tmp_path):
    axes = ("--n-layer", "1:20000")
    file = tmp_path / "a.csv"
    assert "write them with --format csv --out FILE" in refused("sweep", "gpt2", "gpt2-xl", *axes)
    assert run("sweep", "gpt2", "gpt2-xl", *axes, "--format", "csv", "--out", file).status == 0
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    assert len(rows) == 40_000
    for model, row in {"gpt2": rows[11], "gpt2-xl": rows[20_047]}.items():
        assert row["model"] == model
        assert int(row["total"]) == count(load(model)).total
    assert run("sweep", "gpt2", "gpt2-xl", *axes, "--format", "csv").out == file.read_text()


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.csv", "csv"), ("a.JSON", "json"), ("a.md", "markdown"), ("a.txt", "text"), ("a", "text")],
)
def test_a_file_has_the_format_that_its_name_ends_with(run, tmp_path, name, form):
    for models in (("gpt2",), ("gpt2", "gpt2-xl")):
        flags = ("sweep", *models, "--n-layer", "1,2")
        assert run(*flags, "--out", tmp_path / name).status == 0
        assert (tmp_path / name).read_text() == run(*flags, "--format", form).out
        assert run(*flags, "--format", "json", "--out", tmp_path / name).status == 0
        assert (tmp_path / name).read_text() == run(*flags, "--format", "json").out


def test_shares_are_only_drawn(refused):
    for models in (["gpt2"], ["gpt2", "gpt2-xl"]):
        assert "--share says what to draw" in refused("sweep", *models, "--n-layer=1,2", "--share")


def test_progress_is_shown_on_a_terminal_only(tmp_path, monkeypatch):
    flags = ["sweep", "--n-layer", "1:200", "--n-embd", "1:1000", "--format", "csv", "--out"]
    monkeypatch.setattr("gpt2calc.report.terminal.MANY_PARTS", 2)
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


def test_bounds_that_nothing_can_meet_are_refused_before_anything_is_computed(refused):
    assert "at_least is 2B" in refused(
        "sweep",
        "--n-layer",
        "1:100000000",
        "--at-least",
        "2B",
        "--at-most",
        "1B",
    )
    assert "'x' is no number" in refused("sweep", "--n-layer", "1:100000000", "--at-least", "x")


def test_a_grid_that_is_too_large_is_refused_before_anything_is_evaluated(refused, monkeypatch):
    monkeypatch.setattr(Sweep, "_columns_at", lambda *_: pytest.fail("evaluated"))
    wide = ("--n-layer", "1:100000", "--n-embd", "1:100000")
    assert "the grid has 10,000,000,000 configs" in refused("sweep", *wide)
    assert "the grid has 10,000,000,000 configs" in refused("sweep", *wide, "--at-least", "1T")
    with pytest.raises(UserError, match="10,000,000,000 counts are more than the 100,000,000"):
        _ = sweep(n_layer=range(1, 100_001), n_embd=range(1, 100_001)).total


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


@pytest.mark.parametrize(
    "arguments",
    [
        ["smollm-135m", "--n-inner-expert", "64,100", "--n-expert", "1,2"],
        ["cerebras-gpt-1.3b", "--n-expert", "1,2", "--dense-layers", "0,1,2"],
        ["gpt-neo-1.3b", "--head-dim", "18,48", "--n-head", "7"],
    ],
)
def test_a_flag_that_makes_sense_with_an_axis_alone(run, arguments):
    assert run("sweep", *arguments).status == 0


def test_layers_that_a_list_names_must_be_there(refused):
    model = "mixtral-8x7b,dense_layers=0+1+2"
    assert "dense_layers has 1" in refused("sweep", model, "--n-layer", "1:4")
    assert "none has experts" in refused("sweep", model, "--n-layer", "3:4")


def test_an_axis_without_effect_is_said(run):
    alone = run("sweep", "llama-3-8b", "--n-ctx", "2048,4096").out
    assert "n_ctx changes no parameters of this model." in alone
    both = run("sweep", "llama-3-8b", "--n-ctx", "2048,4096", "--n-layer", "8,16").out
    assert "n_ctx changes no parameters" in both
    assert "n_layer changes no" not in both
    assert "changes no" not in run("sweep", "--n-ctx", "512,1024").out


@pytest.mark.parametrize("order", ["block,none", "none,block"])
def test_a_column_that_only_some_of_several_models_have_is_there(run, order):
    flags = ("--training", "--n-layer", "2,4", "--of", "flops", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(run("sweep", "--checkpointing", order, *flags).out)))
    assert list(rows[0])[:6] == ["model", "n_layer", "total", "forward", "backward", "recomputed"]
    for row in rows:
        model = load("gpt2").replace(n_layer=int(row["n_layer"]))
        run_of_it = Run(training=True, checkpointing=row["model"].rpartition("=")[2])
        plain, total = flops(model, Run(training=True)).total, flops(model, run_of_it).total
        assert int(row["total"]) == total
        assert int(row["recomputed"] or 0) == total - plain


def test_a_sweep_of_several_models_without_a_row_has_its_heading(run):
    ran = run(
        "sweep",
        "gpt2",
        "gpt2-medium",
        "--n-layer",
        "1,2",
        "--at-least",
        "1T",
        "--format",
        "csv",
    )
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("model,n_layer,total,")
    assert ran.out.count("\n") == 1
