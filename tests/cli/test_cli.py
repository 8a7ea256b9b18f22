"""The command as it is typed: its formats, its mistakes, and what a terminal or a pipe gets."""

import csv
import io
import json
import os
import re
import subprocess
import sys

import pytest

from gpt2calc import ModelConfig, __version__, count, load, presets
from gpt2calc.cli.app import COMMANDS, TEXT_ONLY, app
from gpt2calc.cli.flags import OF_GPT2


def test_the_default_is_gpt2_small(run):
    assert run().out == run("gpt2").out == f"{count(ModelConfig())}\n"


def test_flags_override_the_preset(run):
    expected = load("gpt2-xl").replace(n_layer=12, n_inner=100, bias=False, tie_embeddings=False)
    flags = ("--n-layer", 12, "--n-inner=100", "--no-bias", "--no-tie-embeddings")
    assert run("gpt2-xl", *flags).out == run(*flags, "gpt2-xl").out == f"{count(expected)}\n"
    assert run("--bias").out == run("--qkv-bias").out == run().out


def test_a_file_is_a_model(run, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("n_layer = 3\n")
    assert run(path).out == f"{count(ModelConfig(n_layer=3))}\n"


def test_formats(run):
    counted = count(ModelConfig())
    assert run("--format", "json").out == f"{counted.json()}\n"
    rows = list(csv.DictReader(io.StringIO(run("--format", "csv").out)))
    assert [int(row["total"]) for row in rows[:-1]] == [part.total for part in counted.parts]
    assert int(rows[-1]["total"]) == counted.total
    assert run("--format", "markdown").out.startswith("**GPT-2 with 12 layers")


@pytest.mark.parametrize("form", ["text", "json", "csv", "markdown"])
@pytest.mark.parametrize("command", [(), ("--tensors",), ("presets",)])
def test_every_command_prints_every_format(run, command, form):
    ran = run(*command, "--format", form)
    assert ran.status == 0
    assert ran.err == ""
    assert "124439808" in ran.out.replace(",", "")


def test_presets_say_where_a_paper_and_the_count_part(run):
    listed = {
        each["name"]: each for each in json.loads(run("presets", "--format=json").out)["presets"]
    }
    assert set(listed) == {each.name for each in presets()}
    assert listed["gpt2"]["agrees"] is False
    assert listed["gpt3-small"]["agrees"] is True
    assert listed["gpt2"]["source"]["title"].startswith("Radford et al. 2019")
    names = list(listed)
    assert names.index("distilgpt2") + 1 == names.index("gpt2") == names.index("gpt2-xl") - 3
    assert names.index("gpt3-2.7b") < names.index("gpt3-13b") < names.index("gpt3-175b")
    text = run("presets").out
    assert max(map(len, text.splitlines())) <= 80
    families = {preset.config.of_family.words for preset in presets()}
    assert len(re.findall(r"^preset ", text, re.MULTILINE)) == len(families)  # none is folded
    assert re.search(r"^gpt2 .* ≠ 117M$", text, re.MULTILINE)
    assert re.search(r"^gpt3-small .* 125M$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "found", "others"),
    [
        ("7b", "llama-2-7b gemma-7b", "gemma-2-27b gpt3-2.7b mixtral-8x7b bloom-7b1"),
        ("llama 3", "llama-3-8b llama-3.2-1b", "llama-13b llama-30b smollm-135m"),
        ("gemma 4", "gemma-4-31b", "gemma-3-4b"),
        ("qwen3", "qwen3-8b", "qwen2.5-3b"),
        ("3 xl", "gpt3-xl", ""),
        ("3.1", "llama-3.1-8b", "opt-13b"),
        ("1", "phi-1.5", "llama-3.1-8b llama-3.2-1b gpt3-13b"),
        ("llam", "llama-7b tinyllama", ""),
    ],
)
def test_a_number_among_the_words_is_no_part_of_a_longer_one(run, words, found, others):
    listed = json.loads(run("presets", *words.split(), "--format=json").out)["presets"]
    names = {each["name"] for each in listed}
    assert names.issuperset(found.split())
    assert names.isdisjoint(others.split())


def test_version_and_help(run):
    assert run("--version").out == f"{__version__}\n"
    told = run("--help").out + run("--help-model").out
    for name, known in ModelConfig.known.items():
        assert f"--{name.replace('_', '-')}" in told
        assert known.description[:20] in " ".join(told.replace("│", " ").split())
    assert run("verify", "--help").status == 0


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["comapre", "gpt2", "gpt2-xl"], "compare"),
        (["sovle", "--params", "1B"], "solve"),
        (["swep", "gpt2", "--n-layer", "1:3"], "sweep"),
    ],
)
def test_a_command_with_a_slip_is_suggested(refused, arguments, command):
    assert f"did you mean '{command}'?" in refused(*arguments)


