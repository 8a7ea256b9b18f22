"""Checkpoints against PyTorch's, and the phases of what they run twice."""

from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tape.both import ON_TAPE, Given, Step, check, flops_of_torch, total, weight
from tape.givens import dtypes, few, switches
from tape.live import pinned

from gpt2calc.tape import elementwise
from gpt2calc.tape.checkpoint import checkpoint
from gpt2calc.tape.recorder import current, module

pytestmark = pinned

X = Given((2, 3, 4))


def check_checkpointed(program, *givens):
    """Compare all but what is saved, which goes through hooks of the checkpoint's own."""
    return check(program, *givens, compares_saved=False)


def mlp(o, up, down):
    def block(x):
        hidden = o.linear(x, up)
        hidden = o.gelu(hidden)
        hidden = o.linear(hidden, down)
        return o.add(x, hidden)

    return block


@few
@given(st.integers(1, 3), dtypes, switches)
def test_blocks_one_after_the_other(count, dtype, requires_grad):
    def program(o, x, up, down):
        block = mlp(o, up, down)
        for _ in range(count):
            x = o.checkpoint(block, x)
        return o.silu(x)

    x = Given((2, 3, 4), dtype, requires_grad=requires_grad)
    check_checkpointed(program, x, weight(6, 4, dtype=dtype), weight(4, 6, dtype=dtype))


BLOCKS = {
    "norm": lambda o, x, w: o.add(x, o.gelu(o.layer_norm(x, w))),
    "attention": lambda o, x, _: o.reshape(
        o.transpose(o.sdpa(*[o.transpose(o.view(x, 2, 3, 2, 2), 1, 2)] * 3), 1, 2), 2, 3, 4
    ),
    "dropout": lambda o, x, _: o.dropout(o.gelu(x)),
    "nothing saved": lambda o, x, _: o.scale(x),
    "more after the last that is saved": lambda o, x, _: o.scale(o.neg(o.tanh(o.scale(x)))),
    "a parameter saved last": lambda o, x, w: o.mul(o.tanh(x), w),
    "what nobody uses": lambda o, x, _: (o.silu(o.gelu(x)), o.tanh(o.scale(x)))[1],
    "the input twice": lambda o, x, _: o.mul(x, x),
}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("times", [1, 2])
def test_blocks(name, times):
    def program(o, x, w):
        for _ in range(times):
            x = o.checkpoint(lambda x: BLOCKS[name](o, x, w), x)
        return x

    check_checkpointed(program, X, weight(4))


def test_a_branch_that_dies_in_the_block_is_not_kept():
    def program(o, x):
        def block(x):
            hidden = o.gelu(x)
            o.silu(o.scale(hidden))
            return o.tanh(hidden)

        return o.checkpoint(block, x)

    check_checkpointed(program, X)


def test_what_a_block_takes_from_outside():
    def program(o, x, matrix):
        gate = o.tanh(x)

        def block(x):
            return o.mul(o.linear(x, matrix), gate)

        x = o.checkpoint(block, x)
        return o.checkpoint(block, x)

    check_checkpointed(program, X, weight(4, 4))


def test_several_outcomes():
    def program(o, x, matrix):
        def block(x):
            scores = o.softmax(o.linear(x, matrix))
            return o.scale(scores), scores

        x, probabilities = o.checkpoint(block, x)
        return o.tanh(x), probabilities

    check_checkpointed(program, X, weight(4, 4))


def test_of_a_parameter():
    check_checkpointed(lambda o, x: o.checkpoint(lambda x: o.gelu(o.scale(x)), x), weight(2, 3))


def test_of_a_view():
    x = Given((2, 3, 4), steps=(Step("transpose", 0, 1),))
    check_checkpointed(lambda o, x: o.checkpoint(lambda x: o.gelu(o.contiguous(x)), x), x)


def test_without_gradients_it_is_the_block_alone():
    def program(o, x, up, down):
        with o.no_grad():
            return o.checkpoint(mlp(o, up, down), x)

    check_checkpointed(program, X, weight(6, 4), weight(4, 6))


def test_in_autocast():
    def program(o, x, up, down):
        with o.autocast():
            return o.checkpoint(mlp(o, up, down), x)

    check_checkpointed(program, X, weight(6, 4), weight(4, 6))


def in_checkpoint(o, x, up, down):
    return o.checkpoint(mlp(o, up, down), x)


MLP = [X, weight(6, 4), weight(4, 6)]


def test_phases():
    """All of a block is recomputed at once, before its backward."""
    with ON_TAPE.metered([]) as meter:
        outcome = in_checkpoint(ON_TAPE.o, *(ON_TAPE.leaf(given) for given in MLP))
        ON_TAPE.o.backward(total(ON_TAPE.o, outcome))
    order = [event.phase for event in meter.events]
    runs = [phase for phase, _ in groupby(order)]
    assert runs == ["forward", "backward", "recomputed", "backward"]


def test_flops():
    """PyTorch's counter has those of what is recomputed among those of backward."""
    in_torch = flops_of_torch(in_checkpoint, MLP)
    with ON_TAPE.metered([]) as meter:
        outcome = in_checkpoint(ON_TAPE.o, *(ON_TAPE.leaf(given) for given in MLP))
        ON_TAPE.o.backward(total(ON_TAPE.o, outcome))
    flops = Counter()
    for event in meter.events:
        flops[event.phase] += event.flops
    assert flops["forward"] == in_torch.forward
    assert flops["backward"] + flops["recomputed"] == in_torch.backward
    assert flops["recomputed"] > 0


def test_modules_and_gradients_are_on_again_while_a_block_is_recomputed():
    """Its events are of the module that the checkpoint ran in."""

    def block(x):
        with module("inside"):
            assert current().grad_enabled
            return elementwise.of_input("gelu", elementwise.scale(x))

    with ON_TAPE.metered([]) as meter:
        with module("outside"):
            outcome = checkpoint(block, ON_TAPE.leaf(X))
        ON_TAPE.o.backward(total(ON_TAPE.o, outcome))
    recomputed = [event for event in meter.events if event.phase == "recomputed"]
    assert {event.module for event in recomputed} == {("outside", "inside")}
