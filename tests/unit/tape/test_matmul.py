"""FLOPs of products, two for each multiply and add, and the factors that are saved."""

import pytest
from on_tape import born, constant, made

from gpt2calc.tape.engine import backward
from gpt2calc.tape.matmul import baddbmm, bmm, conv1d, grouped_mm, linear, matmul, mm
from gpt2calc.tape.recorder import Matmul, Tape
from gpt2calc.tape.tensor import Parameter
from gpt2calc.tape.views import transpose


def flops(tape, phase):
    return [event.flops for event in tape.events if event.phase == phase and event.matmuls]


def test_flops_of_a_product():
    assert Matmul(batch=7, m=2, k=3, n=5).flops == 2 * 7 * 2 * 3 * 5


@pytest.mark.parametrize(
    ("multiply", "shapes", "outcome", "products"),
    [
        (mm, ((3, 4), (4, 5)), (3, 5), 3 * 4 * 5),
        (bmm, ((2, 3, 4), (2, 4, 5)), (2, 3, 5), 2 * 3 * 4 * 5),
        (linear, ((2, 3, 4), (5, 4)), (2, 3, 5), 6 * 4 * 5),
        (matmul, ((2, 3, 4), (4, 5)), (2, 3, 5), 6 * 4 * 5),
        (matmul, ((2, 6, 3, 4), (2, 1, 4, 5)), (2, 6, 3, 5), 12 * 3 * 4 * 5),
        (lambda x, w: conv1d(x, w, None), ((2, 3, 4), (4, 5)), (2, 3, 5), 6 * 4 * 5),
    ],
)
def test_backward_takes_twice_the_forward_pass(multiply, shapes, outcome, products):
    with Tape() as tape:
        factors = [made(*shape) for shape in shapes]
        product = multiply(*factors)
        assert product.shape == outcome
        backward(product)
        assert [each.grad.shape for each in factors] == list(shapes)
    assert flops(tape, "forward") == [2 * products]
    assert flops(tape, "backward") == [2 * products] * 2


def test_a_bias_is_added_by_the_product():
    with Tape() as tape:
        x, weight, bias = made(2, 3, 4), Parameter((5, 4)), Parameter((5,))
        backward(linear(x, weight, bias))
        assert bias.grad.shape == (5,)
    assert born(tape) == [("addmm", 4 * 6 * 5)]
    assert [op for op, _ in born(tape, "backward")] == ["ones_like", "mm", "mm", "sum"]


def test_a_bias_is_added_apart_where_an_input_of_three_dimensions_is_out_of_order():
    with Tape() as tape:
        weight, bias = Parameter((5, 4)), Parameter((5,))
        linear(transpose(made(3, 2, 4), 0, 1), weight, bias)
        linear(transpose(made(4, 2), 0, 1), weight, bias)
    assert born(tape) == [("clone", 96), ("mm", 120), ("add", 120), ("addmm", 40)]


def test_derivatives_of_a_product_are_made_last_factor_first():
    def order(bias):
        with Tape() as tape:
            backward(mm(made(3, 4), made(4, 5), bias))
        products = [each.matmuls[0] for each in tape.events if each.matmuls]
        return [each.gradient_of for each in products[1:]]

    assert order(None) == ["right", "left"]
    assert order(Parameter((5,))) == ["left", "right"]


@pytest.mark.parametrize(
    ("of_left", "of_right", "kept"),
    [
        (True, True, [(3, 4), (4, 5)]),
        (True, False, [(4, 5)]),
        (False, True, [(3, 4)]),
        (False, False, None),
    ],
)
def test_each_factor_is_saved_for_the_gradient_of_the_other(of_left, of_right, kept):
    with Tape():
        left, right = made(3, 4, requires_grad=of_left), made(4, 5, requires_grad=of_right)
        node = mm(left, right).node
        assert kept == (None if node is None else [each.shape for each in node.saved])


def test_a_frozen_weight_takes_one_product_less():
    with Tape() as tape:
        backward(linear(made(2, 4), Parameter((5, 4), trainable=False)))
    assert flops(tape, "backward") == [2 * 2 * 4 * 5]


def test_a_gradient_has_the_layout_of_its_factor():
    with Tape():
        x, weight = made(2, 3, 4), Parameter((5, 4))
        backward(linear(x, weight))
        assert weight.grad.stride == (4, 1)
        assert x.grad.stride == (12, 4, 1)


def test_a_product_that_is_added_to_a_constant():
    with Tape() as tape:
        left, right = made(2, 3, 4), made(2, 4, 5)
        backward(baddbmm(constant(2, 1, 5), left, right))
        assert (left.grad.shape, right.grad.shape) == ((2, 3, 4), (2, 4, 5))
    assert born(tape) == [("baddbmm", 4 * 30)]
    # each gradient is multiplied by alpha
    assert [op for op, _ in born(tape, "backward")] == ["ones_like", "bmm", "mul", "bmm", "mul"]


def test_gradients_of_groups_are_laid_out_as_their_matrices():
    with Tape():
        x, weights = made(6, 4), transpose(made(3, 5, 4), 1, 2)
        outcome = grouped_mm(x, weights, constant(3, dtype="int32"))
        (_, of_weights) = outcome.node.backward([], [made(6, 5)], [True, True])
        assert (of_weights.shape, of_weights.stride) == ((3, 4, 5), (20, 1, 4))
        (of_x, none) = outcome.node.backward([], [made(6, 5)], [True, False])
        assert (of_x.shape, none) == ((6, 4), None)
        assert outcome.node.backward([], [made(6, 5)], [False, True])[0] is None


def test_rows_of_groups_take_what_one_product_of_them_takes():
    with Tape() as tape:
        x, weights = made(6, 4, dtype="bfloat16"), made(3, 4, 5, dtype="bfloat16")
        outcome = grouped_mm(x, weights, constant(3, dtype="int32"))
        assert (outcome.shape, outcome.dtype) == ((6, 5), "bfloat16")
        backward(outcome)
        assert (x.grad.shape, weights.grad.shape) == ((6, 4), (3, 4, 5))
    assert flops(tape, "forward") == [2 * 6 * 4 * 5]
    assert flops(tape, "backward") == [2 * 6 * 4 * 5] * 2
    assert [op for op, _ in born(tape, "backward")][1:] == ["_grouped_mm", "_grouped_mm"]


@pytest.mark.parametrize("shapes", [((3, 4), (5, 4)), ((2, 3, 4), (3, 4, 5))])
def test_sizes_that_do_not_fit_are_refused(shapes):
    with Tape(), pytest.raises(ValueError, match="no product of"):
        (mm if len(shapes[0]) == 2 else bmm)(*(made(*shape) for shape in shapes))
