"""Views: other shapes and strides of the same storage, and copies where no view can be."""

from collections.abc import Sequence
from math import prod

from gpt2calc.tape.autograd import Backward, record, sum_to
from gpt2calc.tape.tensor import Shape, Tensor, empty, view_stride


def _view(tensor: Tensor, shape: Sequence[int], stride: Sequence[int], back: Backward) -> Tensor:
    output = tensor.like(tuple(shape), tuple(stride))
    record([output], [tensor], [], back)
    return output


def transpose(tensor: Tensor, one: int, other: int) -> Tensor:
    """Exchange two dimensions."""
    shape, stride = list(tensor.shape), list(tensor.stride)
    shape[one], shape[other] = shape[other], shape[one]
    stride[one], stride[other] = stride[other], stride[one]
    return _view(tensor, shape, stride, lambda _, grads, __: [transpose(grads[0], one, other)])


def _with_inferred_size(shape: Sequence[int], numel: int) -> Shape:
    """Replace a size of -1 by what is left."""
    if -1 not in shape:
        return tuple(shape)
    known = prod(size for size in shape if size != -1)
    return tuple(numel // max(1, known) if size == -1 else size for size in shape)


def view(tensor: Tensor, *shape: int) -> Tensor:
    """View a tensor in another shape. Raises ``ValueError`` where that needs a copy."""
    shape = _with_inferred_size(shape, tensor.numel)
    stride = view_stride(tensor, shape)
    if stride is None:
        raise ValueError(f"{tensor.shape} with strides {tensor.stride} has no view of {shape}")
    before = tensor.shape
    return _view(tensor, shape, stride, lambda _, grads, __: [reshape(grads[0], *before)])


def reshape(tensor: Tensor, *shape: int) -> Tensor:
    """View a tensor in another shape, or copy it where no view can be."""
    shape = _with_inferred_size(shape, tensor.numel)
    if view_stride(tensor, shape) is None:
        tensor = contiguous(tensor)
    return view(tensor, *shape)


def flatten(tensor: Tensor, dim: int = -2) -> Tensor:
    """Merge a dimension with the one after it."""
    dim %= len(tensor.shape)
    joined = tensor.shape[dim] * tensor.shape[dim + 1]
    return reshape(tensor, *tensor.shape[:dim], joined, *tensor.shape[dim + 2 :])


def expand(tensor: Tensor, *shape: int) -> Tensor:
    """Repeat dimensions of size 1, or new ones in front, without a copy."""
    lead = len(shape) - len(tensor.shape)
    stride = [
        0
        if dim < lead or (tensor.shape[dim - lead] == 1 and size != 1)
        else tensor.stride[dim - lead]
        for dim, size in enumerate(shape)
    ]
    before = tensor.shape
    return _view(tensor, shape, stride, lambda _, grads, __: [sum_to(grads[0], before)])


def unsqueeze(tensor: Tensor, dim: int) -> Tensor:
    """Insert a dimension of size 1."""
    dim %= len(tensor.shape) + 1
    shape, stride = list(tensor.shape), list(tensor.stride)
    stride.insert(dim, shape[dim] * stride[dim] if dim < len(shape) else 1)
    shape.insert(dim, 1)
    return _view(tensor, shape, stride, lambda _, grads, __: [squeezed(grads[0], dim)])


def squeezed(tensor: Tensor, dim: int) -> Tensor:
    """Drop a dimension of size 1; nothing is recorded for backward."""
    return tensor.like(without(tensor.shape, dim), without(tensor.stride, dim))


def without(sizes: Shape, dim: int) -> Shape:
    """Return sizes or strides without those of one dimension."""
    return (*sizes[:dim], *sizes[dim + 1 :])


def resized(sizes: Shape, dim: int, size: int) -> Shape:
    """Return sizes with another one for a dimension."""
    return (*sizes[:dim], size, *sizes[dim + 1 :])


def narrow(tensor: Tensor, dim: int, size: int) -> Tensor:
    """Take ``size`` places of a dimension; its gradient is written into zeros of the whole.

    If ``size`` is that of the dimension, backward allocates nothing, as for ``x[..., :size]``.
    """
    dim %= len(tensor.shape)
    if size == tensor.shape[dim]:
        return _view(tensor, tensor.shape, tensor.stride, lambda _, grads, __: [grads[0]])
    return _part(tensor, resized(tensor.shape, dim, size), tensor.stride, "slice_backward")


def every(tensor: Tensor, step: int, dim: int = -1) -> Tensor:
    """Take every ``step``-th place of a dimension, ``tensor[..., ::step]``."""
    dim %= len(tensor.shape)
    shape = resized(tensor.shape, dim, -(-tensor.shape[dim] // step))
    stride = resized(tensor.stride, dim, tensor.stride[dim] * step)
    return _part(tensor, shape, stride, "slice_backward")


def select(tensor: Tensor, dim: int, backward_op: str = "select_backward") -> Tensor:
    """Select one place of a dimension, which is dropped, ``tensor[..., i, ...]``."""
    dim %= len(tensor.shape)
    shape, stride = without(tensor.shape, dim), without(tensor.stride, dim)
    return _part(tensor, shape, stride, backward_op)


def _part(tensor: Tensor, shape: Shape, stride: Shape, backward_op: str) -> Tensor:
    whole = tensor.shape
    return _view(
        tensor, shape, stride, lambda _, grads, __: [empty(backward_op, whole, grads[0].dtype)]
    )


def detached_narrow(tensor: Tensor, dim: int, size: int) -> Tensor:
    """Take ``size`` places of a dimension; nothing is recorded for backward."""
    return tensor.like(resized(tensor.shape, dim % len(tensor.shape), size), tensor.stride)


def split(tensor: Tensor, sizes: Sequence[int], dim: int = -1) -> list[Tensor]:
    """Split a dimension into views of ``sizes``; their gradients are concatenated."""
    dim %= len(tensor.shape)
    parts = [tensor.like(resized(tensor.shape, dim, size), tensor.stride) for size in sizes]
    whole = tensor.shape
    record(parts, [tensor], [], lambda _, grads, __: [empty("cat", whole, grads[0].dtype)])
    return parts


def clone(tensor: Tensor) -> Tensor:
    """Copy a tensor, contiguous."""
    output = empty("clone", tensor.shape, tensor.dtype)
    record([output], [tensor], [], lambda _, grads, __: [grads[0]])
    return output


def contiguous(tensor: Tensor) -> Tensor:
    """Return the tensor itself, or a copy if it is not contiguous."""
    return tensor if tensor.is_contiguous else clone(tensor)


def repeat_interleave(tensor: Tensor, times: int) -> Tensor:
    """Repeat each number of the last dimension: a new dimension is expanded and copied."""
    return flatten(clone(expand(unsqueeze(tensor, -1), *tensor.shape, times)))
