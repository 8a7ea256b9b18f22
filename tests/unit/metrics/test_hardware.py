"""The devices: every figure has its source, and a file of one's own is read with care."""

import pytest

from gpt2calc import UserError, device, devices
from gpt2calc.metrics.devices import PRECISIONS


def test_all_that_people_ask_for_is_there_with_its_source():
    known = devices().devices
    for each in known.values():
        assert each.source.startswith("https://")
        assert 8 * 10**9 <= each.memory < 10**12
        assert each.bandwidth is None or 10**11 < each.bandwidth <= 8 * 10**12
    for name in ("a40", "A6000", "l40s", "h20", "rtx 3060 12gb", "4080", "5090"):
        assert device(name).name.startswith("NVIDIA")
    assert device("M3 Ultra").memory == 512 * 10**9


def test_peaks_are_dense_and_grow_as_numbers_get_shorter():
    for each in devices().devices.values():
        peaks = [each.peak[name] for name in PRECISIONS if name in each.peak]
        assert peaks == sorted(peaks)
        assert each.peak.get("float16", 0) in (each.peak.get("bfloat16"), 0) or len(peaks) <= 2
    # A100: 312 TFLOP/s dense and 624 with sparsity; H100: 1,979 with sparsity, in bfloat16
    assert device("a100-80gb").peak["bfloat16"] == 312 * 10**12
    assert device("H100-SXM").peak["bfloat16"] == 1_979 * 10**12 // 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("peak = {}", "says no memory: give it"),
        ("memory = -1", "memory is -1: it must be a positive whole number"),
        ("memory = 1.5", "memory is 1.5"),
        ("memory = 1\nmemmory = 1", "memmory is 1: there is no such field"),
        ("memory = 1\npeak = { int4 = 1 }", "it must be one of float32"),
        ("memory = 1\npeak = { float32 = 'x' }", "is 'x': it must be a positive whole number"),
        ("memory = ", "is not a TOML file"),
        ("[a]\nmemory=1\n[b]\nmemory=2", "has 2 devices: give a file with one of them"),
    ],
)
def test_a_file_that_says_something_else(written, text, words):
    path = written(text)
    with pytest.raises(UserError) as refused:
        device(path)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_device_with_no_peak_cannot_train(written):
    with pytest.raises(UserError, match="no peak is known for mine: give a GPU such as h100"):
        device(written("memory = 7")).peak_in(None)
    with pytest.raises(UserError, match=r"nowhere.toml cannot be read"):
        device("nowhere.toml")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("h100-smx", "; did you mean 'h100-sxm'?"),
        ("rtx-409", "; did you mean 'rtx-4090'?"),
        ("h800", "; 'gpt2calc devices' lists them"),
        ("80", "; for its memory write 80GB"),
        ("strange", "; 'gpt2calc devices' lists them"),
    ],
)
def test_an_unknown_device_has_a_way_out(name, hint):
    with pytest.raises(UserError) as refusal:
        device(name)
    assert str(refusal.value) == f"no device is called '{name}'{hint}"