def test_a_command_is_suggested_only_where_one_stands(refused):
    assert "did you mean 'compare'?" in refused("compre")
    for command in ("flops", "memory", "compare"):
        assert "did you mean" not in refused(command, "compre")


@pytest.mark.parametrize("words", [["--help"], ["count", "--help"], ["gpt2", "-h"]])
def test_the_help_page_of_the_program_describes_the_commands(words):
    command = [sys.executable, "-m", "gpt2calc", *words]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Put models side by side: a column for each." in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["gpt2,batch=8"],
        ["compare", "gpt2", "--with", "batch=8"],
        ["compare", "gpt2", "gpt2,batch=8"],
        ["sweep", "gpt2,batch=8", "--n-layer", "1,2"],
        ["solve", "gpt2,batch=8", "--budget", "1B"],
        ["explain", "gpt2,batch=8"],
    ],
)
def test_a_run_in_the_place_of_a_model_that_changes_nothing_is_refused(refused, arguments):
    said = "batch does not change what --of parameters counts: ask --of flops, memory or cache"
    assert said in refused(*arguments)


def test_help_lists_the_choices(run):
    told = " ".join(run("explain", "--help").out.replace("│", " ").split())
    assert "n_layer, n_embd, n_head, vocab, n_ctx, n_inner, batch, seq, another number" in told
    assert "What is counted. [choices: parameters, active, flops, memory, cache]" in told
    told = " ".join(run("solve", "--help").out.replace("│", " ").split())
    assert "Solve for this field alone: n_layer, n_embd, n_head, vocab, n_ctx," in told
    assert "--budget --params BUDGET How much" in told


