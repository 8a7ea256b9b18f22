"""Operations number by number: the dtype and size of their outcomes, and what they save."""

import pytest
from on_tape import born, born_in_backward, constant, made

from gpt2calc.tape import elementwise as e
from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.tensor import Tensor


@pytest.mark.parametrize(
    ("one", "other", "outcome"),
    [
        ("bfloat16", "float32", "float32"),
        ("int64", "bfloat16", "bfloat16"),
        ("int32", "int64", "int64"),
        ("bool", "int32", "int32"),
    ],
)
def test_the_wider_dtype_is_that_of_the_outcome(one, other, outcome):
    assert e.promoted([Tensor((2,), one), Tensor((2,), other)]) == outcome
    assert e.promoted([Tensor((2,), other), Tensor((2,), one)]) == outcome


def test_a_scalar_gives_way_to_what_has_dimensions():
    assert e.promoted([Tensor((2,), "bfloat16"), Tensor((), "float32")]) == "bfloat16"
    assert e.promoted([Tensor((), "bfloat16"), Tensor((), "float32")]) == "float32"


APPLIED = {
    # what is alive beside the outcome once the input has no name, and what backward makes
    "add_scalar": (e.add_scalar, [], []),
    "scale": (e.scale, [], [("mul", 24)]),
    "neg": (e.neg, [], [("neg", 24)]),
    "gelu": (lambda x: e.of_input("gelu", x), ["input"], [("gelu_backward", 24)]),
    "relu": (lambda x: e.of_output("relu", x), ["outcome"], [("threshold_backward", 24)]),
    "tanh": (lambda x: e.of_output("tanh", x), ["outcome"], [("tanh_backward", 24)]),
    "rsqrt": (e.rsqrt, ["outcome"], [("pow", 24), ("mul", 24), ("mul", 24)]),
    "pow": (e.pow_scalar, ["input"], [("pow", 24), ("mul", 24), ("mul", 24)]),
}


@pytest.mark.parametrize("name", APPLIED)
def test_what_an_operation_saves_and_makes_in_backward(name):
    operation, saves, in_backward = APPLIED[name]
    with Tape() as tape:
        x = e.neg(made(2, 3))  # which is no leaf, and gone unless it is saved
        leaf = 24
        outcome = operation(x)
        assert outcome.shape == (2, 3)
        del x
        assert tape.live == leaf + 24 * (1 + ("input" in saves))
        saved = outcome.node.saved
        assert len(saved) == len(saves)
        assert all((each.storage is outcome.storage) == ("outcome" in saves) for each in saved)
        assert born_in_backward(tape, outcome) == [*in_backward, ("neg", 24)]


def test_subtracting_turns_the_sign_of_one_gradient():
    with Tape() as tape:
        assert born_in_backward(tape, e.sub(made(2), made(2))) == [("neg", 8)]
    with Tape() as tape:
        assert born_in_backward(tape, e.sub(made(2), constant(2))) == []


def test_a_mask_of_dropout_is_drawn_in_the_dtype_and_saved():
    with Tape() as tape:
        x = made(2, 3, dtype="bfloat16")
        outcome = e.dropout(x)
        assert born(tape) == [("bernoulli_", 12), ("mul", 12)]
        assert tape.live == 3 * 12
        assert born_in_backward(tape, outcome) == [("mul", 12)]


def test_a_cast_is_a_copy_and_so_is_that_of_its_gradient():
    with Tape() as tape:
        x = made(2, 3)
        assert e.cast(x, "float32") is x
        low = e.cast(x, "bfloat16")
        assert born(tape) == [("_to_copy", 12)]
        assert born_in_backward(tape, low) == [("_to_copy", 24)]
        assert e.to_copy(x, "float32").node is None


def test_joining_is_one_copy_and_its_gradients_are_views():
    with Tape() as tape:
        one, other = made(2, 3), made(2, 1)
        joined = e.cat([one, other], -1)
        assert joined.shape == (2, 4)
        assert e.cat([one, one], 0).shape == (4, 3)
        assert e.stack((one, one, one)).shape == (2, 3, 3)
        # views that are no leaf's own layout are copied into it
        assert sorted(born_in_backward(tape, joined)) == [("clone", 8), ("clone", 24)]
        assert (one.grad.shape, other.grad.shape) == ((2, 3), (2, 1))


def test_choosing_by_a_mask_saves_the_mask_alone():
    with Tape() as tape:
        x, mask = e.neg(made(2, 3)), constant(1, 3, dtype="bool")
        outcome = e.where(x, constant(), mask)
        assert (outcome.shape, outcome.dtype) == ((2, 3), "float32")
        assert [each.dtype for each in outcome.node.saved] == ["bool"]
        made_there = born_in_backward(tape, outcome)
        assert made_there == [("zeros", 4), ("where", 24), ("neg", 24)]


def test_filling_by_a_mask_copies():
    with Tape() as tape:
        outcome = e.masked_fill(made(2, 3), constant(2, 3, dtype="bool"))
        assert born(tape) == [("masked_fill", 24)]
        assert born_in_backward(tape, outcome) == [("masked_fill", 24)]


def test_a_reciprocal_is_gone_after_the_product():
    with Tape() as tape:
        outcome = e.reciprocal_times(constant(2))
        assert born(tape) == [("reciprocal", 8), ("mul", 8)]
        assert tape.live == 8
        assert outcome.node is None


def test_a_function_saves_its_input_and_records_nothing_within():
    with Tape() as tape:
        x = made(2)
        outcome = e.function(
            lambda x: e.mul(x, e.of_output("tanh", x)),
            lambda gradient, x: e.elementwise("mul", gradient, x),
            x,
        )
        assert tape.grad_enabled
        assert tape.live == 8 + 8
        assert born_in_backward(tape, outcome) == [("mul", 8)]
