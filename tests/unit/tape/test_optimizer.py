"""What a step of an optimizer makes beside its state, for all parameters at once."""

from on_tape import born

from gpt2calc.tape.elementwise import scale
from gpt2calc.tape.engine import backward
from gpt2calc.tape.optimizer import AdamW, Optimizer
from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.tensor import Parameter


def test_adamw_makes_the_roots_of_all_mean_squares_at_once():
    with Tape() as tape:
        AdamW([Parameter((3, 4)), Parameter((5,), "bfloat16")]).step()
        assert tape.live == 0
    assert born(tape) == [("lift_fresh", 4), ("_foreach_sqrt", 4 * 12 + 2 * 5)]
    assert tape.peak == 58


def test_sgd_makes_nothing():
    with Tape() as tape:
        Optimizer([Parameter((3, 4))]).step()
    assert tape.events == []


def test_gradients_go_when_they_are_let_go_of():
    with Tape() as tape:
        weight = Parameter((3, 4))
        backward(scale(weight))
        assert tape.live == 48
        Optimizer([weight]).zero_grad()
        assert weight.grad is None
        assert tape.live == 0
