"""The devices: every figure has its source, and a file of one's own is read with care."""

import json

from gpt2calc import device

WANTED = (
    "v100-16gb", "v100-32gb", "t4", "a10", "a30", "a40", "a100-40gb", "a100-80gb",
    "a800-80gb", "l4", "l40", "l40s", "h20", "h100-pcie", "h100-sxm", "gh200-96gb",
    "h200", "b200", "mi210", "mi250x", "mi300x", "mi325x", "rtx-2080-ti",
    "rtx-3060-12gb", "rtx-3070", "rtx-3080", "rtx-3080-ti", "rtx-3090", "rtx-3090-ti",
    "rtx-4060", "rtx-4060-ti-16gb", "rtx-4070", "rtx-4070-ti-super", "rtx-4080",
    "rtx-4080-super", "rtx-4090", "rtx-5060-ti-16gb", "rtx-5070", "rtx-5070-ti",
    "rtx-5080", "rtx-5090", "rtx-a6000", "rtx-6000-ada", "rtx-pro-6000", "dgx-spark",
    "tpu-v4", "tpu-v5e", "tpu-v5p", "tpu-v6e", "tpu-v7", "apple-m1-max",
    "apple-m1-ultra", "apple-m2-max", "apple-m2-ultra", "apple-m3-max",
    "apple-m3-ultra", "apple-m4", "apple-m4-pro", "apple-m4-max",
)  # fmt: skip


def test_the_command(run):
    said = run("devices").out
    row = ("a100-80gb", "80", "2,039", "19.5", "156", "312", "312")
    assert row in [tuple(line.split()) for line in said.splitlines()]
    assert max(map(len, said.splitlines())) <= 80
    assert said.count("\na100-80gb ") == 1  # all columns are in one table
    listed = json.loads(run("devices", "--format", "json").out)["devices"]
    assert [each["id"] for each in listed] == list(WANTED)
    assert run("devices", "--format", "csv").out.splitlines()[1].startswith("v100-16gb,NVIDIA")


def test_a_file_of_ones_own(written, run):
    path = written("memory = 1_000\npeak = { float32 = 10 }\n")
    assert device(path).name == "mine"
    assert device(path).peak_in(None) == ("float32", 10)
    assert device(written("[one]\nname='One'\nmemory=5\n", "one.toml")).name == "One"
    said = run("train", "--tokens", "1B", "--gpu", path).out
    assert "1 x mine" in said
