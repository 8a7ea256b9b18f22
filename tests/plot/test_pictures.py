"""Pictures: the same data gives the same bytes, and they look as their baselines do."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images
from strategies import some_or_all

from gpt2calc import (
    ModelConfig,
    Run,
    UserError,
    compare,
    count,
    device,
    fit,
    load,
    memory,
    presets,
    serve,
    solve,
    steps,
    sweep,
)
from gpt2calc.metrics.memory.stacked import stacked
from gpt2calc.plot import charts, curves, maps, pictures, timeline
from gpt2calc.plot.style import INK, PALE, as_bytes, ink_on, save
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.registry import NAMES, as_quantity
from gpt2calc.report.sublayers import SHOWN_AS, colour_of
from gpt2calc.units import human

COLOURS = [known.colour for known in SHOWN_AS.values()]
BASELINE = Path(__file__).parent / "baseline"
FOUR = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
SHARED = memory(
    "llama-3-8b",
    Run(gpus=8, shard="fsdp", dtype="mixed", attention="sdpa", checkpointing="block"),
)
SERVED = memory(
    "llama-3-8b",
    Run(training=False, dtype="bfloat16", attention="sdpa", seq=4096, batch=16, last_logits=True),
)
DRAWN = {
    "composition": lambda: pictures.of_count(count(load("gpt2"))),
    "composition-narrow": lambda: pictures.of_count(count(load("gpt2")), pictures.PHONE),
    "composition-untied": lambda: pictures.of_count(
        count(load("gpt3-175b").replace(tie_embeddings=False))
    ),
    "stacked": lambda: pictures.of_comparison(compare(FOUR), "stacked"),
    "grouped": lambda: pictures.of_comparison(compare(FOUR), "grouped"),
    "layer-norm": lambda: pictures.of_comparison(compare(FOUR), "layer-norm"),
    "trend": lambda: pictures.of_trend(compare(FOUR)),
    "trend-narrow": lambda: pictures.of_trend(compare(FOUR), pictures.PHONE),
    "steps": lambda: pictures.of_steps(steps("gpt2-xl", "tinyllama")),
    "steps-narrow": lambda: pictures.of_steps(steps("gpt2-xl", "tinyllama"), pictures.PHONE),
    "sweep": lambda: pictures.of_sweep(sweep(n_layer=range(2, 97, 2))),
    "sweep-shares": lambda: pictures.of_sweep(sweep(n_embd=range(64, 4_097, 64)), share=True),
    "map": lambda: pictures.of_sweep(sweep(n_layer=range(2, 61), n_embd=range(256, 2_049, 64))),
    "cells": lambda: pictures.of_sweep(
        sweep(n_layer=[12, 24, 36, 48], n_embd=[768, 1_024, 1_280, 1_600], at_most="1B")
    ),
    "fit": lambda: pictures.of_fit(
        fit("gpt2-xl", Run(batch=8, dtype="mixed", attention="sdpa")), name="gpt2-xl"
    ),
    "timeline": lambda: pictures.of_memory(memory("gpt2", Run(batch=8)), name="gpt2"),
    "timeline-narrow": lambda: pictures.of_memory(SHARED, pictures.PHONE, "llama-3-8b"),
    "timeline-serving": lambda: pictures.of_memory(SERVED, name="llama-3-8b"),
    "serving": lambda: pictures.of_serving(
        serve("llama-3-8b", users=32, gpu="h100"), name="llama-3-8b"
    ),
    "serving-narrow": lambda: pictures.of_serving(
        serve("llama-3-70b", gpu="h100", tensor_parallel=4), pictures.PHONE
    ),
    "limit": lambda: pictures.of_sweep(
        sweep(
            case_of(load("gpt2-xl"), Run(dtype="mixed", attention="sdpa")),
            of="memory",
            batch=range(1, 17),
        ),
        limit=device("a100-80gb"),
    ),
    "stacked-flops": lambda: pictures.of_comparison(compare(FOUR, of="flops"), "stacked"),
    "stacked-memory": lambda: pictures.of_comparison(compare(FOUR, of="memory", batch=8)),
    "budget": lambda: pictures.of_shapes(solve(None, "350M")),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_looks_like_its_baseline(name, tmp_path):
    path = tmp_path / f"{name}.png"
    save(DRAWN[name](), path)
    assert compare_images(BASELINE / f"{name}.png", path, tol=2) is None


def test_every_baseline_has_its_picture():
    assert {each.stem for each in BASELINE.glob("*.png")} == set(DRAWN)


def test_a_changed_picture_is_seen(tmp_path):
    path = tmp_path / "other.png"
    save(pictures.of_count(count(load("gpt2-medium"))), path)
    assert compare_images(BASELINE / "composition.png", path, tol=2) is not None


@pytest.mark.by_turns
@pytest.mark.parametrize("form", some_or_all(["png", "svg", "pdf"], 3))
def test_the_same_data_gives_the_same_bytes_in_any_process(form, tmp_path):
    code = (
        "from gpt2calc import count, load; from gpt2calc.plot import pictures, style; "
        "style.save(pictures.of_count(count(load('gpt2'))), {!r})"
    )
    paths = [tmp_path / f"{run}.{form}" for run in range(2)]
    for path in paths:
        subprocess.run([sys.executable, "-c", code.format(str(path))], check=True)
    here = as_bytes(pictures.of_count(count(load("gpt2"))), form)
    assert paths[0].read_bytes() == paths[1].read_bytes() == here


def test_a_users_own_settings_are_neither_used_nor_changed():
    before = as_bytes(pictures.of_count(count(ModelConfig())), "png")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert as_bytes(pictures.of_count(count(ModelConfig())), "png") == before
        assert matplotlib.rcParams["font.size"] == 30


def test_no_window_is_ever_opened():
    code = (
        "import sys; from gpt2calc.cli.app import main; main(['--plot', '/dev/null/x.png']); "
        "assert 'matplotlib.figure' in sys.modules; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("name", "axes", "preset"),
    [
        ("mixtral-8x7b", {"n_expert": range(8, 257, 8), "n_layer": range(1, 33)}, "mixtral-8x7b"),
        ("falcon-mamba-7b", {"n_layer": range(1, 31), "mixer_state_dim": range(1, 33)}, None),
    ],
)
def test_presets_without_a_swept_number_are_not_on_the_map(name, axes, preset):
    texts = [text.get_text() for text in pictures.of_sweep(sweep(name, **axes)).axes[0].texts]
    assert (preset in texts) if preset else not any("mamba" in text for text in texts)


@pytest.mark.parametrize(
    ("name", "of", "axes", "columns"),
    [
        ("gpt2", "memory", {"n_layer": range(1, 49), "n_embd": range(64, 2_049, 64)}, 32),
        (
            "llama-3-8b",
            "parameters",
            {"n_layer": range(1, 41), "n_kv_head": [1, 2, 4, 8, 16, 32]},
            6,
        ),
        ("gemma-3-12b", "parameters", {"n_layer": range(1, 49), "n_head": range(16, 65, 16)}, 4),
        ("gpt2", "parameters", {"n_layer": range(1, 49), "vocab": [1_000, 60_000]}, 200),
    ],
)
def test_a_map_is_evaluated_where_there_are_models(name, of, axes, columns):
    swept = sweep(name, of=of, **axes)
    drawn = pictures.of_sweep(swept).axes[0]
    (colours,) = [each for each in drawn.collections if hasattr(each, "get_coordinates")]
    totals = colours.get_array()
    assert totals.shape == (48 if name != "llama-3-8b" else 40, columns)
    assert [int(totals[0, 0]), int(totals[-1, -1])] == [swept.total[0, 0], swept.total[-1, -1]]


def test_a_single_config_within_the_bounds_of_a_fine_sweep_is_drawn():
    counted = 124_439_808
    figure = pictures.of_sweep(sweep(vocab=range(1_000, 60_001), at_least=counted, at_most=counted))
    (line,) = figure.axes[0].lines
    there = np.isfinite(line.get_ydata())
    assert line.get_xdata()[there].tolist() == [50_257]
    assert line.get_ydata()[there].tolist() == [counted]


def test_a_fine_sweep_is_drawn_from_its_first_config_within_the_bounds_to_its_last():
    bounds = {"at_least": "100M", "at_most": "120M"}
    swept = sweep(vocab=range(60_000, 999, -1), **bounds)
    (line,) = pictures.of_sweep(swept).axes[0].lines
    within = swept.axes["vocab"][(swept.total >= 10**8) & (swept.total <= 12 * 10**7)]
    drawn = line.get_xdata()[np.isfinite(line.get_ydata())]
    assert [drawn[0], drawn[-1]] == [within.min(), within.max()]
    assert 100 < len(drawn) <= 300
    with pytest.raises(UserError, match="no config lies within the bounds"):
        pictures.of_sweep(sweep(vocab=range(1_000, 60_001), at_least=1, at_most=2))


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: charts.composition(ax, count(ModelConfig())),
        lambda ax: charts.stacked(ax, compare(FOUR)),
        lambda ax: charts.grouped(ax, compare(FOUR)),
        lambda ax: charts.layer_norm(ax, compare(FOUR)),
        lambda ax: curves.sweep_lines(ax, sweep(n_layer=[1, 2])),
        lambda ax: maps.sweep_map(ax, sweep(n_layer=[1, 2], n_embd=[64, 128])),
        lambda ax: curves.sweep_lines(ax, sweep(n_layer=[1], n_embd=[64, 128])),
        lambda ax: curves.budget(ax, solve(None, "1B")),
        lambda ax: timeline.timeline(ax, stacked(SERVED.config), SERVED.moment, device("t4")),
        lambda ax: curves.trend(
            ax, [(name, load(name)) for name in FOUR], as_quantity("parameters")
        ),
    ],
)
def test_functions_draw_into_the_axes_they_are_given(draw):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert isinstance(draw(right), Axes)
    assert draw(right) is right
    assert not left.has_data()
    assert right.has_data()


@pytest.mark.parametrize(
    "names",
    [
        ["gpt2", "gpt2-xl"],
        ["llama-2-7b", "llama-2-70b"],
        ["deepseek-v3", "deepseek-r1"],
        ["gemma-2-9b", "gemma-2-27b"],
    ],
    ids="-".join,
)
def test_a_curve_of_shares_leads_from_model_to_model(names):
    ax = Figure().subplots()
    compared = compare(names, of="flops")
    curves.trend(ax, [(name, each.config) for name, each in compared.named], compared.quantity)
    totals = sorted(compared.counts, key=lambda each: each.total)
    lines = [line for line in ax.lines if len(line.get_xdata()) > 1]
    assert lines
    for line in lines:
        ends = line.get_xdata()[0], line.get_xdata()[-1]
        assert ends == pytest.approx((totals[0].total, totals[-1].total), rel=1e-9)


def test_models_of_unlike_attention_are_not_joined():
    ax = Figure().subplots()
    compared = compare(["deepseek-v2-lite", "deepseek-v2"], of="flops")
    curves.trend(ax, [(name, each.config) for name, each in compared.named], compared.quantity)
    assert all(np.ptp(line.get_xdata()) == 0 for line in ax.lines)


@pytest.mark.parametrize("given", [{"of": "parameters"}, {"of": "flops"}])
def test_a_device_limits_bytes_alone(given):
    with pytest.raises(UserError, match="a device's memory limits bytes"):
        pictures.of_sweep(sweep(n_layer=[1, 2], **given), limit=device("h100"))
    with pytest.raises(UserError, match="a device's memory limits bytes"):
        pictures.of_sweep(sweep(n_layer=[1, 2], of="memory"), share=True, limit=device("h100"))


def lightness(colour):
    """CIE L* of a colour, which is how light it is in grey and to colour-blind eyes."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


