"""Elementwise operations: arithmetic, activations, casts, masks, dropout; and ``cat``."""

from collections.abc import Callable

from gpt2calc.tape.autograd import (
    Gradients,
    Needed,
    Saved,
    attach,
    record,
    save_for_backward,
)
from gpt2calc.tape.factors import save_factors, unpack_factors
from gpt2calc.tape.recorder import current
from gpt2calc.tape.tensor import (
    Tensor,
    broadcast_shape,
    contiguous_stride,
    elementwise_order,
    empty,
)
from gpt2calc.tape.views import detached_narrow, resized, unsqueeze

PROMOTION = ("float32", "bfloat16", "int64", "int32", "bool")
"""The output has the first of these dtypes that an operand has."""


def elementwise(op: str, *operands: Tensor, dtype: str | None = None) -> Tensor:
    """Allocate the output of broadcast operands; nothing is recorded for backward."""
    shape = broadcast_shape(*(operand.shape for operand in operands))
    if dtype is not None:
        return empty(op, shape, dtype, elementwise_order(operands, shape))
    dtype = promoted(operands)
    # Under another name, so that operands live through the call, as arguments do.
    laid_out = [_as_cast(operand, dtype) for operand in operands]
    return empty(op, shape, dtype, elementwise_order(laid_out, shape))


def _as_cast(operand: Tensor, dtype: str) -> Tensor:
    """Return an operand as the iterator casts it to the common dtype: without gaps or repeats."""
    if operand.dtype == dtype or not operand.shape:
        return operand
    order = elementwise_order((operand,), operand.shape)
    return Tensor(operand.shape, dtype, None, contiguous_stride(operand.shape, order))


def promoted(operands: tuple[Tensor, ...] | list[Tensor]) -> str:
    """Return the dtype that operands are promoted to; 0-d tensors count only if all are."""
    dtypes = {each.dtype for each in operands if each.shape} or {each.dtype for each in operands}
    return next(dtype for dtype in PROMOTION if dtype in dtypes)


def add(one: Tensor, other: Tensor) -> Tensor:
    """Add two tensors."""
    output = elementwise("add", one, other)
    record([output], [one, other], [], lambda _, grads, __: [grads[0], grads[0]])
    return output


def add_scalar(tensor: Tensor) -> Tensor:
    """Add a Python number."""
    output = elementwise("add", tensor)
    record([output], [tensor], [], lambda _, grads, __: [grads[0]])
    return output


def sub(one: Tensor, other: Tensor) -> Tensor:
    """Subtract one tensor from another."""

    def backward(_: Saved, grads: Gradients, needed: Needed) -> list[Tensor | None]:
        return [grads[0], elementwise("neg", grads[0]) if needed[1] else None]

    output = elementwise("sub", one, other)
    record([output], [one, other], [], backward)
    return output


def mul(one: Tensor, other: Tensor) -> Tensor:
    """Multiply two tensors; each is saved for the gradient of the other."""

    def backward(saved: Saved, grads: Gradients, needed: Needed) -> list[Tensor | None]:
        first, second = unpack_factors(saved, needed)
        of_other = None if first is None else elementwise("mul", grads[0], first)
        of_one = None if second is None else elementwise("mul", grads[0], second)
        return [of_one, of_other]

    node = save_for_backward([one, other], save_factors(one, other), backward)
    output = elementwise("mul", one, other)
    attach(node, output)
    return output


def scale(tensor: Tensor) -> Tensor:
    """Multiply by, or divide by, a Python number."""
    output = elementwise("mul", tensor)
    record([output], [tensor], [], lambda _, grads, __: [elementwise("mul", grads[0])])
    return output


def neg(tensor: Tensor) -> Tensor:
    """Change the sign."""
    output = elementwise("neg", tensor)
    record([output], [tensor], [], lambda _, grads, __: [elementwise("neg", grads[0])])
    return output


def pow_scalar(tensor: Tensor) -> Tensor:
    """Raise to a Python number."""

    def backward(saved: Saved, grads: Gradients, _: Needed) -> list[Tensor | None]:
        # C++ keeps both temporaries to the end of the expression.
        power = elementwise("pow", saved[0])
        slope = elementwise("mul", power)
        return [elementwise("mul", grads[0], slope)]

    node = save_for_backward([tensor], [tensor], backward)
    output = elementwise("pow", tensor)
    attach(node, output)
    return output


