"""Tensors without data: shape, strides, dtype, and a storage whose bytes the tape counts."""

from collections.abc import Iterable, Sequence
from math import prod
from typing import TypeAlias

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.tape.recorder import NEVER, Matmul, Tape, current

Shape: TypeAlias = tuple[int, ...]


class Storage:
    """Bytes that are alive as long as a tensor refers to them."""

    __slots__ = ("lifetime", "nbytes", "tape")

    def __init__(self, shape: Shape, dtype: str) -> None:
        self.nbytes = prod(shape) * ITEMSIZE[dtype]
        self.tape: Tape = current()
        self.tape.allocate(self.nbytes)
        self.lifetime = self.tape.lifetime_of(shape, dtype)

    def __del__(self) -> None:
        self.tape.free(self.nbytes)
        if self.lifetime is not None:
            self.lifetime.died = len(self.tape.events)
            if self.lifetime.gradient_from < NEVER:
                self.tape.gradients -= self.nbytes

    def becomes_whole_gradient(self) -> None:
        """Note that it holds from now on the whole gradient of a parameter that FSDP shards."""
        if self.lifetime is not None:
            self.lifetime.whole_gradient_from = len(self.tape.events)

    def becomes_gradient(self) -> None:
        """Note that it holds a parameter's gradient from now on."""
        if self.lifetime is not None:
            self.lifetime.gradient_from = len(self.tape.events)
            self.tape.gradients += self.nbytes


class GradFn:
    """An operation that made a tensor, for backward to run; a leaf has none."""

    __slots__ = ()


