"""Attention as one kernel: FLOPs, what it saves, and the cases that it does not take."""

import pytest
from on_tape import born, born_in_backward, constant, made

from gpt2calc.tape.attention import sdpa
from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.views import transpose, view

KERNEL = "_scaled_dot_product_flash_attention_for_cpu"
BATCH, HEADS, QUERIES, KEYS, WIDTH = 2, 3, 4, 5, 8
NUMBERS = BATCH * HEADS * QUERIES * WIDTH


def inputs(dtype="float32", kv_heads=HEADS):
    shapes = (HEADS, QUERIES), (kv_heads, KEYS), (kv_heads, KEYS)
    return [made(BATCH, heads, length, WIDTH, dtype=dtype) for heads, length in shapes]


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("bfloat16", 2)])
def test_the_kernel_makes_its_outcome_and_a_float32_a_row(dtype, size):
    with Tape() as tape:
        outcome = sdpa(*inputs(dtype))
        assert (outcome.shape, outcome.dtype) == ((BATCH, HEADS, QUERIES, WIDTH), dtype)
        assert born(tape) == [(KERNEL, size * NUMBERS + 4 * BATCH * HEADS * QUERIES)]
        assert len(outcome.node.saved) == 5  # query, key, value, outcome, logarithms of sums


def test_two_products_forward_and_five_backward():
    """As ``torch.utils.flop_counter`` has them: the scores are made again in backward."""
    product = 2 * BATCH * HEADS * QUERIES * KEYS * WIDTH
    with Tape() as tape:
        query, key, value = inputs()
        outcome = sdpa(query, key, value)
        (op, nbytes), *copies = born_in_backward(tape, outcome)
        assert op == f"{KERNEL}_backward"
        assert nbytes == 4 * (NUMBERS + 2 * BATCH * HEADS * KEYS * WIDTH)
        assert [op for op, _ in copies] == ["clone"] * 3  # into the layout of the leaves
        assert [each.grad.shape for each in (query, key, value)] == [
            each.shape for each in (query, key, value)
        ]
    assert [each.flops for each in tape.events if each.matmuls] == [2 * product, 5 * product]


def test_an_outcome_is_laid_out_as_the_queries():
    """So that heads can be joined without a copy."""
    with Tape() as tape:
        query, key, value = (
            transpose(view(made(BATCH, QUERIES, HEADS * WIDTH), BATCH, QUERIES, HEADS, WIDTH), 1, 2)
            for _ in range(3)
        )
        joined = view(transpose(sdpa(query, key, value), 1, 2), BATCH, QUERIES, HEADS * WIDTH)
        assert joined.is_contiguous
        assert len(born(tape)) == 1
        gradients = born_in_backward(tape, joined)
        assert [op for op, _ in gradients] == [f"{KERNEL}_backward"]  # and no copy for a leaf


def test_a_mask_of_bools_becomes_one_of_numbers():
    with Tape() as tape:
        mask = constant(BATCH, 1, QUERIES, KEYS, dtype="bool")
        outcome = sdpa(*inputs("bfloat16"), mask)
        made_of_mask = [("scalar_tensor", 2), ("scalar_tensor", 2), ("where", 2 * 2 * 4 * 5)]
        assert born(tape)[:3] == made_of_mask
        assert outcome.node.saved[-1].dtype == "bfloat16"
    with Tape() as tape:
        sdpa(*inputs(), constant(BATCH, 1, QUERIES, KEYS))
        assert [op for op, _ in born(tape)] == [KERNEL]


def test_heads_that_share_keys_and_values_need_no_copies():
    with Tape() as tape:
        sdpa(*inputs(kv_heads=1), enable_gqa=True)
        assert [op for op, _ in born(tape)] == [KERNEL]


def test_values_of_another_width_are_done_by_the_formula():
    with Tape() as tape:
        query, key, _ = inputs()
        outcome = sdpa(query, key, made(BATCH, HEADS, KEYS, 6))
        assert outcome.shape == (BATCH, HEADS, QUERIES, 6)
        ops = [op for op, _ in born(tape)]
        assert "softmax" in ops
        assert "tril" in ops  # the causal mask
        assert KERNEL not in ops
    with Tape() as one_query:
        sdpa(made(1, 1, 1, 8), made(1, 1, 5, 8), made(1, 1, 5, 6))
        assert "tril" not in [op for op, _ in born(one_query)]  # it sees all keys
    scores, weighted = (BATCH * HEADS * QUERIES * KEYS * width for width in (WIDTH, 6))
    assert sum(event.flops for event in tape.events) == 2 * (scores + weighted)


@pytest.mark.parametrize(("kv_heads", "copies"), [(HEADS, 0), (1, 2)])
def test_heads_are_copied_where_they_are_shared_and_values_have_another_width(kv_heads, copies):
    with Tape() as tape:
        query, key = made(BATCH, HEADS, QUERIES, WIDTH), made(BATCH, kv_heads, KEYS, WIDTH)
        sdpa(query, key, made(BATCH, kv_heads, KEYS, WIDTH + 1), enable_gqa=True)
    assert sum(event.op == "clone" for event in tape.events) == copies