@pytest.mark.parametrize("quantity", [as_quantity(name) for name in NAMES], ids=NAMES)
def test_sublayers_stay_apart_in_grey(quantity):
    shown = quantity.display.groups if quantity.display.has_many_parts else quantity.parts
    levels = sorted(lightness(colour_of(part)) for part in shown)
    assert all(after - before > 9 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("colour", [*COLOURS, "white", "black"])
def test_what_is_written_on_a_colour_can_be_read(colour):
    assert abs(lightness(colour) - lightness(ink_on(colour))) > 35


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1k"),
        (25_000, "25k"),
        (999_600, "1M"),
        (124_439_808, "124M"),
        (1_557_611_200, "1.56B"),
        (1.5e9, "1.5B"),
        (2e13, "20T"),
        (1.2e18, "1.2 × 10¹⁸"),
        (10**30, "1 × 10³⁰"),
    ],
)
def test_human_units(number, words):
    assert human(number) == words


def boxes(figure):
    """Where each text of a figure stands, in pixels; ticks outside the axes are not drawn."""
    figure.draw_without_rendering()
    unseen = set()
    for axis in [axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)]:
        low, high = sorted(axis.get_view_interval())
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        outside = [each for each in ticks if not low <= each.get_loc() <= high]
        unseen |= {each for tick in outside for each in (tick.label1, tick.label2)}
        if not axis.axes.axison:
            unseen |= {each for tick in ticks for each in (tick.label1, tick.label2)}
    found = []
    for each in set(figure.findobj(matplotlib.text.Text)) - unseen:
        box = matplotlib.text.Text.get_window_extent(each)  # without an annotation's arrow
        if each.get_visible() and each.get_text().strip() and box.width and box.height:
            found.append((each.get_text(), box))
    return found


