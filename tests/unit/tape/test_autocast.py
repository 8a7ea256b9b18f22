"""Autocast: the dtypes that PyTorch's documentation lists for each kind of operation on a CPU."""

import pytest
from on_tape import born, constant, made

from gpt2calc.tape.attention import sdpa
from gpt2calc.tape.autocast import autocast, lowered, without_autocast
from gpt2calc.tape.elementwise import add, cat, of_input, stack
from gpt2calc.tape.engine import backward
from gpt2calc.tape.matmul import baddbmm, conv1d, linear, matmul
from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.reductions import layer_norm, softmax
from gpt2calc.tape.tensor import Parameter

IN_16_BITS = {
    "linear": lambda: linear(made(2, 4), Parameter((5, 4)), Parameter((5,))),
    "conv1d": lambda: conv1d(made(2, 4), Parameter((4, 5)), Parameter((5,))),
    "matmul": lambda: matmul(made(2, 3, 4), made(2, 4, 5)),
    "baddbmm": lambda: baddbmm(constant(2, 1, 5), made(2, 3, 4), made(2, 4, 5)),
    "sdpa": lambda: sdpa(made(1, 2, 3, 4), made(1, 2, 3, 4), made(1, 2, 3, 4)),
}
AS_THEY_COME = {
    "softmax": lambda: softmax(made(2, 3)),
    "layer norm": lambda: layer_norm(made(2, 3), Parameter((3,)), Parameter((3,))),
    "gelu": lambda: of_input("gelu", made(2, 3)),
    "add": lambda: add(made(2, 3), made(2, 3)),
}


@pytest.mark.parametrize("name", IN_16_BITS)
def test_products_are_in_16_bits(name):
    with Tape(), autocast():
        assert IN_16_BITS[name]().dtype == "bfloat16"
        with without_autocast():
            assert IN_16_BITS[name]().dtype == "float32"
    with Tape():
        assert IN_16_BITS[name]().dtype == "float32"


@pytest.mark.parametrize("name", AS_THEY_COME)
def test_the_rest_has_the_dtype_of_its_operands(name):
    with Tape(), autocast():
        assert AS_THEY_COME[name]().dtype == "float32"


def test_joining_takes_the_widest_dtype():
    with Tape() as tape:
        wide, low = made(2, 3), made(2, 3, dtype="bfloat16")
        with autocast():
            assert cat([low, wide], 0).dtype == "float32"
            assert stack((low, low)).dtype == "bfloat16"
        assert born(tape) == [("_to_copy", 24), ("cat", 48), ("stack", 24)]


def test_a_weight_is_cast_once_and_kept_to_the_end():
    with Tape() as tape:
        weight, x = Parameter((4, 4)), constant(2, 4, dtype="bfloat16")
        with autocast():
            linear(linear(x, weight), weight)
            assert born(tape) == [("_to_copy", 32), ("mm", 16), ("mm", 16)]
            assert tape.live == 16 + 32
        assert tape.live == 16
        with autocast():
            assert lowered(weight).dtype == "bfloat16"
        assert tape.autocast_cache is None


def test_a_frozen_weight_is_cast_each_time():
    with Tape() as tape, autocast():
        weight = Parameter((4, 4), trainable=False)
        assert lowered(weight) is not lowered(weight)
    assert born(tape) == [("_to_copy", 32), ("_to_copy", 32)]


@pytest.mark.parametrize("dtype", ["bfloat16", "int64", "bool"])
def test_only_float32_is_lowered(dtype):
    with Tape(), autocast():
        x = made(2, dtype=dtype)
        assert lowered(x) is x


def test_gradients_come_back_in_the_dtype_of_the_weight():
    with Tape():
        weight, x = Parameter((5, 4)), made(2, 4)
        with autocast():
            outcome = linear(x, weight)
        backward(outcome)
        assert weight.grad.dtype == x.grad.dtype == "float32"


def test_it_ends_where_an_error_leaves_it():
    with Tape() as tape:
        with pytest.raises(KeyError), autocast(), without_autocast():
            raise KeyError
        assert tape.autocast_cache is None
