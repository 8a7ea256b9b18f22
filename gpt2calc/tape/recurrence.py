"""Recurrences over the tokens, and causal convolutions, as fused kernels run them.

What a kernel holds inside is not followed; its products are those of the recurrence itself, token
by token, and not of the chunks that a kernel takes them in.
"""

from collections.abc import Sequence

from gpt2calc.tape.autograd import Gradients, Needed, Saved, record
from gpt2calc.tape.recorder import Matmul
from gpt2calc.tape.tensor import Shape, Spec, Tensor, empty, empty_several


def fused(op: str, inputs: Sequence[Tensor], shape: Shape, product: Matmul) -> Tensor:
    """Run a kernel whose outcome has a shape, and whose gradients take twice its product."""

    def backward(saved: Saved, _: Gradients, needed: Needed) -> list[Tensor | None]:
        specs = [Spec(each.shape, each.dtype) for each in saved]
        products = tuple(product._replace(gradient_of=factor) for factor in ("left", "right"))
        made = empty_several(f"{op}_backward", *specs, matmuls=products)
        return [each if wanted else None for each, wanted in zip(made, needed, strict=True)]

    outcome = empty(op, shape, inputs[0].dtype, matmuls=(product,))
    record([outcome], [*inputs], [*inputs], backward)
    return outcome
