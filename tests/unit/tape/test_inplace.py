"""In place: nothing is allocated, but for what a gradient needs of the numbers that were there."""

from on_tape import born, born_in_backward, constant, made

from gpt2calc.tape.elementwise import neg
from gpt2calc.tape.inplace import add_, div_, scale_
from gpt2calc.tape.recorder import Tape, no_grad


def test_the_outcome_has_the_bytes_of_the_first_operand():
    with Tape() as tape:
        x = neg(made(2, 3))
        for outcome in (add_(x, made(3)), scale_(x), div_(x, constant(2, 1))):
            assert outcome.storage is x.storage
            assert outcome.shape == (2, 3)
        assert born(tape) == [("neg", 24)]


def test_adding_hands_one_gradient_to_both():
    with Tape() as tape:
        one, other = made(2, 3), made(3)
        assert born_in_backward(tape, add_(neg(one), other)) == [("sum", 12), ("neg", 24)]
        assert other.grad.shape == (3,)


def test_a_number_scales_the_gradient():
    with Tape() as tape:
        outcome = scale_(neg(made(2, 3)))
        assert outcome.node.saved == []
        assert born_in_backward(tape, outcome) == [("div", 24), ("neg", 24)]


def test_a_divisor_that_takes_a_gradient_has_the_dividend_copied():
    with Tape() as tape:
        x, divisor = neg(made(2, 3)), made(2, 1)
        outcome = div_(x, divisor)
        assert born(tape) == [("neg", 24), ("clone", 24)]
        assert [each.shape for each in outcome.node.saved] == [(2, 3), (2, 1)]
        assert born_in_backward(tape, outcome) == [
            *[("div", 24), ("div", 24), ("neg", 24), ("mul", 24)],  # of the divisor
            *[("div", 24), ("sum", 8), ("neg", 24)],
        ]
        assert divisor.grad.shape == (2, 1)


def test_a_constant_divisor_is_saved_and_nothing_is_copied():
    with Tape() as tape:
        outcome = div_(neg(made(2, 3)), constant(2, 1))
        assert [each.shape for each in outcome.node.saved] == [(2, 1)]
        assert born_in_backward(tape, outcome) == [("div", 24), ("neg", 24)]


def test_without_gradients_nothing_is_copied():
    with Tape() as tape, no_grad():
        div_(made(2, 3), made(2, 1))
    assert born(tape) == []