EXTREMES = [
    ModelConfig(n_layer=1, n_embd=1, vocab=1, n_ctx=1),
    ModelConfig(n_layer=1, n_embd=64, vocab=10**6),
    ModelConfig(n_layer=10**4, n_embd=10**6, tie_embeddings=False),
    ModelConfig(bias=False, tie_embeddings=False),
]


@pytest.mark.parametrize("width", [pictures.WIDE, pictures.PHONE])
@pytest.mark.parametrize("config", [*EXTREMES, load("gpt2"), load("gpt3-175b")])
def test_nothing_overlaps_and_nothing_is_cut_off(config, width):
    for figure in (
        pictures.of_count(count(config), width),
        pictures.of_comparison(compare(["gpt2", config, "gpt2-xl"]), "stacked", width),
        pictures.of_comparison(compare(["gpt2", config, "gpt2-xl"]), "grouped", width),
        pictures.of_comparison(compare(["gpt2", config, "gpt2-xl"]), "layer-norm", width),
    ):
        shown = boxes(figure)
        for text, box in shown:
            assert box.x0 >= -1, text
            assert box.x1 <= figure.bbox.x1 + 1, text
            assert box.y0 >= -1, text
        for (one, first), (other, second) in itertools.combinations(shown, 2):
            apart = first.x1 <= second.x0 + 1 or second.x1 <= first.x0 + 1
            apart = apart or first.y1 <= second.y0 + 2 or second.y1 <= first.y0 + 2
            assert apart, (one, other)


