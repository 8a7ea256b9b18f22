"""The list of tensors as people and programs read it."""

import pytest


@pytest.mark.parametrize("name", ["gpt2", "gpt3-175b"])
def test_it_fits_80_columns(run, name):
    ran = run(name, "--tensors")
    assert ran.status == 0
    assert max(map(len, ran.out.splitlines())) <= 80
