"""When tensors of the tape are freed: lifetimes rest on the reference counts of CPython.

Where they are counted otherwise, in another interpreter or another version of this one, all bytes
of the tape may be wrong; these tests say so at once. ``x`` bytes stand for a tensor of ``x`` bytes.
"""

from collections.abc import Callable

import pytest

from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.tensor import Tensor, empty


def make(nbytes: int) -> Tensor:
    return empty("make", (nbytes // 2,), "bfloat16")


def join(*tensors: Tensor) -> Tensor:
    """Make as many bytes as all arguments have."""
    return make(sum(2 * tensor.numel for tensor in tensors))


def live(tape: Tape) -> list[int]:
    return [event.live for event in tape.events]


def test_a_name_that_is_bound_anew_lets_go_at_once():
    with Tape() as tape:
        x = make(10)
        x = make(100)  # both are alive until the name is bound
        assert tape.live == 100
        x = join(x)
        assert tape.live == 100
        del x
    assert live(tape) == [10, 110, 200]
    assert tape.live == 0


def test_a_temporary_is_freed_after_the_expression_that_it_stands_in():
    with Tape() as tape:
        join(join(make(2)), make(8))
        # 2; 2 + 2, then the argument goes; 2 + 8; 2 + 8 + 10, then all go
        assert tape.live == 0
    assert live(tape) == [2, 4, 10, 20]


def test_operands_are_made_from_left_to_right_and_live_until_the_call():
    with Tape() as tape:
        x = join(make(2), make(4), make(8))
        assert tape.live == 14
        del x
    assert live(tape) == [2, 6, 14, 28]


def keeps(x: Tensor) -> None:
    make(2)
    make(2)


def lets_go(x: Tensor) -> None:
    x = make(2)
    join(x)


def lets_go_of_one_of(*tensors: Tensor) -> None:
    lets_go(*tensors)


def test_an_argument_lives_through_a_call():
    with Tape() as tape:
        keeps(make(100))  # 100; 100 + 2; 100 + 2 again
        assert tape.live == 0
    assert live(tape) == [100, 102, 102]


def test_a_callee_that_binds_its_argument_anew_frees_what_nobody_else_names():
    """The caller's own reference has moved into the call."""
    with Tape() as tape:
        lets_go(make(100))  # 100; 100 + 2; 2 + 2
    assert live(tape) == [100, 102, 4]


def test_a_callee_does_not_free_what_the_caller_names():
    with Tape() as tape:
        x = make(100)
        lets_go(x)
        del x
    assert live(tape) == [100, 102, 104]


def test_a_call_through_a_tuple_of_arguments_holds_them():
    """As a module's call does in PyTorch, and a part's call in a model."""
    with Tape() as tape:
        lets_go_of_one_of(make(100))
    assert live(tape) == [100, 102, 104]


def test_a_frame_lets_go_when_it_returns():
    def block() -> Tensor:
        hidden = make(10)
        wide = join(hidden, hidden)
        return join(wide)

    with Tape() as tape:
        x = block()  # 10; 10 + 20; 10 + 20 + 20; 20 is returned
        assert tape.live == 20
        make(2)
        del x
    assert live(tape) == [10, 30, 50, 22]


def test_a_loop_variable_outlives_its_loop():
    with Tape() as tape:
        for nbytes in (2, 4, 8):
            x = make(nbytes)  # the one of the turn before is still bound
        assert tape.live == 8
        del x
    assert live(tape) == [2, 6, 12]


def test_a_comprehension_frees_its_variable():
    with Tape() as tape:
        sizes = [join(x).numel for x in (make(4), make(8))]
        # both in a tuple; 12 + 4, freed; 12 + 8, freed; then the tuple goes
        assert tape.live == 0
    assert sizes == [2, 4]
    assert live(tape) == [4, 12, 16, 20]


def test_a_tuple_that_is_unpacked_is_gone():
    with Tape() as tape:
        first, second = make(2), make(4)
        first = second
        assert tape.live == 4
        del second
        assert tape.live == 4
        del first
        assert tape.live == 0


def test_a_list_lets_go_of_what_is_popped():
    with Tape() as tape:
        held = [make(2), make(4)]
        held.pop(0)
        assert tape.live == 4
        held.clear()
        assert tape.live == 0


def test_a_closure_holds_what_it_names():
    def closure() -> Callable[[], Tensor]:
        x = make(2)
        return lambda: x

    with Tape() as tape:
        returned = closure()
        assert tape.live == 2
        del returned
        assert tape.live == 0


def fails(at_depth: int) -> None:
    held = make(8)
    if at_depth:
        fails(at_depth - 1)
    raise ValueError(held.numel)


def test_frames_that_an_error_left_free_what_they_held_when_it_is_handled():
    """The error that ends a recomputation early holds a block's tensors until then."""
    with Tape() as tape:
        try:
            fails(at_depth=2)
        except ValueError:
            assert tape.live == 24  # of three frames
        assert tape.live == 0
    assert live(tape) == [8, 16, 24]


def test_an_error_that_is_bound_holds_them_until_the_name_goes():
    with Tape() as tape:
        try:
            fails(at_depth=1)
        except ValueError as error:
            held = error
        assert tape.live == 16
        del held
        assert tape.live == 0


def test_a_finally_runs_while_they_are_held():
    def looks() -> None:
        try:
            fails(at_depth=0)
        finally:
            seen.append(tape.live)

    seen: list[int] = []
    with Tape() as tape, pytest.raises(ValueError, match="4"):
        looks()
    assert seen == [8]
    assert tape.live == 0
