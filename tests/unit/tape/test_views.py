"""Views share the bytes of what they are of; what has no view is copied, as in PyTorch."""

import pytest
from on_tape import born, born_in_backward, made

from gpt2calc.tape import views as v
from gpt2calc.tape.elementwise import neg
from gpt2calc.tape.recorder import Tape

SEEN = {
    "transpose": (lambda x: v.transpose(x, 0, 2), (4, 3, 2), (1, 4, 12)),
    "view": (lambda x: v.view(x, 6, -1), (6, 4), (4, 1)),
    "reshape": (lambda x: v.reshape(x, 2, 12), (2, 12), (12, 1)),
    "flatten": (v.flatten, (2, 12), (12, 1)),
    "flatten the first": (lambda x: v.flatten(x, 0), (6, 4), (4, 1)),
    "expand": (lambda x: v.expand(x, 5, 2, 3, 4), (5, 2, 3, 4), (0, 12, 4, 1)),
    "unsqueeze": (lambda x: v.unsqueeze(x, 1), (2, 1, 3, 4), (12, 12, 4, 1)),
    "unsqueeze at the end": (lambda x: v.unsqueeze(x, -1), (2, 3, 4, 1), (12, 4, 1, 1)),
    "narrow": (lambda x: v.narrow(x, 1, 2), (2, 2, 4), (12, 4, 1)),
    "every": (lambda x: v.every(x, 2), (2, 3, 2), (12, 4, 2)),
    "every of an odd size": (lambda x: v.every(x, 2, dim=1), (2, 2, 4), (12, 8, 1)),
    "select": (lambda x: v.select(x, -2), (2, 4), (12, 1)),
    "detached_narrow": (lambda x: v.detached_narrow(x, -1, 3), (2, 3, 3), (12, 4, 1)),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_view_has_its_own_strides_and_no_bytes(name):
    look, shape, stride = SEEN[name]
    with Tape() as tape:
        x = made(2, 3, 4)
        seen = look(x)
        assert (seen.shape, seen.stride) == (shape, stride)
        assert seen.storage is x.storage
        assert born(tape) == []


def test_a_dimension_of_one_is_repeated_without_steps():
    with Tape():
        x = made(2, 1, 4)
        assert v.expand(x, 2, 3, 4).stride == (4, 0, 1)
        assert v.expand(x, 2, 1, 4).stride == (4, 4, 1)


def test_what_is_out_of_order_has_no_view_and_is_copied_to_be_reshaped():
    with Tape() as tape:
        turned = v.transpose(made(2, 3), 0, 1)
        with pytest.raises(ValueError, match="has no view"):
            v.view(turned, 6)
        assert v.reshape(turned, 6).shape == (6,)
        assert born(tape) == [("clone", 24)]


def test_what_is_in_order_is_its_own_copy():
    with Tape() as tape:
        x = made(2, 3)
        assert v.contiguous(x) is x
        assert v.contiguous(v.transpose(x, 0, 1)).stride == (2, 1)
        assert v.clone(x).storage is not x.storage
        assert born(tape) == [("clone", 24), ("clone", 24)]


def test_numbers_are_repeated_by_a_copy():
    with Tape() as tape:
        assert v.repeat_interleave(made(2, 3), 4).shape == (2, 12)
        assert born(tape) == [("clone", 4 * 24)]


IN_BACKWARD = {
    "transpose": (lambda x: v.transpose(x, 0, 1), []),
    "view": (lambda x: v.view(x, 6), []),
    "unsqueeze": (lambda x: v.unsqueeze(x, 1), []),
    "clone": (v.clone, []),
    "expand": (lambda x: v.expand(x, 5, 2, 3), [("sum", 24)]),
    "narrow": (lambda x: v.narrow(x, 1, 2), [("slice_backward", 24)]),
    "all places": (lambda x: v.narrow(x, 1, 3), []),
    "every": (lambda x: v.every(x, 2), [("slice_backward", 24)]),
    "select": (lambda x: v.select(x, 0), [("select_backward", 24)]),
}


@pytest.mark.parametrize("name", IN_BACKWARD)
def test_the_gradient_of_a_part_is_written_into_zeros_of_the_whole(name):
    look, expected = IN_BACKWARD[name]
    with Tape() as tape:
        x = neg(made(2, 3))
        made_there = born_in_backward(tape, look(x))
        # a leaf has its gradient in its own layout
        copied = [("clone", 24)] if name == "transpose" else []
        assert made_there == [*expected, ("neg", 24), *copied]


def test_gradients_of_parts_are_joined_once():
    with Tape() as tape:
        x = made(2, 6)
        query, key, value = v.split(x, [3, 2, 1])
        assert [each.shape for each in (query, key, value)] == [(2, 3), (2, 2), (2, 1)]
        assert key.stride == (6, 1)
        assert query.node is key.node is value.node
        assert [each.output_nr for each in (query, key, value)] == [0, 1, 2]
        assert born_in_backward(tape, query) == [("cat", 48)]


def test_sizes_without_and_with_another_dimension():
    assert v.without((2, 3, 4), 1) == (2, 4)
    assert v.resized((2, 3, 4), 1, 7) == (2, 7, 4)
    with Tape():
        assert v.squeezed(made(2, 1, 4), 1).shape == (2, 4)
