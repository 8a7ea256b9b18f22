"""Matrix products, with their FLOPs: linear layers, batched products, groups of rows."""

from math import prod
from typing import Literal

from gpt2calc.tape.autocast import lowered
from gpt2calc.tape.autograd import (
    Gradients,
    Needed,
    Saved,
    attach,
    save_for_backward,
)
from gpt2calc.tape.elementwise import add, elementwise
from gpt2calc.tape.factors import save_factors, unpack_factors
from gpt2calc.tape.recorder import Matmul
from gpt2calc.tape.tensor import Shape, Tensor, broadcast_shape, empty
from gpt2calc.tape.views import expand, reshape, transpose, view


def _sizes(left: Tensor, right: Tensor) -> Matmul:
    """Return the sizes of a product of two matrices, or of one for each of a batch."""
    *batch, m, k = left.shape
    if k != right.shape[-2] or batch != list(right.shape[:-2]):
        raise ValueError(f"no product of {left.shape} with {right.shape}")
    return Matmul(batch[0] if batch else 1, m, k, right.shape[-1])


def _product(op: str, left: Tensor, right: Tensor) -> Tensor:
    shape = (*left.shape[:-1], right.shape[-1])
    return empty(op, shape, left.dtype, matmuls=(_sizes(left, right),))


def _gradient(
    factor: Literal["left", "right"], op: str, left: Tensor, right: Tensor, like: Shape
) -> Tensor:
    """Return the gradient of a factor, in the factor's memory layout.

    It is column-major if the factor is.
    """
    shape = (*left.shape[:-1], right.shape[-1])
    sizes = _sizes(left, right)._replace(gradient_of=factor)
    output = empty(op, shape, left.dtype, matmuls=(sizes,))
    if op == "mm" and like[0] == 1 and like[1] != 1:
        return output.like(output.shape, (1, output.shape[0]))
    return output


def _transposed(matrix: Tensor) -> Tensor:
    """Exchange the last two dimensions; nothing is recorded for backward."""
    *batch, rows, columns = matrix.shape
    *steps, row, column = matrix.stride
    return matrix.like((*batch, columns, rows), (*steps, column, row))


def mm(
    left: Tensor,
    right: Tensor,
    bias: Tensor | None = None,
    *,
    op: str = "mm",
) -> Tensor:
    """Multiply matrices; ``addmm`` with a bias. Each factor is saved for the other's gradient.

    Derivatives of ``mm`` and ``bmm`` are made for the last factor first, those of ``addmm`` for the
    first one. Source: PyTorch, ``tools/autograd/derivatives.yaml``.
    """
    left_stride, right_stride = left.stride, right.stride
    op = op if bias is None else "addmm"
    of_gradient = "bmm" if op == "bmm" else "mm"

    def backward(saved: Saved, grads: Gradients, needed: Needed) -> list[Tensor | None]:
        first, second = unpack_factors(saved, needed)

        def of_left() -> Tensor | None:
            if second is None:
                return None
            turned = _transposed(second)
            return _gradient("left", of_gradient, grads[0], turned, left_stride)

        def of_right() -> Tensor | None:
            if first is None:
                return None
            turned = _transposed(first)
            return _gradient("right", of_gradient, turned, grads[0], right_stride)

        if op == "addmm":
            left_gradient = of_left()
            right_gradient = of_right()
            return [left_gradient, right_gradient, grads[0]]
        right_gradient = of_right()
        left_gradient = of_left()
        return [left_gradient, right_gradient]

    inputs = [left, right] if bias is None else [left, right, bias]
    node = save_for_backward(inputs, save_factors(left, right), backward)
    del inputs
    output = _product(op, left, right)
    attach(node, output)
    return output


