"""Flags made of types: every field is one, every number is read as it is written, or refused."""

import csv
import io
import json
from typing import Annotated, Literal

import pytest

from gpt2calc import ModelConfig, Run
from gpt2calc.cli import flags
from gpt2calc.metrics.devices import device
from gpt2calc.model.fields.declared import Declared
from gpt2calc.model.fields.known import Known, Layers, Size


class Kiln(Declared):
    """A config of another kind, with a field of each type."""

    bricks: Annotated[Size, Known("{} bricks", "Bricks in the wall.")] = 40
    fuel: Annotated[Literal["wood", "gas", "none"], Known("{}", "What burns.")] = "wood"
    rows: Annotated[Layers, Known("rows {}", "Rows that are glazed.")] = ()
    vented: Annotated[bool, Known("no vent", "Air from below.", opposite="sealed")] = False


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--bricks", "2k"], {"bricks": 2_000}),
        (["--fuel", "gas"], {"fuel": "gas"}),
        (["--no-fuel"], {"fuel": None}),
        (["--rows", "3,1"], {"rows": (3, 1)}),
        (["--vented"], {"vented": True}),
        (["--no-vented"], {"vented": False}),
        (["--sealed", "--rows="], {"vented": False, "rows": ()}),
    ],
)
def test_a_field_of_any_config_is_a_flag(words, said):
    from cyclopts import App

    fields = flags._flags((Kiln, name, flags.OF_RUN) for name in Kiln.known)
    app = App()

    @app.default
    def fire(*, fields: fields | None = None):
        return fields

    assert app(words, exit_on_error=False, result_action="return_value") == said


@pytest.mark.parametrize("kind", [ModelConfig, Run])
def test_every_field_is_a_flag_that_refuses_what_it_cannot_be(refused, kind):
    for name in kind.known:
        flag = f"--{name.replace('_', '-')}"
        assert f"{name} is '@'" in refused("compare", "gpt2", f"{flag}=@").replace(flag, name)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["train", "--days", "3 weeks"], "--days is '3 weeks': it must be a positive number"),
        (["train", "--tokens", "1B", "--gpus", "many"], "--gpus is 'many': it must be a whole"),
        (["train", "--tokens", "1B", "--mfu", "140%"], "--mfu is '140%': it must be at most 1"),
        (["train", "--tokens", "1B", "--price", "free"], "--price is 'free': it must be a posi"),
        (["train", "--tokens-per-second", "1B"], "--tokens-per-second is '1B': it must be a"),
        (["train", "--seconds-per-step", "0"], "--seconds-per-step is '0': it must be a posi"),
        (["train", "--steps", "80GB"], "'80GB' is no number of steps: write it like"),
        (["solve", "--compute", "1 ZFLOP"], "'1 ZFLOP' is no number of FLOPs: write it like"),
        (["solve", "--gpus", "8", "--days", "1e99999999"], "has more than 60 digits"),
        (["solve", "--gpus", "eight", "--days", "7"], "gpus is 'eight': it must be a positive"),
        (["serve", "--gpu", "h100", "--margin", "7 days"], "'7 days' is no number of bytes"),
        (["serve", "--context", "8GB"], "--context is '8GB': it must be a whole number, such"),
        (["exercise", "--seed", "1.5"], "--seed is '1.5': it must be a whole number, such as 8"),
        (["--plot="], "--plot is '': it must be the name of a file"),
        (["--no-norm", "--no-norm"], "--no-norm is given twice, or with its opposite"),
    ],
)
def test_a_number_of_another_kind_is_one_line(refused, words, rule):
    assert rule in refused(*words)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (
            ["flops", "--dtype", "bf16"],
            "there is no flag --dtype here: --dtype is a flag of 'gpt2calc mem",
        ),
        (
            ["serve", "--batch", "3"],
            "--batch is a flag of 'gpt2calc flops', 'gpt2calc memory', 'gpt2calc",
        ),
        (
            ["memory", "--precision", "bf16"],
            "--precision is a flag of 'gpt2calc steps', 'gpt2calc train'; did you mean '--dtype'?",
        ),
        (
            ["memory", "--context", "8k"],
            "--context here: --context is a flag of 'gpt2calc serve'; did you mean '--seq'?",
        ),
        (["memory", "--users", "8"], "is a flag of 'gpt2calc serve'; did you mean '--batch'?"),
        (["memory", "--tp", "2"], "--tp here: --tensor-parallel is a flag of 'gpt2calc serve'"),
        (["memory", "--ctx", "8k"], "there is no flag --ctx; did you mean '--seq'?"),
        (["memory", "--bits", "8"], "--weight-bits is a flag of 'gpt2calc serve'"),
        (["memory", "--quantization", "nf4"], "--weight-bits is a flag of 'gpt2calc serve'"),
        (["serve", "--seq", "8k"], "'gpt2calc cache' and others; did you mean '--context'?"),
        (["serve", "--tp", "2"], "there is no flag --tp; did you mean '--tensor-parallel'?"),
        (["serve", "--gpus", "2"], "did you mean '--tensor-parallel'?"),
        (["solve", "--tolerance", "-5%"], "--tolerance is '-5%': it must not begin with a hyphen"),
        (["solve", "--tolerance", "--limit"], "--tolerance needs a value"),
        (["train", "--tokens", "1B", "--inference"], "leave it out, or ask 'gpt2calc serve'"),
        (["flops", "--n-ctx", "9" * 400], "is beyond 10^308: give smaller ones"),
    ],
)
def test_a_flag_out_of_place_is_one_line(refused, words, hint):
    assert hint in refused(*words)


