"""FSDP2 by hand: shards of whole rows, what is gathered, and when it goes."""

from on_tape import born

from gpt2calc.tape.elementwise import scale
from gpt2calc.tape.engine import backward
from gpt2calc.tape.fsdp import REDUCE, UNSHARD, FullyShard, Sharding, Unit, on_gradient
from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.tensor import Parameter, Tensor

WHOLE = Sharding(4, "float32", "float32", "float32")
MIXED = Sharding(4, "float32", "bfloat16", "float32")


def unit(sharding=WHOLE, **words):
    """Ten rows of six, and ten numbers: three rows a GPU, twelve in all."""
    return Unit([Parameter((10, 6)), Parameter((10,))], sharding, **words)


def with_gradients(sharding=WHOLE):
    some = unit(sharding)
    for each in some.parameters:
        each.grad = Tensor(each.shape, sharding.param_dtype)
    return some


def test_rows_are_shared_out_and_filled_up():
    some = unit()
    assert [each.shape for each in some.shards] == [(3, 6), (3,)]
    assert some.numel == 3 * 6 + 3
    assert all(each.is_gathered for each in some.parameters)


def test_shards_are_received_once_and_copied_out():
    with Tape() as tape:
        some = unit()
        some.gather()
        some.gather()
        assert born(tape) == [("all_gather", 4 * 4 * 21)]
        some.copy_out()
        assert [each.shape for each in some.gathered] == [(4 * 18,), (4 * 3,)]
        assert born(tape)[1:] == [("split_with_sizes_copy", 4 * 4 * 21)]


def test_in_mixed_precision_shards_are_cast_to_be_sent():
    with Tape() as tape:
        some = unit(MIXED)
        some.gather()
        assert born(tape) == [("_foreach_copy", 2 * 21), ("all_gather", 2 * 4 * 21)]
        assert tape.live == 2 * 4 * 21


def test_a_block_lets_go_after_forward_and_the_root_does_not():
    with Tape() as tape:
        root, block = unit(is_root=True), unit()
        model = FullyShard(root, [block])
        received = 4 * 4 * 21
        model.before_forward(root)
        assert tape.live == 2 * received  # what was received stays until the next is copied out
        model.before_forward(block)
        assert tape.live == 3 * received
        model.after_forward(block)
        assert tape.live == 2 * received
        model.after_forward(root)
        assert tape.live == received
        assert root.gathered
        assert not block.gathered
    assert {each.module for each in tape.events} == {(UNSHARD,)}


def test_the_unit_that_comes_next_in_backward_is_received_before_it_is_needed():
    with Tape():
        root, first, last = unit(is_root=True), unit(), unit()
        model = FullyShard(root, [first, last])
        assert model.units == [root, first, last]
        model.before_backward(root)
        assert last.received is not None
        model.before_backward(last)
        assert last.gathered
        assert last.received is None
        assert first.received is not None
        model.before_backward(first)
        assert first.gathered


def test_gradients_are_scattered_and_the_whole_ones_go():
    with Tape(follows=True) as tape:
        some = with_gradients()
        sent = some.reduce()
        assert born(tape) == [("reduce_scatter_input", 4 * 4 * 21), ("reduce_scatter", 4 * 21)]
        assert all(each.grad is None for each in some.parameters)
        assert [each.grad.shape for each in some.shards] == [(3, 6), (3,)]
        assert tape.gradients == 4 * 21
        del sent
        assert tape.live == 4 * 21


def test_gradients_that_were_scattered_in_16_bits_are_cast():
    low = Sharding(4, "float32", "bfloat16", "bfloat16")
    with Tape() as tape:
        with_gradients(low).reduce()
    assert born(tape) == [
        ("reduce_scatter_input", 2 * 4 * 21), ("reduce_scatter", 2 * 21), ("_to_copy", 4 * 21),
    ]  # fmt: skip


def test_what_was_sent_stays_until_the_next_is_sent():
    with Tape() as tape:
        root, block = with_gradients(), with_gradients()
        model = FullyShard(root, [block])
        model.after_backward(block)
        assert tape.live == 4 * 4 * 21 + 4 * 21
        model.end()
        assert tape.live == 2 * 4 * 21
        assert {each.module for each in tape.events} == {(REDUCE,)}
    assert len(model.shards) == 4


def test_something_happens_when_a_gradient_is_complete():
    happened = []
    with Tape() as tape:
        weight = Parameter((2,))
        x = on_gradient(scale(weight), lambda: happened.append(len(tape.events)))
        backward(scale(x))
    # the outcome, the second outcome, ones and the second gradient come before
    assert happened == [4]
    assert weight.grad is not None
