"""The record of a run: bytes alive, events, the peak, modules, and tapes within tapes."""

import pytest

from gpt2calc.tape.elementwise import cat, scale
from gpt2calc.tape.recorder import Event, Matmul, Tape, current, module, no_grad
from gpt2calc.tape.tensor import Spec, Tensor, empty, empty_several


def test_an_event_has_what_was_born_what_died_and_what_is_alive():
    with Tape() as tape:
        x = empty("first", (4,), "float32")  # 16 bytes
        y = empty("second", (3,), "bfloat16")  # 6 bytes
        del x
        z = empty("third", (1, 2), "int64")  # 16 bytes, when 16 have died
        del y
        x = empty("fourth", (), "bool")  # 1 byte, when 6 more have died
        del x, z
    assert tape.events == [
        Event("first", (), "forward", born=16, died=0, live=16),
        Event("second", (), "forward", born=6, died=0, live=22),
        Event("third", (), "forward", born=16, died=16, live=22),
        Event("fourth", (), "forward", born=1, died=6, live=17),
    ]
    assert tape.live == 0


def test_the_peak_is_the_first_event_that_reaches_it():
    with Tape() as tape:
        assert (tape.peak, tape.peak_event) == (0, -1)
        x = empty("a", (4,), "int32")
        y = empty("b", (8,), "int32")
        del y
        y = empty("c", (8,), "int32")
        del x, y
        empty("d", (10,), "int32")
    assert (tape.peak, tape.peak_event) == (48, 1)


def test_several_outcomes_are_one_event():
    with Tape() as tape:
        values, indices = empty_several("topk", Spec((2, 3), "bfloat16"), Spec((2, 3), "int64"))
        del values
        assert tape.live == 48
        del indices
    assert [(event.op, event.born, event.live) for event in tape.events] == [("topk", 60, 60)]


def test_a_tape_in_a_tape_takes_all_events_to_itself():
    with Tape() as outer:
        x = empty("outside", (2,), "float32")
        with Tape() as inner:
            assert current() is inner
            y = scale(x)
        assert current() is outer
        z = scale(x)
        assert outer.live == 16
        assert inner.live == 8
        del y  # of the inner tape, though it has ended
        assert inner.live == 0
        del x, z
    assert [event.op for event in outer.events] == ["outside", "mul"]
    assert [event.op for event in inner.events] == ["mul"]
    assert (inner.peak, outer.peak) == (8, 16)


def test_a_tape_ends_where_an_error_leaves_it():
    before = current()
    with pytest.raises(KeyError), Tape():
        raise KeyError
    assert current() is before


def test_what_a_tape_has_switched_is_its_own():
    with Tape() as outer, no_grad(), module("outside"):
        with Tape() as inner:
            assert inner.grad_enabled
            assert inner.module == ()
        assert not outer.grad_enabled
        assert outer.module == ("outside",)


def test_modules_within_modules():
    with Tape() as tape:
        scale(Tensor((1,), "float32"))
        with module("block"):
            with module("mlp"):
                scale(Tensor((1,), "float32"))
            with pytest.raises(KeyError), module("attention"):
                raise KeyError
            scale(Tensor((1,), "float32"))
    assert [event.module for event in tape.events] == [(), ("block", "mlp"), ("block",)]


def test_no_grad_within_no_grad():
    with Tape() as tape:
        with no_grad():
            with no_grad():
                pass
            assert not tape.grad_enabled
        assert tape.grad_enabled


def test_flops_of_an_event_are_those_of_all_its_products():
    products = (Matmul(2, 3, 4, 5), Matmul(1, 5, 6, 7, "left"))
    event = Event("mm", (), "forward", 0, 0, 0, matmuls=products)
    assert event.flops == 2 * (2 * 3 * 4 * 5) + 2 * (5 * 6 * 7)
    assert Event("mul", (), "forward", 0, 0, 0).flops == 0


def test_a_view_or_a_tensor_without_storage_is_no_event():
    with Tape() as tape:
        Tensor((1000,), "float32")
        x = empty("made", (2, 3), "float32")
        view = x.like((3, 2), (1, 3))
        del x
        assert tape.live == 24  # the view has its storage
        detached = view.detached()
        del view
        assert tape.live == 24
        del detached
        assert tape.live == 0
    assert len(tape.events) == 1


def test_nothing_is_alive_of_no_numbers():
    with Tape() as tape:
        x = cat([empty("none", (0, 3), "float32"), empty("none", (0, 3), "float32")], 0)
        assert x.shape == (0, 3)
    assert [event.live for event in tape.events] == [0, 0, 0]
