"""Sums, norms and losses: sizes of outcomes, statistics that are saved, and their gradients."""

import pytest
from on_tape import born, born_in_backward, constant, made

from gpt2calc.tape import reductions as r
from gpt2calc.tape.elementwise import neg
from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.tensor import Parameter

REDUCED = {
    "mean": (r.mean, (2, 1), 8, [("div", 24)]),
    "sum_last": (r.sum_last, (2, 1), 8, []),
    "sum_over": (lambda x: r.sum_over(x, 0), (3,), 12, []),
}


@pytest.mark.parametrize("name", REDUCED)
def test_a_sum_saves_nothing(name):
    reduce, shape, nbytes, in_backward = REDUCED[name]
    with Tape() as tape:
        outcome = reduce(neg(made(2, 3)))
        assert outcome.shape == shape
        assert born(tape)[1:] == [("mean" if name == "mean" else "sum", nbytes)]
        assert outcome.node.saved == []
        assert born_in_backward(tape, outcome) == [*in_backward, ("neg", 24)]


@pytest.mark.parametrize("softmax", [r.softmax, r.log_softmax])
def test_a_softmax_saves_its_outcome(softmax):
    with Tape() as tape:
        outcome = softmax(made(2, 3, dtype="bfloat16"))
        (saved,) = outcome.node.saved
        assert saved.storage is outcome.storage
        name = softmax.__name__
        assert born(tape) == [(name, 12)]
        assert born_in_backward(tape, outcome) == [(f"{name}_backward", 12)]


def test_a_softmax_in_another_dtype_is_cast_before():
    with Tape() as tape:
        assert r.softmax(made(2, 3, dtype="bfloat16"), "float32").dtype == "float32"
    assert born(tape) == [("_to_copy", 24), ("softmax", 24)]


def test_the_loss_of_the_next_tokens_is_in_float32():
    with Tape() as tape:
        logits, labels = made(2, 3, 10, dtype="bfloat16"), constant(2, 3, dtype="int64")
        loss = r.cross_entropy(logits, labels)
        assert (loss.shape, loss.dtype) == ((), "float32")
        assert born(tape) == [
            ("_to_copy", 4 * 2 * 3 * 10),
            ("constant_pad_nd", 8 * 2 * 4),
            ("clone", 8 * 2 * 3),  # the labels but for the first, which are no longer in a row
            ("log_softmax", 4 * 2 * 3 * 10),
            ("nll_loss_forward", 4 + 4),  # the loss, and what its labels weigh
        ]
        assert born_in_backward(tape, loss) == [
            ("nll_loss_backward", 240), ("log_softmax_backward", 240), ("_to_copy", 120),
        ]  # fmt: skip
        assert logits.grad.shape == (2, 3, 10)


@pytest.mark.parametrize(
    ("dtype", "of_weight", "statistics"),
    [("float32", "float32", 4), ("bfloat16", "bfloat16", 2), ("bfloat16", "float32", 4)],
)
def test_a_layer_norm_saves_its_input_and_two_numbers_a_row(dtype, of_weight, statistics):
    size = {"float32": 4, "bfloat16": 2}
    with Tape() as tape:
        x = made(2, 3, 8, dtype=dtype)
        weight, bias = Parameter((8,), of_weight), Parameter((8,), of_weight)
        outcome = r.layer_norm(x, weight, bias)
        assert (outcome.shape, outcome.dtype) == ((2, 3, 8), dtype)
        assert born(tape) == [("native_layer_norm", 48 * size[dtype] + 2 * 6 * statistics)]
        shapes = [each.shape for each in outcome.node.saved]
        assert shapes == [(2, 3, 8), (2, 3, 1), (2, 3, 1), (8,), (8,)]
        gradients = 48 * size[dtype] + 2 * 8 * size[of_weight]
        assert born_in_backward(tape, outcome) == [("native_layer_norm_backward", gradients)]
        assert [each.grad.shape for each in (x, weight, bias)] == [(2, 3, 8), (8,), (8,)]


def test_a_layer_norm_without_parameters():
    with Tape() as tape:
        outcome = r.layer_norm(made(2, 8, dtype="bfloat16"))
        assert born(tape) == [("native_layer_norm", 2 * 16 + 2 * 2 * 2)]
        assert born_in_backward(tape, outcome) == [("native_layer_norm_backward", 32)]


def test_the_largest_and_where_they_are():
    with Tape() as tape:
        values, indices = r.topk(made(2, 5), 3)
        assert (values.shape, values.dtype) == ((2, 3), "float32")
        assert (indices.shape, indices.dtype) == ((2, 3), "int64")
        assert not indices.requires_grad
        assert born(tape) == [("topk", 2 * 3 * (4 + 8))]
        (saved,) = values.node.saved
        assert saved.storage is indices.storage
        assert born_in_backward(tape, values) == [("new_zeros", 40), ("scatter", 40)]
