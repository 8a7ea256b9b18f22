"""Recurrences over the tokens, and causal convolutions, as fused kernels run them.

What a kernel allocates inside is not recorded; its products are those of the recurrence, token by
token, and not those of the chunks in which a kernel computes it.
"""

from collections.abc import Sequence

from gpt2calc.tape.autograd import Gradients, Needed, Saved, record
from gpt2calc.tape.recorder import Matmul
from gpt2calc.tape.tensor import Shape, Spec, Tensor, empty, empty_several


def fused(op: str, inputs: Sequence[Tensor], shape: Shape, product: Matmul) -> Tensor:
    """Run a fused kernel with an output of ``shape``; its backward takes twice its product."""

    def backward(saved: Saved, _: Gradients, needed: Needed) -> list[Tensor | None]:
        specs = [Spec(each.shape, each.dtype) for each in saved]
        products = tuple(product._replace(gradient_of=factor) for factor in ("left", "right"))
        made = empty_several(f"{op}_backward", *specs, matmuls=products)
        return [each if wanted else None for each, wanted in zip(made, needed, strict=True)]

    output = empty(op, shape, inputs[0].dtype, matmuls=(product,))
    record([output], [*inputs], [*inputs], backward)
    return output
