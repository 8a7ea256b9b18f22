"""Views against PyTorch: shape, strides, whose storage, and their gradients."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tape.both import ON_TAPE, ON_TORCH, Given, Shape, arranged, check
from tape.givens import (
    all_endings,
    any_tensor,
    broadcast,
    dims,
    few,
    layouts,
    resized,
    shapes,
    sizes,
    tensors,
)
from tape.live import pinned, torch

from gpt2calc.tape import views
from gpt2calc.tape.tensor import Tensor

pytestmark = pinned


@st.composite
def other_shapes(draw: st.DrawFn, shape: Shape) -> Shape:
    """Shapes of as many numbers: dimensions joined, cut, or put in between."""
    sizes = list(shape)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(sizes) - 1))
        how = draw(st.sampled_from(["join", "cut", "one", "exchange"]))
        if how == "join" and len(sizes) > 1:
            at = min(at, len(sizes) - 2)
            sizes[at : at + 2] = [sizes[at] * sizes[at + 1]]
        elif how == "cut" and sizes[at] == 4:
            sizes[at : at + 1] = [2, 2]
        elif how == "one":
            sizes.insert(at, 1)
        elif how == "exchange":
            sizes.reverse()
    if draw(st.booleans()):
        sizes[draw(st.integers(0, len(sizes) - 1))] = -1
    return tuple(sizes)


@few
@given(st.data())
def test_transposing(data):
    x = data.draw(any_tensor())
    one, other = data.draw(dims(x.shape)), data.draw(dims(x.shape))
    check(lambda o, x: o.transpose(x, one, other), x, ending=data.draw(all_endings))


@pytest.mark.parametrize("name", ["view", "reshape"])
@few
@given(data=st.data())
def test_another_shape(name, data):
    """A view where the numbers lie so; else a copy, which ``view`` refuses."""
    x = data.draw(any_tensor())
    shape = data.draw(other_shapes(x.shape))
    program = lambda o, x: getattr(o, name)(x, *shape)  # noqa: E731
    if name == "view" and not _has_view(x, shape):
        with pytest.raises(ValueError, match="has no view"):
            program(ON_TAPE.o, arranged(ON_TAPE.o, ON_TAPE.leaf(x), x))
        return
    check(program, x, ending=data.draw(all_endings))


def _has_view(x: Given, shape: Shape) -> bool:
    tensor = arranged(ON_TORCH.o, ON_TORCH.leaf(x), x)
    try:
        tensor.view(*shape)
    except RuntimeError:
        return False
    return True


@few
@given(st.data())
def test_joining_neighbours(data):
    x = data.draw(any_tensor(least=2))
    dim = data.draw(st.integers(-len(x.shape), len(x.shape) - 2).filter(lambda dim: dim != -1))
    check(lambda o, x: o.flatten(x, dim), x, ending=data.draw(all_endings))


@few
@given(st.data())
def test_expanding(data):
    shape = data.draw(shapes())
    x = data.draw(broadcast(shape).flatmap(tensors))
    check(lambda o, x: o.expand(x, *shape), x, ending=data.draw(all_endings))


@pytest.mark.xfail(reason="a new dimension of size 1 steps over the whole tensor in PyTorch")
def test_the_stride_of_a_new_dimension_of_size_1():
    expanded = views.expand(Tensor((2, 3), "float32"), 1, 2, 3)
    assert expanded.stride == torch.empty(2, 3).expand(1, 2, 3).stride()


@few
@given(st.data())
def test_inserting_a_dimension(data):
    x = data.draw(any_tensor(most=3))
    dim = data.draw(st.integers(-len(x.shape) - 1, len(x.shape)))
    check(lambda o, x: o.unsqueeze(x, dim), x, ending=data.draw(all_endings))


@few
@given(st.data())
def test_taking_a_dimension_away_without_backward(data):
    shape = data.draw(shapes())
    dim = data.draw(st.integers(0, len(shape) - 1))
    x = data.draw(tensors(resized(shape, dim, 1)))
    check(lambda o, x: o.squeezed(x, dim), x)


@pytest.mark.parametrize("name", ["narrow", "detached_narrow"])
@few
@given(data=st.data())
def test_taking_places_of_a_dimension(name, data):
    x = data.draw(any_tensor())
    dim = data.draw(dims(x.shape))
    start = data.draw(st.integers(0, x.shape[dim] - 1))
    size = data.draw(st.integers(1, x.shape[dim] - start))
    program = lambda o, x: getattr(o, name)(x, dim, start, size)  # noqa: E731
    check(program, x, ending=data.draw(all_endings))


@few
@given(st.data())
def test_taking_every_other_place(data):
    x = data.draw(any_tensor())
    dim, step = data.draw(dims(x.shape)), data.draw(st.integers(2, 3))
    check(lambda o, x: o.every(x, step, dim), x, ending=data.draw(all_endings))


@few
@given(st.data())
def test_taking_one_place(data):
    x = data.draw(any_tensor())
    dim = data.draw(dims(x.shape))
    place = data.draw(st.integers(0, x.shape[dim] - 1))
    check(lambda o, x: o.select(x, dim, place), x, ending=data.draw(all_endings))


def test_the_name_of_a_gradient_can_be_another():
    with ON_TAPE.metered([]) as meter:
        leaf = ON_TAPE.leaf(Given((2, 3)))
        ON_TAPE.o.backward(ON_TAPE.o.sum_over(views.select(leaf, 0, "unbind_backward"), 0))
    assert "unbind_backward" in [event.op for event in meter.events]


@few
@given(st.data())
def test_cutting_into_parts(data):
    shape = data.draw(shapes())
    dim = data.draw(dims(shape))
    parts = data.draw(st.lists(sizes, min_size=1, max_size=3))
    x = data.draw(tensors(resized(shape, dim, sum(parts))))
    check(lambda o, x: o.split(x, parts, dim), x, ending=data.draw(all_endings))


@pytest.mark.xfail(reason="a part that takes no gradient is filled with zeros in PyTorch")
def test_cutting_and_using_one_part():
    check(lambda o, x: o.split(x, [1, 2])[0], Given((2, 3)))


@pytest.mark.parametrize("name", ["clone", "contiguous"])
@few
@given(data=st.data())
def test_copying(name, data):
    x = data.draw(any_tensor())
    check(lambda o, x: getattr(o, name)(x), x, ending=data.draw(all_endings))


@few
@given(any_tensor(most=3), st.integers(1, 3), all_endings)
def test_repeating_each_number(x, times, ending):
    check(lambda o, x: o.repeat_interleave(x, times), x, ending=ending)


@few
@given(shapes(), st.data())
def test_strides_of_dimensions_of_size_1(shape, data):
    """They are the same too, where a tensor is contiguous before."""
    at = data.draw(st.integers(0, len(shape)))
    dim = data.draw(st.integers(0, len(shape) - 1))
    for program in (
        lambda o, x: o.unsqueeze(x, at),
        lambda o, x: o.transpose(x, dim, 0),
        lambda o, x: o.narrow(x, dim, 0, 1),
        lambda o, x: o.every(x, 2, dim),
        lambda o, x: o.select(x, dim, 0),
        lambda o, x: o.view(x, *shape, 1),
        lambda o, x: o.view(x, 1, *shape),
    ):
        on_tape, real = (program(side.o, side.leaf(Given(shape))) for side in (ON_TAPE, ON_TORCH))
        assert on_tape.stride == real.stride()


@few
@given(st.data())
def test_what_is_said_of_a_layout(data):
    """``is_contiguous`` is PyTorch's own answer for the same strides."""
    shape = data.draw(shapes())
    x = Given(shape, steps=data.draw(layouts(len(shape))))
    real = arranged(ON_TORCH.o, ON_TORCH.leaf(x), x)
    tensor = Tensor(shape, "float32", stride=real.stride())
    assert tensor.is_contiguous == real.is_contiguous()
    assert tensor.numel == real.numel()


@few
@given(st.data())
def test_sizes_without_one_or_with_another(data):
    shape = data.draw(shapes())
    dim, size = data.draw(st.integers(0, len(shape) - 1)), data.draw(sizes)
    real, chosen = torch.empty(shape), torch.zeros(size, dtype=torch.int64)
    assert views.without(shape, dim) == tuple(real.select(dim, 0).shape)
    assert views.resized(shape, dim, size) == tuple(real.index_select(dim, chosen).shape)