@pytest.mark.parametrize(
    ("command", "theirs", "ours"),
    [
        ("train --tokens 1B --precision", "BF16", "bfloat16"),
        ("train --tokens 1B --precision", "tf32", "tfloat32"),
        ("train --tokens 1B --gpu h100 --precision", "fp8", "float8"),
        ("steps gpt2 gpt2-xl --precision", "fp32", "float32"),
        ("memory --optimizer", "AdamW", "adamw"),
        ("memory --gpus 2 --shard fsdp --reduce-dtype", "bf16", "bfloat16"),
        ("memory --dtype bf16 --master-weights", "FP32", "float32"),
        ("memory --inference --attention", "SDPA", "sdpa"),
        ("explain --of", "FLOPs", "flops"),
        ("--norm", "RMS", "rms"),
        ("--format", "JSON", "json"),
    ],
)
def test_a_choice_goes_by_other_names_and_in_capitals(run, command, theirs, ours):
    as_ours = run(*command.split(), ours)
    assert as_ours.status == 0
    assert run(*command.split(), theirs).out == as_ours.out


@pytest.mark.parametrize("kernel", ["Flash_Attention_2", "flex_attention"])
def test_kernels_of_gpus_are_said_to_be_flash(refused, kernel):
    said = refused("memory", "--attention", kernel)
    assert said.endswith("eager, sdpa or flash; such kernels are counted as flash")


def test_adam_is_not_taken_for_adamw(refused):
    assert refused("memory", "--optimizer", "Adam").endswith("; did you mean 'adamw'?")


def test_a_list_is_as_long_as_there_are_shapes(run):
    shapes = ("solve", "--budget", "350M", "--format", "json", "--limit")
    assert run(*shapes, "9" * 30).out == run(*shapes, "9" * 9).out


def test_numbers_are_read_exactly(run):
    asked = ("solve", "--gpus", "8", "--days", "35.7", "--mfu", "40%", "--format=json")
    peak = device("h100").peak["bfloat16"]
    assert json.loads(run(*asked).out)["compute"] * 100 == 8 * 357 * 86_400 * 4 * peak
    served = json.loads(run("serve", "--users", "1k", "--context", "1k", "--format=json").out)
    assert (served["users"], served["context"]) == (1_000, 1_024)


def test_a_sweep_takes_a_model_with_each_of_some_choices(run):
    told = run("sweep", "--n-layer", "1,2", "--norm", "layer,rms", "--format", "csv").out
    models = [row["model"] for row in csv.DictReader(io.StringIO(told))]
    assert models == ["gpt2,norm=layer"] * 2 + ["gpt2,norm=rms"] * 2