@pytest.mark.parametrize("width", [pictures.WIDE, pictures.PHONE])
@pytest.mark.parametrize(
    "draw",
    [
        lambda width: pictures.of_sweep(sweep(n_layer=[1, 2]), width=width),
        lambda width: pictures.of_sweep(sweep(n_layer=[5]), width=width),
        lambda width: pictures.of_sweep(sweep(n_embd=range(64, 64_001, 64)), True, width),
        lambda width: pictures.of_sweep(sweep(n_layer=[1, 2], n_embd=[64, 128]), width=width),
        lambda width: pictures.of_sweep(sweep(vocab=[32_000, 50_257, 50_304]), width=width),
        lambda width: pictures.of_sweep(sweep(n_ctx=[2**n for n in range(7, 15)]), width=width),
        lambda width: pictures.of_sweep(
            sweep(n_layer=range(1, 2_001, 5), n_embd=range(64, 20_001, 128)), width=width
        ),
        lambda width: pictures.of_shapes(solve(None, "1.5B"), width),
        lambda width: pictures.of_shapes(solve(None, "1000T"), width),
        lambda width: pictures.of_trend(compare([each.name for each in presets()][:12]), width),
        lambda width: pictures.of_trend(compare(FOUR), width),
        lambda width: pictures.of_memory(SHARED, width),
        lambda width: pictures.of_memory(SERVED, width),
        lambda width: pictures.of_memory(memory("gpt2", Run(seq=1)), width),
        lambda width: pictures.of_fit(fit("gpt2-xl", Run(batch=8), gpu="t4"), width),
        lambda width: pictures.of_fit(fit("gpt2", Run(batch=20), gpu="a100-40gb"), width),
    ],
)
def test_nothing_overlaps_in_curves_and_maps(draw, width):
    figure = draw(width)
    for (one, first), (other, second) in itertools.combinations(boxes(figure), 2):
        apart = first.x1 <= second.x0 + 2 or second.x1 <= first.x0 + 2
        apart = apart or first.y1 <= second.y0 + 3 or second.y1 <= first.y0 + 3
        assert apart, (one, other)


