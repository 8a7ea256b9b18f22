"""Checkpointing: a block keeps its input alone, and runs again once, before its backward."""

from itertools import groupby

from on_tape import born, made

from gpt2calc.tape.autocast import autocast
from gpt2calc.tape.checkpoint import checkpoint
from gpt2calc.tape.elementwise import of_input, of_output, scale
from gpt2calc.tape.engine import backward
from gpt2calc.tape.matmul import linear
from gpt2calc.tape.recorder import Tape, current, module, no_grad
from gpt2calc.tape.tensor import Parameter


def two_activations(x):
    return of_output("tanh", of_input("gelu", of_input("silu", x)))


def test_only_the_input_is_kept():
    with Tape() as tape:
        x = scale(made(4))
        outcome = two_activations(x)
        without = tape.live
        del outcome
        outcome = checkpoint(two_activations, x)
        # the leaf, the input and the outcome, which tanh saves; beside them what gelu saves
        assert (tape.live, without) == (3 * 16, 4 * 16)
        assert outcome.requires_grad


def test_a_block_is_run_again_before_its_backward():
    with Tape() as tape:
        x = made(4)
        backward(checkpoint(two_activations, x))
        assert x.grad.shape == (4,)
    forward = [("silu", 16), ("gelu", 16), ("tanh", 16)]
    assert born(tape) == born(tape, "recomputed") == forward
    assert [op for op, _ in born(tape, "backward")] == [
        "ones_like", "tanh_backward", "gelu_backward", "silu_backward",
    ]  # fmt: skip
    phases = [phase for phase, _ in groupby(each.phase for each in tape.events)]
    assert phases == ["forward", "backward", "recomputed", "backward"]


def test_it_ends_at_the_last_tensor_that_was_saved():
    with Tape() as tape:
        backward(checkpoint(lambda x: scale(scale(of_input("gelu", x))), made(4)))
    # gelu saves its input, which is there before it runs: nothing of it is made again
    assert born(tape, "recomputed") == []


def test_blocks_are_made_again_one_at_a_time():
    with Tape() as tape:
        x = made(4)
        for _ in range(3):
            x = checkpoint(two_activations, x)
        backward(x)
        assert len(born(tape, "recomputed")) == 3 * 3
    # leaf, two inputs, outcome; the gradient of ones; of one block silu, gelu and tanh
    assert max(each.live for each in tape.events) == (4 + 1 + 3) * 16


def test_without_gradients_it_is_the_block_alone():
    with Tape() as tape, no_grad():
        assert checkpoint(two_activations, made(4)).node is None
        assert tape.saved_tensors_hook is None


def test_modules_gradients_and_autocast_are_as_they_were():
    seen = []

    def block(x, weight):
        tape = current()
        seen.append((tape.grad_enabled, tape.autocast_cache is not None, tape.module))
        return linear(of_input("gelu", x), weight)

    with Tape() as tape:
        weight = Parameter((4, 4))
        with module("block"), autocast():
            outcome = checkpoint(lambda x: block(x, weight), made(2, 4))
        backward(outcome)
        assert tape.autocast_cache is None
        assert tape.saved_tensors_hook is None
    assert seen == [(True, True, ("block",))] * 2


def test_the_input_is_saved_from_the_start_of_the_block():
    with Tape(follows=True):
        x = made(4)
        with module("block"):
            checkpoint(two_activations, x)
        assert x.storage.lifetime.saved_from == 1
        assert x.storage.lifetime.module == ("block",)