def rsqrt(tensor: Tensor) -> Tensor:
    """Return one over the square root; the output is saved."""

    def backward(saved: Saved, grads: Gradients, _: Needed) -> list[Tensor | None]:
        power = elementwise("pow", saved[0])
        half = elementwise("mul", grads[0])
        return [elementwise("mul", half, power)]

    output = elementwise("rsqrt", tensor)
    record([output], [tensor], [output], backward)
    return output


def _backward_of(op: str) -> Callable[[Saved, Gradients, Needed], list[Tensor | None]]:
    if op == "relu":  # its output comes before the gradient
        return lambda saved, grads, _: [elementwise("threshold_backward", saved[0], grads[0])]
    return lambda saved, grads, _: [elementwise(f"{op}_backward", grads[0], saved[0])]


def of_input(op: str, tensor: Tensor) -> Tensor:
    """Apply an activation whose backward needs the input: ``"gelu"``, ``"silu"``."""
    node = save_for_backward([tensor], [tensor], _backward_of(op))
    output = elementwise(op, tensor)
    attach(node, output)
    return output


def of_output(op: str, tensor: Tensor) -> Tensor:
    """Apply an activation whose backward needs the output: ``"relu"``, ``"tanh"``."""
    output = elementwise(op, tensor)
    record([output], [tensor], [output], _backward_of(op))
    return output


def to_copy(tensor: Tensor, dtype: str) -> Tensor:
    """Copy into another dtype; nothing is recorded for backward."""
    return elementwise("_to_copy", tensor, dtype=dtype)


def cast(tensor: Tensor, dtype: str) -> Tensor:
    """Return the tensor in a dtype: itself if it has it, else a copy."""
    before = tensor.dtype
    if before == dtype:
        return tensor
    output = to_copy(tensor, dtype)
    record([output], [tensor], [], lambda _, grads, __: [to_copy(grads[0], before)])
    return output


def cat(tensors: list[Tensor] | tuple[Tensor, ...], dim: int, op: str = "cat") -> Tensor:
    """Concatenate tensors along a dimension; autocast casts them to the widest dtype first."""
    if current().autocast_cache is not None:
        tensors = [cast(tensor, promoted(tensors)) for tensor in tensors]
    first = tensors[0]
    dim %= len(first.shape)
    sizes = [tensor.shape[dim] for tensor in tensors]
    output = empty(op, resized(first.shape, dim, sum(sizes)), first.dtype)

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        return [detached_narrow(grads[0], dim, size) for size in sizes]

    record([output], tensors, [], backward)
    return output


def stack(tensors: tuple[Tensor, ...]) -> Tensor:
    """Stack tensors along a new last dimension."""
    return cat([unsqueeze(tensor, -1) for tensor in tensors], -1, "stack")


def dropout(tensor: Tensor) -> Tensor:
    """Apply dropout: a random mask is allocated, multiplied by and saved."""
    order = elementwise_order([tensor], tensor.shape)
    return mul(tensor, empty("bernoulli_", tensor.shape, tensor.dtype, order))


def where(tensor: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """Return ``torch.where(mask, tensor, other)`` for a constant ``other``; the mask is saved."""

    def backward(saved: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        zero = empty("zeros", (), grads[0].dtype)
        return [elementwise("where", saved[0], grads[0], zero, dtype=grads[0].dtype)]

    node = save_for_backward([tensor], [mask], backward)
    output = elementwise("where", mask, tensor, other, dtype=tensor.dtype)
    attach(node, output)
    return output


def masked_fill(tensor: Tensor, mask: Tensor) -> Tensor:
    """Write a Python number wherever a mask of bools is true."""

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        return [empty("masked_fill", grads[0].shape, grads[0].dtype)]

    node = save_for_backward([tensor], [mask], backward)
    output = empty("masked_fill", tensor.shape, tensor.dtype)
    attach(node, output)
    return output


def reciprocal_times(tensor: Tensor) -> Tensor:
    """Return ``1.0 / tensor``: a reciprocal, then a product. Nothing is recorded for backward."""
    return elementwise("mul", elementwise("reciprocal", tensor))


def function(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor, Tensor], Tensor], x: Tensor
) -> Tensor:
    """Apply a ``torch.autograd.Function`` that saves its input; ``backward(gradient, input)``."""
    tape = current()
    before, tape.grad_enabled = tape.grad_enabled, False
    try:
        output = forward(x)
    finally:
        tape.grad_enabled = before
    record([output], [x], [x], lambda saved, grads, _: [backward(grads[0], saved[0])])
    return output
