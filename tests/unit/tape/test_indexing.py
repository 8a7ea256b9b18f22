"""Rows by their numbers: the numbers are saved, and gradients are as large as the whole."""

from on_tape import born, born_in_backward, constant, made

from gpt2calc.tape.indexing import embedding, index, pick
from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.tensor import Parameter


def test_an_embedding_looks_up_a_row_for_each_number():
    with Tape() as tape:
        weight, ids = Parameter((50, 8), "bfloat16"), constant(2, 3, dtype="int64")
        outcome = embedding(weight, ids)
        assert (outcome.shape, outcome.dtype) == ((2, 3, 8), "bfloat16")
        (saved,) = outcome.node.saved
        assert saved.storage is ids.storage
        assert born(tape) == [("embedding", 2 * 6 * 8)]
        assert born_in_backward(tape, outcome) == [("embedding_dense_backward", 2 * 50 * 8)]
        assert weight.grad.shape == (50, 8)


def test_a_frozen_embedding_saves_nothing():
    with Tape():
        weight = Parameter((50, 8), trainable=False)
        assert embedding(weight, constant(3, dtype="int64")).node is None


def test_a_choice_is_a_copy_and_its_gradient_is_written_into_zeros():
    with Tape() as tape:
        x = made(6, 4)
        outcome = index(x, constant(3, dtype="int64"), (3, 4))
        assert outcome.shape == (3, 4)
        assert born(tape) == [("index", 48)]
        del outcome.node.saved[:]
        assert born_in_backward(tape, outcome) == [("new_zeros", 96), ("index_put", 96)]
        assert x.grad.shape == (6, 4)


def test_places_of_a_dimension_by_a_list():
    with Tape() as tape:
        x = made(2, 3, 4)
        assert pick(x, 1).shape == (2, 1, 4)
        assert pick(x, -1, 2).shape == (2, 3, 2)
    assert born(tape) == [
        ("lift_fresh", 8), ("index", 4 * 8), ("lift_fresh", 16), ("index", 4 * 12),
    ]  # fmt: skip