class Tensor:
    """A tensor without data. The bytes of a tensor without a storage are not counted."""

    __slots__ = (
        "_stride",
        "dtype",
        "grad",
        "node",
        "output_nr",
        "requires_grad",
        "shape",
        "storage",
    )

    def __init__(
        self,
        shape: Shape,
        dtype: str,
        storage: Storage | None = None,
        stride: Shape | None = None,
        *,
        requires_grad: bool = False,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.storage = storage
        self._stride = stride
        self.node: GradFn | None = None
        """The operation that made it, for backward."""
        self.output_nr = 0
        """Its index among the outputs of that operation."""
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None

    @property
    def stride(self) -> Shape:
        """Elements between neighbours along each dimension."""
        if self._stride is None:
            self._stride = contiguous_stride(self.shape)
        return self._stride

    @property
    def numel(self) -> int:
        """The number of its elements."""
        return prod(self.shape)

    @property
    def is_contiguous(self) -> bool:
        """Whether its elements lie in row-major order, without gaps."""
        if self._stride is None:
            return True
        expected = 1
        for size, step in zip(reversed(self.shape), reversed(self.stride), strict=True):
            if size != 1:
                if step != expected:
                    return False
                expected *= size
        return True

    def detached(self) -> "Tensor":
        """Return a view of the same storage, shape and strides, without a node."""
        return Tensor(self.shape, self.dtype, self.storage, self._stride)

    def like(self, shape: Shape, stride: Shape) -> "Tensor":
        """Return a view of the same storage in another shape and strides, without a node."""
        return Tensor(shape, self.dtype, self.storage, stride)


class Parameter(Tensor):
    """A weight of a model. It has no storage: the tape does not count its bytes."""

    __slots__ = ("is_gathered",)

    def __init__(self, shape: Shape, dtype: str = "float32", *, trainable: bool = True) -> None:
        self.shape = shape
        self.dtype = dtype
        self.storage = None
        self._stride = None
        self.node = None
        self.output_nr = 0
        self.requires_grad = trainable
        self.grad = None
        self.is_gathered = False
        """Whether FSDP shards it: it is gathered for as long as it is needed, and its gradient is
        reduced and scattered."""


def contiguous_stride(shape: Sequence[int], order: Iterable[int] | None = None) -> Shape:
    """Return the strides of a dense tensor whose dimensions vary in ``order``, fastest first."""
    stride = [0] * len(shape)
    step = 1
    for dim in range(len(shape) - 1, -1, -1) if order is None else order:
        stride[dim] = step
        step *= shape[dim] or 1
    return tuple(stride)


def empty(
    op: str,
    shape: Sequence[int],
    dtype: str,
    order: Iterable[int] | None = None,
    matmuls: tuple[Matmul, ...] = (),
) -> Tensor:
    """Allocate the output of an operation, its dimensions in ``order``, fastest first."""
    shape = tuple(shape)
    storage = Storage(shape, dtype)
    storage.tape.record(op, storage.nbytes, matmuls)
    return Tensor(shape, dtype, storage, _stride_in(shape, order))


def _stride_in(shape: Shape, order: Iterable[int] | None) -> Shape | None:
    """Return the strides of an output; None if contiguous, which is computed when asked for."""
    return None if order is None else contiguous_stride(shape, order)


class Spec:
    """Shape, dtype and order of dimensions of one of several outputs of an operation."""

    __slots__ = ("dtype", "order", "shape")

    def __init__(self, shape: Sequence[int], dtype: str, order: Iterable[int] | None = None):
        self.shape, self.dtype, self.order = tuple(shape), dtype, order


def empty_several(op: str, *specs: Spec, matmuls: tuple[Matmul, ...] = ()) -> list[Tensor]:
    """Allocate all outputs of an operation, which is one event."""
    outputs = [
        Tensor(
            spec.shape,
            spec.dtype,
            Storage(spec.shape, spec.dtype),
            _stride_in(spec.shape, spec.order),
        )
        for spec in specs
    ]
    born = sum(output.storage.nbytes for output in outputs if output.storage is not None)
    current().record(op, born, matmuls)
    return outputs


def broadcast_shape(*shapes: Shape) -> Shape:
    """Return the shape that ``shapes`` broadcast to. Raises ``ValueError`` if they do not."""
    out = [1] * max(map(len, shapes))
    for shape in shapes:
        for dim, size in enumerate(shape, len(out) - len(shape)):
            if out[dim] == 1:
                out[dim] = size
            elif size not in (1, out[dim]):
                raise ValueError(f"shapes that do not fit together: {', '.join(map(str, shapes))}")
    return tuple(out)


def view_stride(tensor: Tensor, shape: Sequence[int]) -> Shape | None:
    """Return the strides of a view of ``tensor`` in another shape; None if it needs a copy.

    Source: PyTorch, ``aten/src/ATen/TensorUtils.cpp``, ``computeStride``.
    """
    if tensor.numel == 0:
        return contiguous_stride(shape)
    if not tensor.shape:
        return (1,) * len(shape)
    old_shape, old_stride = tensor.shape, tensor.stride
    stride = [0] * len(shape)
    dim = len(shape) - 1
    base = old_stride[-1]
    chunk = seen = 1
    for old in range(len(old_shape) - 1, -1, -1):
        chunk *= old_shape[old]
        ends_chunk = old == 0 or (old_shape[old - 1] != 1 and old_stride[old - 1] != chunk * base)
        if not ends_chunk:
            continue
        while dim >= 0 and (seen < chunk or shape[dim] == 1):
            stride[dim] = seen * base
            seen *= shape[dim]
            dim -= 1
        if seen != chunk:
            return None
        if old > 0:
            base = old_stride[old - 1]
            chunk = seen = 1
    return tuple(stride) if dim == -1 else None


def elementwise_order(tensors: Sequence[Tensor], shape: Shape) -> list[int] | None:
    """Return the order of dimensions of an elementwise output, fastest first; None if contiguous.

    Source: PyTorch, ``aten/src/ATen/TensorIterator.cpp``, ``reorder_dimensions``.
    """
    if all(tensor.shape == shape and tensor.is_contiguous for tensor in tensors):
        return None
    strides = [_broadcast_stride(tensor, shape) for tensor in tensors]
    order = list(range(len(shape) - 1, -1, -1))
    for start in range(1, len(order)):
        at = start
        for before in range(start - 1, -1, -1):
            comparison = _compared(order[before], order[at], strides, shape)
            if comparison > 0:
                order[before], order[at] = order[at], order[before]
                at = before
            elif comparison < 0:
                break
    return order


def _broadcast_stride(tensor: Tensor, shape: Shape) -> Shape:
    """Return the strides of a tensor in a larger shape: 0 where it is broadcast."""
    lead = len(shape) - len(tensor.shape)
    sizes = zip(tensor.shape, tensor.stride, shape[lead:], strict=True)
    return (0,) * lead + tuple(0 if size == 1 != whole else step for size, step, whole in sizes)


def _compared(one: int, other: int, strides: Sequence[Shape], shape: Shape) -> int:
    """Compare two dimensions by the first operand that tells them apart: 1 if they are to swap."""
    for stride in strides:
        if not stride[one] or not stride[other]:
            continue
        if stride[one] != stride[other]:
            return 1 if stride[one] > stride[other] else -1
        if shape[one] > shape[other]:
            return 1
    return 0
