"""Strides as ``torch.Tensor.stride`` has them, and views as ``torch.Tensor.view`` allows them."""

import pytest

from gpt2calc.tape.recorder import Tape
from gpt2calc.tape.tensor import (
    Parameter,
    Spec,
    Tensor,
    broadcast_shape,
    contiguous_stride,
    elementwise_order,
    empty,
    empty_several,
    view_stride,
)


def strided(shape, stride):
    return Tensor(shape, "float32", None, stride)


TRANSPOSED = strided((3, 2), (1, 3))


@pytest.mark.parametrize(
    ("shape", "stride"), [((), ()), ((5,), (1,)), ((2, 3, 4), (12, 4, 1)), ((2, 0, 4), (4, 4, 1))]
)
def test_numbers_lie_in_the_order_of_dimensions(shape, stride):
    assert contiguous_stride(shape) == Tensor(shape, "float32").stride == stride
    assert Tensor(shape, "float32").is_contiguous


def test_another_order_of_dimensions_is_fastest_first():
    assert contiguous_stride((2, 3, 4), (0, 2, 1)) == (1, 8, 2)


@pytest.mark.parametrize(
    ("tensor", "is_contiguous"),
    [
        (strided((2, 3), (3, 1)), True),
        (TRANSPOSED, False),
        (strided((2, 3), (6, 2)), False),  # x[:, ::2]
        (strided((2, 3), (4, 1)), False),  # x[:, :3]
        (strided((2, 3), (0, 1)), False),  # expanded
        (strided((1, 3), (7, 1)), True),  # a dimension of one takes no step
        (strided((3, 1), (1, 7)), True),
    ],
)
def test_in_order_and_without_gaps(tensor, is_contiguous):
    assert tensor.is_contiguous is is_contiguous


@pytest.mark.parametrize(
    ("tensor", "shape", "stride"),
    [
        (strided((2, 3), (3, 1)), (6,), (1,)),
        (strided((6,), (1,)), (2, 3), (3, 1)),
        (strided((4, 6), (6, 1)), (2, 2, 3, 2), (12, 6, 2, 1)),
        (TRANSPOSED, (6,), None),
        (TRANSPOSED, (3, 1, 2), (1, 6, 3)),
        (strided((2, 2), (4, 2)), (4,), (2,)),  # x[:, ::2] steps evenly over its rows
        (strided((2, 3), (4, 1)), (6,), None),
        (strided((2, 4), (6, 1)), (2, 2, 2), (6, 2, 1)),
        (strided((), ()), (1, 1), (1, 1)),
        (strided((0, 3), (3, 1)), (3, 0), (1, 1)),
    ],
)
def test_a_view_where_one_is_possible(tensor, shape, stride):
    assert view_stride(tensor, shape) == stride


@pytest.mark.parametrize(
    ("shapes", "outcome"),
    [
        (((3, 1), (1, 4)), (3, 4)),
        (((5,), (2, 5)), (2, 5)),
        (((), (2,)), (2,)),
        (((2, 1, 4), (3, 1), ()), (2, 3, 4)),
        (((1,), (0,)), (0,)),
    ],
)
def test_shapes_that_are_broadcast(shapes, outcome):
    assert broadcast_shape(*shapes) == outcome


def test_shapes_that_do_not_fit_together():
    with pytest.raises(ValueError, match=r"\(2,\), \(3,\)"):
        broadcast_shape((2,), (3,))


@pytest.mark.parametrize(
    ("operands", "stride"),
    [
        ([TRANSPOSED], (1, 3)),
        ([TRANSPOSED, strided((3, 2), (2, 1))], (1, 3)),  # the first operand decides
        ([strided((3, 2), (2, 1)), TRANSPOSED], (2, 1)),
        ([strided((2,), (1,)), TRANSPOSED], (1, 3)),  # a row says nothing of the order of rows
        ([strided((3, 2), (4, 1))], (2, 1)),  # gaps are closed
    ],
)
def test_an_outcome_is_laid_out_as_its_operands(operands, stride):
    assert contiguous_stride((3, 2), elementwise_order(operands, (3, 2))) == stride


def test_bytes_are_those_of_the_dtype_and_gone_with_the_last_name():
    with Tape() as tape:
        x = empty("x", (2, 3), "bfloat16")
        seen = x.like((6,), (1,))
        assert tape.live == 12
        del x
        assert tape.live == 12
        several = empty_several("y", Spec((2,), "int64"), Spec((5,), "bool"))
        assert [each.storage.nbytes for each in several] == [16, 5]
        del seen
        assert tape.live == 21


def test_a_parameter_has_no_bytes_on_the_tape():
    with Tape() as tape:
        weight = Parameter((1000, 1000))
        frozen = Parameter((2,), "bfloat16", trainable=False)
    assert tape.live == 0
    assert (weight.requires_grad, weight.dtype, weight.numel) == (True, "float32", 10**6)
    assert (frozen.requires_grad, frozen.dtype) == (False, "bfloat16")
