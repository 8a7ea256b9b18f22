"""Operations in place: the output has the first operand's storage."""

from gpt2calc.tape.autograd import Backward, Gradients, Needed, Saved, record
from gpt2calc.tape.elementwise import elementwise
from gpt2calc.tape.recorder import current
from gpt2calc.tape.tensor import Tensor, empty


def _over(tensor: Tensor, inputs: list[Tensor], saved: Saved, backward: Backward) -> Tensor:
    output = tensor.like(tensor.shape, tensor.stride)
    record([output], inputs, saved, backward)
    return output


def add_(tensor: Tensor, other: Tensor) -> Tensor:
    """Add to a tensor, ``tensor += other``."""
    return _over(tensor, [tensor, other], [], lambda _, grads, __: [grads[0], grads[0]])


def scale_(tensor: Tensor) -> Tensor:
    """Multiply or divide by a Python number."""
    return _over(tensor, [tensor], [], lambda _, grads, __: [elementwise("div", grads[0])])


def div_(tensor: Tensor, other: Tensor) -> Tensor:
    """Divide by a tensor; if the divisor needs a gradient, the dividend is copied first."""
    saves_before = current().grad_enabled and other.requires_grad
    copied = [empty("clone", tensor.shape, tensor.dtype)] if saves_before else []

    def backward(saved: Saved, grads: Gradients, needed: Needed) -> list[Tensor | None]:
        dividend, divisor = saved[0], saved[-1]  # without a copy, saved is the divisor alone
        of_other = _of_divisor(dividend, divisor, grads[0]) if needed[1] else None
        of_tensor = elementwise("div", grads[0], divisor) if needed[0] else None
        return [of_tensor, of_other]

    return _over(tensor, [tensor, other], [*copied, other], backward)


def _of_divisor(dividend: Tensor, divisor: Tensor, gradient: Tensor) -> Tensor:
    quotient = elementwise("div", dividend, divisor)
    slope = elementwise("div", quotient, divisor)
    negative = elementwise("neg", gradient)
    output = elementwise("mul", negative, slope)
    del quotient
    return output