def bmm(left: Tensor, right: Tensor) -> Tensor:
    """Multiply a batch of matrices, one by one."""
    return mm(left, right, op="bmm")


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply ``nn.Linear``; the weight is (outputs, inputs).

    With a bias and more than two dimensions, an input that is not contiguous takes a product and
    a sum instead of ``addmm``.
    """
    low_bias = None if bias is None else lowered(bias)
    low_weight = lowered(weight)
    low_x = lowered(x)
    if low_bias is not None and len(x.shape) > 2 and not low_x.is_contiguous:
        return add(linear(low_x, low_weight), low_bias)
    turned = transpose(low_weight, 0, 1)
    rows = reshape(low_x, -1, x.shape[-1])
    return view(mm(rows, turned, low_bias), *x.shape[:-1], weight.shape[0])


def conv1d(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply transformers' ``Conv1D``; the weight is (inputs, outputs)."""
    rows = view(x, -1, x.shape[-1])
    low_weight = lowered(weight)
    low_rows = lowered(rows)
    low_bias = None if bias is None else lowered(bias)
    return view(mm(low_rows, low_weight, low_bias), *x.shape[:-1], weight.shape[1])


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """Apply ``torch.matmul`` to batches of matrices, whose dimensions in front are broadcast.

    A batch times one matrix is a single product of all its rows.
    """
    # a copy that autocast makes stays alive until matmul returns, so it keeps a name
    low_right = lowered(right)
    low_left = lowered(left)
    if len(right.shape) == 2 < len(left.shape):
        rows = reshape(low_left, -1, left.shape[-1])
        return view(mm(rows, low_right), *left.shape[:-1], right.shape[-1])
    batch = broadcast_shape(left.shape[:-2], right.shape[:-2])
    if left.shape[:-2] != batch:
        low_left = expand(low_left, *batch, *left.shape[-2:])
    if right.shape[:-2] != batch:
        low_right = expand(low_right, *batch, *right.shape[-2:])
    count = prod(batch)
    x = reshape(low_left, count, *left.shape[-2:])
    y = reshape(low_right, count, *right.shape[-2:])
    return view(bmm(x, y), *batch, left.shape[-2], right.shape[-1])


def baddbmm(addend: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """Apply ``torch.baddbmm`` with an ``alpha``; the addend needs no gradient."""
    right = lowered(right)
    left = lowered(left)
    addend = lowered(addend)
    left_stride, right_stride = left.stride, right.stride

    def backward(saved: Saved, grads: Gradients, needed: Needed) -> list[Tensor | None]:
        first, second = unpack_factors(saved, needed)
        of_left = of_right = None
        if second is not None:
            of_left = _gradient("left", "bmm", grads[0], _transposed(second), left_stride)
            of_left = elementwise("mul", of_left)
        if first is not None:
            of_right = _gradient("right", "bmm", _transposed(first), grads[0], right_stride)
            of_right = elementwise("mul", of_right)
        return [of_left, of_right]

    node = save_for_backward([left, right], save_factors(left, right), backward)
    output = _product("baddbmm", left, right)
    attach(node, output)
    return output


def grouped_mm(x: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
    """Multiply rows (rows, inputs) by the matrices (groups, inputs, outputs) of their groups.

    The gradient of the weights comes first, in the weights' layout.
    """
    groups, inputs, outputs = weights.shape
    order = [1, 2, 0] if weights.stride[1] == 1 else None
    rows = x.shape[0]

    def backward(_: Saved, grads: Gradients, needed: Needed) -> list[Tensor | None]:
        dtype = grads[0].dtype
        of_weights = of_x = None
        if needed[1]:
            turned = (Matmul(1, inputs, rows, outputs, "right"),)
            shape = (groups, inputs, outputs)
            of_weights = empty("_grouped_mm", shape, dtype, order, turned)
        if needed[0]:
            back = (Matmul(1, rows, outputs, inputs, "left"),)
            of_x = empty("_grouped_mm", (rows, inputs), dtype, matmuls=back)
        return [of_x, of_weights]

    node = save_for_backward([x, weights], [*save_factors(x, weights), offsets], backward)
    sizes = (Matmul(1, rows, inputs, outputs),)
    output = empty("_grouped_mm", (rows, outputs), x.dtype, matmuls=sizes)
    attach(node, output)
    return output
