"""The command serve, and the glance at memory: forms, pictures, and what they refuse."""

import json

import pytest


def test_the_verdict_is_the_first_line(run):
    said = run("serve", "llama-3-8b", "--users", "32", "--gpu", "h100").out
    assert said.startswith("It fits on one NVIDIA H100 SXM: 32 users of 8,192 tokens, 51.40 GB of")
    assert run("serve", "llama-3-70b", "--gpu", "4090").out.startswith("It does not fit on one")
    assert run("serve", "gpt2").out.startswith("Serving 1 user of 1,024 tokens holds 321.25 MB")


def test_every_form_has_the_same_figures(run):
    words = ("serve", "llama-3-8b", "--users", "2", "--context", "1k", "--gpu", "24GB")
    said = json.loads(run(*words, "--format", "json").out)
    heading, row = run(*words, "--format", "csv").out.splitlines()
    flat = dict(zip(heading.split(","), row.split(","), strict=True))
    assert flat["total"] == str(said["total"])
    assert flat["transformers_prefill"] == str(said["in_transformers"]["prefill"])
    assert f"{said['total']:,}" in run(*words, "--format", "markdown").out


def test_a_picture(run, tmp_path):
    drawn = tmp_path / "users.svg"
    assert run("serve", "gpt2", "--gpu", "24GB", "--plot", drawn).status == 0
    assert "users of 1,024 tokens each" in drawn.read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--users", "many"], "--users is 'many': it must be a whole number"),
        (["--users", "0"], "users is 0: it must be a positive whole number"),
        (["--context", "2k"], "the model has positions for 1,024 tokens"),
        (["--context", "long"], "--context is 'long': it must be a whole number, such as 8k"),
        (["--tensor-parallel", "5"], "tensor_parallel is 5: it must divide n_head"),
        (["--gpu", "h900"], "no device is called 'h900'"),
        (["--dtype", "int4"], "it must be float32, bfloat16, float16 or mixed"),
        (["--margin", "80GB", "--gpu", "24GB"], "margin is 80.00 GB"),
    ],
)
def test_a_mistake_is_one_line(refused, words, message):
    assert message in refused("serve", "gpt2", *words)


def test_memory_without_a_run_is_a_glance(run):
    said = run("memory", "llama-3-8b").out
    assert "serving 32 users of 8,192 tokens" in said
    assert "24 GB (rtx-4090)" in said
    assert max(map(len, said.splitlines())) <= 80
    needs = json.loads(run("memory", "llama-3-8b", "--format", "json").out)["needs"]
    assert needs[0]["bytes"] == 16_060_522_496
    assert "total" in json.loads(run("memory", "gpt2", "--training", "--format", "json").out)
    on_one = run("memory", "llama-3-8b", "--gpu", "4090").out
    assert "on one NVIDIA GeForce RTX 4090" in " ".join(on_one.split())


@pytest.mark.parametrize("name", ["h100", "H100", "RTX 4090", "4090", "nvidia l4", "24 GiB"])
def test_devices_as_people_call_them(run, name):
    assert "on one" in " ".join(run("memory", "gpt2", "--gpu", name).out.split())


def test_one_change_beside_common_ground(run, refused):
    said = run(
        "compare", "gpt2-xl", "--of", "memory", "--batch", "8", "--with", "checkpointing=block"
    )
    total = next(line for line in said.out.splitlines() if line.startswith("total"))
    assert total.split()[1:] == ["64,614,874,776", "31,152,291,860"]
    assert "write a field and its value" in refused("compare", "gpt2", "--with", "checkpointing")
    hint = refused("sweep", "--of", "memory", "--dtype", "bf16,fp32")
    assert "'gpt2calc compare gpt2 --with dtype=bf16 --with dtype=fp32'" in hint


def test_the_same_grid_over_several_models(run, refused):
    words = ("sweep", "gpt2", "llama-3-8b", "--of", "cache", "--batch", "1,2")
    rows = [line.split(",") for line in run(*words, "--format", "csv").out.splitlines()]
    assert rows[0][:3] == ["model", "batch", "total"]
    assert [row[0] for row in rows[1:]] == ["gpt2", "gpt2", "llama-3-8b", "llama-3-8b"]
    said = json.loads(run(*words, "--format", "json").out)["sweeps"]
    assert [each["rows"][1]["total"] for each in said] == [int(rows[2][2]), int(rows[4][2])]
    assert run(*words).out.count("GPT-2 with") == 1
    assert "give one, or leave out --plot" in refused(*words, "--plot", "x.png")
    half, whole = json.loads(
        run(
            *words[:2], "--of", "cache", "--dtype", "bf16,fp32", "--seq", "8,9", "--format", "json"
        ).out
    )["sweeps"]
    assert whole["rows"][0]["total"] == 2 * half["rows"][0]["total"]
    assert "'nosuch' is neither" in refused("sweep", "gpt2", "nosuch", "--n-layer", "1,2")


def test_a_type_of_packed_weights_says_where_they_are(refused, run):
    assert "for weights in 8 or 4 bits, 'gpt2calc serve' has --weight-bits" in refused(
        "serve", "qwen3-32b", "--dtype", "fp8"
    )
    packed = run("serve", "qwen3-32b", "--weight-bits", "8", "--gpu", "h100").out
    assert packed.startswith("It fits on one NVIDIA H100 SXM")
    assert "weight_bits is 5: it must be 8 or 4" in refused("serve", "--weight-bits", "5")
