"""From one model to another: every step is exact, and they add up."""

import pytest

from gpt2calc import steps


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["gpt2"], "LAST needs a value: 'gpt2calc steps --help' shows"),
        (["gpt2", "zebra"], "'zebra' is neither a preset nor a file"),
        (["gpt2", "tinyllama", "--order", "heads"], "'heads' is no field in which the two models"),
        (["gpt2", "tinyllama", "--order", "n_expert"], "'n_expert' is no field in which the two"),
        (["gpt2", "tinyllama", "--seq", "0"], "seq is 0"),
        (["gpt2", "tinyllama", "--seq", "x"], "--seq is 'x': it must be a whole number"),
        (["gpt2", "tinyllama", "--plot", "steps.bmp"], "does not end in .png, .svg or .pdf"),
    ],
)
def test_mistakes_are_one_line(refused, flags, words):
    assert words in refused("steps", *flags)


def test_the_command_in_every_format(run):
    walked = steps("gpt2-xl", "mixtral-8x7b")
    for form in ("text", "json", "csv", "markdown"):
        ran = run("steps", "gpt2-xl", "mixtral-8x7b", "--format", form)
        assert (ran.status, ran.err) == (0, "")
        assert ran.out == f"{getattr(walked, form)()}\n"
    assert max(map(len, walked.text().splitlines())) <= 80
    rows = walked.to_rows()
    assert [rows[0]["kind"], rows[1]["kind"], rows[-1]["kind"]] == ["start", "step", "end"]
    assert rows[-1]["active"] == 12_879_925_248


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_waterfall_is_drawn(run, tmp_path, ending):
    file = tmp_path / f"steps.{ending}"
    assert run("steps", "gpt2-xl", "tinyllama", "--plot", file).status == 0
    assert file.stat().st_size > 10_000
