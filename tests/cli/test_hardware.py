"""The devices: every figure has its source, and a file of one's own is read with care."""

import json

from gpt2calc import device

WANTED = (
    *("v100-16gb", "v100-32gb", "t4", "a10", "a100-40gb", "a100-80gb", "l4", "l40s", "h100-pcie"),
    *("h100-sxm", "h200", "b200", "mi300x", "rtx-3060-12gb", "rtx-3090", "rtx-4090", "rtx-5090"),
    *("tpu-v4", "tpu-v5e", "tpu-v5p"),
)


def test_the_command(run):
    said = run("devices").out
    assert "2,039.0" in said
    assert max(map(len, said.splitlines())) <= 80
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