def test_bounds_are_seen_in_a_picture(tmp_path):
    axes = {"n_layer": range(12, 97, 12)}
    whole = as_bytes(pictures.of_sweep(sweep(**axes)), "png")
    assert as_bytes(pictures.of_sweep(sweep(at_most="300M", **axes)), "png") != whole
    axes |= {"n_embd": range(64, 1025, 64)}
    whole = as_bytes(pictures.of_sweep(sweep(**axes)), "png")
    assert as_bytes(pictures.of_sweep(sweep(at_most="300M", **axes)), "png") != whole


def test_values_that_grow_by_factors_have_a_logarithmic_axis():
    by_factors = pictures.of_sweep(sweep(n_ctx=[128, 256, 512, 1_024, 2_048])).axes[0]
    assert by_factors.get_xscale() == "log"
    assert [int(tick) for tick in by_factors.get_xticks()] == [128, 256, 512, 1_024, 2_048]
    assert pictures.of_sweep(sweep(n_layer=[12, 24, 36, 48])).axes[0].get_xscale() == "linear"


def test_dots_at_the_edge_are_whole():
    for figure in (
        pictures.of_sweep(sweep(n_layer=[12, 24])),
        pictures.of_trend(compare(FOUR)),
    ):
        lines = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
        assert lines
        assert not any(line.get_clip_on() for line in lines)


def test_a_small_grid_has_a_cell_for_each_config_and_pale_ones_outside_the_bounds():
    figure = pictures.of_sweep(sweep(n_layer=[12, 24], n_embd=[768, 1_024], at_least="200M"))
    cells, bar = figure.axes
    assert sorted((text.get_text(), text.get_color()) for text in cells.texts) == [
        ("124M", PALE),
        ("204M", INK),
        ("209M", INK),
        ("355M", INK),
    ]
    assert bar.get_ylabel() == "parameters"
    assert [label.get_text() for label in bar.get_yticklabels()][:1] == ["204M"]


def test_a_fine_map_has_a_colour_bar():
    figure = pictures.of_sweep(sweep(n_layer=range(2, 60), n_embd=range(256, 1_025, 64)))
    assert figure.axes[1].get_ylabel() == "parameters"


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: charts.composition(ax, count("gpt2-xl,tie_embeddings=no")),
        lambda ax: charts.stacked(ax, compare(FOUR[:2])),
        lambda ax: charts.grouped(ax, compare(FOUR[:2])),
        lambda ax: charts.layer_norm(ax, compare(FOUR[:2])),
    ],
)
def test_a_chart_fits_small_axes_of_somebody_elses_figure(draw):
    figure = matplotlib.figure.Figure(figsize=(7, 5), layout="constrained")
    ax = figure.subplots(2, 2)[0, 1]
    for other in figure.axes:
        if other is not ax:
            other.set_axis_off()
    draw(ax)
    for (one, first), (other, second) in itertools.combinations(boxes(figure), 2):
        apart = first.x1 <= second.x0 + 1 or second.x1 <= first.x0 + 1
        apart = apart or first.y1 <= second.y0 + 3 or second.y1 <= first.y0 + 3
        assert apart, (one, other)


def test_a_picture_says_its_model_and_what_was_changed(run, tmp_path):
    run("gpt2-xl", "--no-tie-embeddings", "--plot", tmp_path / "a.svg")
    said = re.sub(r"<[^>]+>", " ", (tmp_path / "a.svg").read_text())
    assert "gpt2-xl" in said
    assert "untied head" in said


