"""Counts as people write them, and which exact counts they may stand for."""

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--tokens", "1e9999"],
        ["train", "--tokens", "1B", "--price", "1e400"],
        ["train", "--tokens", "1B", "--price", "1e-400"],
        ["train", "--tokens", "1B", "--price", "1e99999999"],
        ["solve", "--budget", "1e9999"],
        ["diagnose", "1e9999"],
        ["memory", "--gpu", "t4", "--margin", f"{'9' * 80}GB"],
    ],
)
def test_a_number_without_end_is_refused_at_once(refused, arguments):
    assert "has more than 60 digits: give a smaller number" in refused(*arguments)
