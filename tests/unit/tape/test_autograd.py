"""Backward by the rules of autograd: what is kept, in which order it runs, and what it adds up."""

import pytest
from on_tape import born, born_in_backward, constant, made

from gpt2calc.tape import elementwise as e
from gpt2calc.tape.autograd import saved_form, sum_to
from gpt2calc.tape.engine import backward
from gpt2calc.tape.recorder import NEVER, Tape, no_grad
from gpt2calc.tape.tensor import Parameter, Tensor


def test_leaves_get_gradients_of_their_own_shape_and_dtype():
    with Tape() as tape:
        x, weight = made(2, 3), Parameter((3,), "bfloat16")
        backward(e.mul(x, weight))
        assert (x.grad.shape, x.grad.dtype) == ((2, 3), "float32")
        assert (weight.grad.shape, weight.grad.dtype) == ((3,), "bfloat16")
    assert tape.phase == "forward"
    assert tape.grad_enabled


def test_a_gradient_of_what_was_broadcast_is_added_up():
    with Tape() as tape:
        x, bias = made(2, 3), made(3)
        outcome = e.add(x, bias)
        # the gradient of ones is that of x; for the bias its rows are added up
        assert born_in_backward(tape, outcome) == [("sum", 3 * 4)]


def test_a_tensor_that_is_used_twice_gets_the_sum():
    with Tape() as tape:
        x = made(2, 3)
        made_there = born_in_backward(tape, e.mul(x, x))
    assert made_there == [("mul", 24), ("mul", 24), ("add", 24)]
    assert x.grad.shape == (2, 3)


def test_what_takes_no_gradient_is_neither_saved_nor_reached():
    with Tape() as tape:
        x, factor = made(2), constant(2)
        outcome = e.mul(x, factor)
        del factor  # which x's gradient needs
        assert tape.live == 3 * 8
        assert born_in_backward(tape, outcome) == [("mul", 8)]
        assert e.mul(constant(2), constant(2)).node is None


def test_nothing_is_recorded_without_gradients():
    with Tape(), no_grad():
        outcome = e.of_input("gelu", made(2))
        assert outcome.node is None
        assert not outcome.requires_grad
        with pytest.raises(ValueError, match="no recorded operation"):
            backward(outcome)


def test_saved_tensors_are_alive_until_their_backward():
    with Tape() as tape:
        x = e.of_input("gelu", e.of_input("silu", made(4)))
        assert tape.live == 3 * 16  # both inputs are saved; the outcome has its name
        backward(x)
        assert tape.live == 3 * 16  # the outcome, and the leaf with its gradient
    assert born(tape, "backward") == [
        ("ones_like", 16), ("gelu_backward", 16), ("silu_backward", 16),
    ]  # fmt: skip


def test_what_was_made_last_is_run_first():
    with Tape() as tape:
        x = made(2)
        first, second = e.of_input("gelu", x), e.of_input("silu", x)
        order = [op for op, _ in born_in_backward(tape, e.add(first, second))]
    assert order == ["silu_backward", "gelu_backward", "add"]


def test_a_gradient_becomes_the_leafs_without_a_copy():
    with Tape(follows=True) as tape:
        weight = Parameter((2, 3))
        backward(e.scale(weight))
        assert [op for op, _ in born(tape, "backward")] == ["ones_like", "mul"]
        assert tape.gradients == 24
        weight.grad = None
        assert tape.gradients == 0


def test_a_second_backward_adds_in_place():
    with Tape() as tape:
        weight = Parameter((2,))
        backward(e.scale(weight))
        first = weight.grad
        backward(e.scale(weight))
        assert weight.grad is first
        assert tape.live == 8


def test_what_is_saved_is_known_from_then_on():
    with Tape(follows=True) as tape:
        x, y = made(2), made(2)
        assert x.storage.lifetime.saved_from == NEVER
        outcome = e.of_input("gelu", x)
        assert x.storage.lifetime.saved_from == 2  # the event of gelu itself
        assert y.storage.lifetime.saved_from == outcome.storage.lifetime.saved_from == NEVER
        assert saved_form(outcome).node is None
        assert saved_form(outcome).storage is outcome.storage
        weight = Parameter((2,))
        assert saved_form(weight) is weight
    assert len(tape.lifetimes) == 3


@pytest.mark.parametrize(
    ("shape", "wanted", "nbytes"),
    [((2, 3), (3,), 12), ((2, 3), (2, 1), 8), ((2, 3), (1, 3), 12), ((2, 3), (), 4)],
)
def test_dimensions_that_broadcasting_added_are_summed(shape, wanted, nbytes):
    with Tape() as tape:
        outcome = sum_to(Tensor(shape, "float32"), wanted)
    assert outcome.shape == wanted
    assert born(tape) == [("sum", nbytes)]


def test_nothing_is_summed_where_nothing_was_broadcast():
    gradient = Tensor((2, 1, 3), "float32")
    assert sum_to(gradient, (2, 1, 3)) is gradient