def test_install_completion_says_which_files_it_writes(run):
    told = run("--install-completion", "--help").out
    for file in ("bash-completion/completions/gpt2calc", "_cyclopts_gpt2calc", "gpt2calc.fish"):
        assert file in told
    for start_up in ("~/.bashrc", "~/.zshrc"):
        assert start_up in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gpt2-xk"], "'gpt2-xk' is neither a preset nor a file; did you mean 'gpt2-xl'?"),
        (["nonsense-1"], "neither a preset nor a file; 'gpt2calc presets' lists the presets"),
        (["params"], "is no command, preset or file; 'gpt2calc --help' lists the commands, 'gpt2c"),
        (["params", "gpt2"], "'params' is no command, preset or file; 'gpt2calc --help' lists"),
        (["kv", "--seq", "8k"], "'kv' is no command, preset or file; 'gpt2calc --help' lists"),
        (["llama", "gpt2"], "'llama' is neither a preset nor a file; presets like it: llama-"),
        (["help"], "the presets; did you mean '--help'?"),
        (["verfy"], "'gpt2calc presets' the presets; did you mean 'verify'?"),
        ([""], "'' is neither"),
        (["gpt2", "gpt2-xl"], "'gpt2-xl' is one argument too many"),
        (["--n-layer", "0"], "n_layer is 0: it must be a positive whole number, such as 12"),
        (["--n-layer", "-3"], "n_layer is -3"),
        (["--n-layer", "12.5"], "n_layer is '12.5': it must be a positive whole number"),
        (["--n-layer", "12.0"], "n_layer is '12.0'"),
        (["--n-layer", "true"], "n_layer is 'true'"),
        (["--n-layer", "nan"], "n_layer is 'nan'"),
        (["--n-layer", "1e3.5"], "n_layer is '1e3.5'"),
        (["--n-layer="], "n_layer is ''"),
        (["--n-layer"], "--n-layer needs a value"),
        (["--n-layer", "3", "--n-layer", "4"], "--n-layer is given more than once"),
        (["--n-layr", "3"], "there is no flag --n-layr; did you mean '--n-layer'?"),
        (["--versoin"], "did you mean '--version'?"),
        (["versify.toml"], "'versify.toml' is neither a preset nor a file; 'gpt2calc presets'"),
        (["--zzzzzz"], "there is no flag --zzzzzz: 'gpt2calc --help' shows"),
        (["-x"], "there is no flag -x"),
        (["--bias=maybe"], "--bias is 'maybe': it must be true or false"),
        (["--format", "xml"], "--format is 'xml': it must be text, json, csv or markdown"),
        (["--n-head", "7"], "n_head is 7: it must divide n_embd, which is 768, as 12 does"),
        (["inspect"], "PATH needs a value"),
        (
            ["presets", "qqq"],
            "no preset has 'qqq' in its name or family; the families are GPT-2",
        ),
        (["presets", "qqq"], ", Llama, ...: 'gpt2calc presets' lists all"),
        (
            ["sweep"],
            "per_layer_dim, ...: 'gpt2calc memory --help' and 'gpt2calc --help-model' l",
        ),
        (["exercise", "--family", "foo"], ", mpt, ...: 'gpt2calc guide families' lists all"),
        (["presets", "--formt", "csv"], "there is no flag --formt; did you mean '--format'?"),
        (["--n-embd", "9" * 5000, "--n-head", "7"], "n_head is 7: it must divide n_embd"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused(*arguments)


def test_a_count_of_thousands_of_digits_is_printed(run):
    assert len(run("--n-embd", "1" + "0" * 3000).out) > 10_000


def test_a_message_stays_one_line_whatever_the_name(refused):
    assert "no\\nthing" in refused("inspect", "no\nthing")
    assert "\\x1b[31m" in refused("\x1b[31mred")


def test_a_preset_of_other_heads_takes_any_width(run, refused):
    assert run("gpt3-large", "--n-embd", 1000).status == 0
    assert "n_head is 16" in refused("gpt3-large", "--n-embd", 1000, "--n-head", 16)


def test_completion_that_cannot_be_installed_is_refused(refused, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    there = tmp_path / "file" / "completion"
    line = refused("--install-completion", "--shell", "bash", "--output", there)
    assert "completion was not installed" in line
    assert "try --shell or --output" in line


def test_without_torch_the_proof_says_how_to_install_it(run, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    line = refused("verify")
    assert "torch is not installed" in line
    assert "pip install 'torch>=2.4,<2.14' 'transformers>=4.45'" in line
    assert run().status == 0


def test_a_wide_terminal_is_used(monkeypatch, run):
    models = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2")
    narrow = run("compare", *models).out
    assert max(map(len, narrow.splitlines())) <= 80
    assert narrow.count("total  ") == 2
    monkeypatch.setenv("COLUMNS", "200")
    assert run("compare", *models).out == narrow
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    wide = run("compare", *models).out
    assert wide.count("total  ") == 1
    assert 80 < max(map(len, wide.splitlines())) <= 200


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_help_fits_on_two_screens(run, command):
    lines = run(*command, "--help").out.splitlines()
    assert len(lines) <= 96
    assert max(map(len, lines)) <= 80
    assert "--norm-place" not in "".join(lines)


@pytest.mark.parametrize("words", [(), ("memory",), ("compare", "gpt2", "gpt2-xl")])
def test_the_parts_of_a_model_have_a_help_page_of_their_own(run, words):
    told = run(*words, "--help-model")
    assert told.status == 0
    for name in ModelConfig.known:
        flag = f"--{name.replace('_', '-')} "
        assert (flag in told.out) == (name not in OF_GPT2), name
    assert max(map(len, told.out.splitlines())) <= 80


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("words", ["--help", "--help-model", "memory --help", "solve --help"])
def test_help_breaks_no_flag(columns, words):
    told = subprocess.run(
        [sys.executable, "-m", "gpt2calc", *words.split()],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": str(columns)},
    ).stdout
    assert max(map(len, told.splitlines())) <= columns
    known = {
        name
        for command in (app, *(app[each] for each in COMMANDS))
        for every in command.assemble_argument_collection()
        for name in every.names
    }
    named = re.findall(r"^│ +(--[a-z-]+)(?: (--[a-z-]+))?", told, re.MULTILINE)
    assert {flag for flags in named for flag in flags if flag} <= {*known, *app, TEXT_ONLY}


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        (["--n-ctx", "128k"], "context 131,072"),
        (["--vocab", "32k"], "vocabulary 32,000"),
        (["--n-ctx", "1M"], "context 1,048,576"),
        (["--vocab", "1.5k"], "vocabulary 1,500"),
    ],
)
def test_k_is_1024_for_lengths_of_sequences_alone(run, flag, said):
    assert said in run(*flag).out
    assert "8,192 tokens a sequence" in " ".join(
        run("flops", "llama-3-8b", "--seq", "8k").out.split()
    )


@pytest.mark.parametrize("text", ["1.0001k", "k", "8kk", "8 k", "1e3k"])
def test_a_length_that_is_none_is_one_line(refused, text):
    assert "it must be a positive whole number" in refused("--n-ctx", text)