def test_text_stays_text():
    svg = as_bytes(pictures.of_count(count("gpt2")), "svg").decode()
    assert "token embedding</text>" in svg
    assert "DejaVu Sans" in svg
    pdf = as_bytes(pictures.of_count(count("gpt2")), "pdf")
    assert b"/Type3" not in pdf
    assert b"/CIDFontType2" in pdf


def test_every_model_of_the_trend_is_named_on_a_phone():
    figure = pictures.of_trend(compare(FOUR), pictures.PHONE)
    assert set(FOUR) <= {text.get_text() for text in figure.axes[0].texts}


def test_any_name_can_be_drawn(run, tmp_path):
    for name in ("a$^{$", "日本語", "x" * 100):
        (tmp_path / f"{name}.toml").write_text("n_layer = 2\nn_embd = 64\n")
        ran = run("compare", tmp_path / f"{name}.toml", "gpt2", "--plot", tmp_path / "a.png")
        assert (ran.status, ran.err) == (0, "")


def test_the_commands_draw(run, tmp_path):
    for number, arguments in enumerate(
        (
            ("gpt2-xl",),
            ("compare", *FOUR),
            ("compare", *FOUR, "--kind", "grouped"),
            ("compare", *FOUR, "--kind", "layer-norm"),
            ("sweep", "--n-layer", "12:96:12"),
            ("sweep", "--n-layer", "12:96:12", "--share"),
            ("sweep", "--n-layer", "12:96:12", "--n-embd", "768,1024"),
            ("solve", "--params", "350M"),
        )
    ):
        path = tmp_path / f"{number}.png"
        with_picture = run(*arguments, "--plot", path)
        assert with_picture.status == 0
        assert path.read_bytes().startswith(b"\x89PNG")
        if "--share" not in arguments and "--kind" not in arguments:
            assert with_picture.out == run(*arguments).out


def test_a_picture_of_many_rows_needs_no_table(run, tmp_path):
    ran = run("sweep", "--n-layer", "1:20000", "--plot", tmp_path / "a.svg")
    assert (ran.status, ran.out) == (0, "")
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--plot", "a.gif"], "a.gif does not end in .png, .svg or .pdf"),
        (["--plot", "a"], "a does not end in .png, .svg or .pdf"),
        (["--plot"], "--plot needs a value"),
        (["--plot", "nowhere/a.png"], "nowhere/a.png cannot be written: nowhere is no folder"),
        (["--plot", "a.png", "--tensors"], "--tensors is a list and no picture"),
        (["compare", "gpt2", "gpt2-xl", "--kind", "grouped"], "--kind says how to draw"),
        (["compare", "gpt2", "gpt2-xl", "--plot", "a.png", "--kind", "pie"], "--kind is 'pie'"),
        (["sweep", "--n-layer", "1,2", "--share"], "--share says what to draw"),
        (
            ["sweep", "--n-layer=1,2", "--n-embd=1,2", "--vocab=1,2", "--plot", "a.png"],
            "3 axes cannot be drawn: a picture has one axis or two",
        ),
        (
            ["sweep", "--n-layer=1,2", "--n-head=1,2", "--plot", "a.png"],
            "n_head never changes the",
        ),
        (["sweep", "--n-layer=1,2", "--at-least=1T", "--plot", "a.png"], "within the bounds"),
        (
            ["sweep", "--n-layer=1,2", "--n-embd=64,128", "--at-least=1T", "--plot", "a.png"],
            "no config lies within the bounds",
        ),
        (["solve", "--params=1e9", "--min-aspect=1e9", "--plot=a.png"], "has an aspect of 1e+09"),
        (["--n-layer", "1" + "0" * 400, "--plot", "a.png"], "more than 300 digits cannot be drawn"),
        (
            ["sweep", "--n-layer=1,2", "--n-embd=1,2", "--share", "--plot", "a.png"],
            "2 axes cannot be drawn: shares are drawn over one axis",
        ),
        (
            ["solve", "--params=1B", "--for=vocab", "--plot", "a.png"],
            "of shapes: leave out",
        ),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(refused, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_an_ending_may_be_in_capitals(tmp_path):
    save(pictures.of_count(count(ModelConfig())), tmp_path / "A.PNG")
    with pytest.raises(UserError, match="does not end in"):
        save(pictures.of_count(count(ModelConfig())), tmp_path / "A.jpeg")
