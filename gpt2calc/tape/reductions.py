"""Reductions and what is built on them: softmax, layer norm, cross-entropy, top-k."""

from gpt2calc.tape.autograd import (
    Gradients,
    Needed,
    Saved,
    record,
)
from gpt2calc.tape.elementwise import cast, elementwise
from gpt2calc.tape.tensor import Shape, Spec, Tensor, empty, empty_several
from gpt2calc.tape.views import contiguous, expand, narrow, unsqueeze, view, without


def mean(tensor: Tensor) -> Tensor:
    """Return the mean of the last dimension, which is kept with size 1."""
    shape = tensor.shape
    output = empty("mean", (*shape[:-1], 1), tensor.dtype)

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        return [elementwise("div", expand(grads[0], *shape))]

    record([output], [tensor], [], backward)
    return output


def sum_last(tensor: Tensor) -> Tensor:
    """Sum over the last dimension, which is kept with size 1."""
    shape = tensor.shape
    output = empty("sum", (*shape[:-1], 1), tensor.dtype)
    record([output], [tensor], [], lambda _, grads, __: [expand(grads[0], *shape)])
    return output


def sum_over(tensor: Tensor, dim: int) -> Tensor:
    """Sum over a dimension, which is dropped."""
    shape = tensor.shape
    dim %= len(shape)
    output = empty("sum", without(shape, dim), tensor.dtype)
    record([output], [tensor], [], lambda _, grads, __: [expand(unsqueeze(grads[0], dim), *shape)])
    return output


def largest(tensor: Tensor) -> Tensor:
    """Return the maximum of the last dimension, which is kept with size 1."""
    whole, rows = tensor.shape, (*tensor.shape[:-1], 1)
    values, indices = empty_several("max", Spec(rows, tensor.dtype), Spec(rows, "int64"))

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        zeros = empty("new_zeros", whole, grads[0].dtype)
        scattered = empty("scatter", whole, grads[0].dtype)
        del zeros
        return [scattered]

    record([values], [tensor], [indices], backward)
    return values


def softmax(tensor: Tensor, dtype: str | None = None) -> Tensor:
    """Return the softmax of the last dimension; another dtype is a cast before it."""
    if dtype is not None:
        tensor = cast(tensor, dtype)
    return _softmax("softmax", tensor)


def log_softmax(tensor: Tensor) -> Tensor:
    """Return the logarithm of the softmax of the last dimension."""
    return _softmax("log_softmax", tensor)


def _softmax(op: str, tensor: Tensor) -> Tensor:
    output = empty(op, tensor.shape, tensor.dtype)

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        return [empty(f"{op}_backward", grads[0].shape, grads[0].dtype)]

    record([output], [tensor], [output], backward)
    return output


def nll_loss(log_probabilities: Tensor, targets: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of the targets, a scalar."""
    dtype = log_probabilities.dtype
    loss, weight = empty_several("nll_loss_forward", Spec((), dtype), Spec((), dtype))

    def backward(saved: Saved, _: Gradients, __: Needed) -> list[Tensor | None]:
        return [empty("nll_loss_backward", saved[0].shape, dtype)]

    saved = [log_probabilities, targets, weight]
    record([loss], [log_probabilities], saved, backward)
    return loss


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the causal language modelling loss of transformers: in float32, labels shifted by one.

    Source: transformers, ``loss/loss_utils.py``, ``ForCausalLMLoss``.
    """
    logits = cast(logits, "float32")
    batch, seq = labels.shape
    labels = empty("constant_pad_nd", (batch, seq + 1), "int64")
    shifted = contiguous(narrow(labels, 1, seq))
    logits = view(logits, -1, logits.shape[-1])
    shifted = view(shifted, -1)
    return nll_loss(log_softmax(logits), shifted)


def layer_norm(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    """Normalize the last dimension; input, mean and reciprocal standard deviation are saved.

    Statistics have the dtype of the weight. Source: PyTorch, ``native/cpu/layer_norm_kernel.cpp``.
    """
    rows: Shape = (*x.shape[:-1], 1)
    statistics = x.dtype if weight is None else weight.dtype

    output, average, deviation = empty_several(
        "native_layer_norm",
        Spec(x.shape, x.dtype),
        Spec(rows, statistics),
        Spec(rows, statistics),
    )

    def backward(saved: Saved, _: Gradients, needed: Needed) -> list[Tensor | None]:
        x = saved[0]
        affine = Spec(x.shape[-1:], statistics)
        specs = [Spec(x.shape, x.dtype), affine, affine]
        made = [spec for spec, wanted in zip(specs, needed, strict=True) if wanted]
        gradients = empty_several("native_layer_norm_backward", *made)
        return [gradients.pop(0) if wanted else None for wanted in needed]

    affine = [each for each in (weight, bias) if each is not None]
    saved = [x, average, deviation, *affine]
    record([output], [x, weight, bias], saved, backward)
    return output


def topk(tensor: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the ``k`` largest values of the last dimension, and their indices."""
    whole, chosen = tensor.shape, (*tensor.shape[:-1], k)
    values, indices = empty_several("topk", Spec(chosen, tensor.dtype), Spec(chosen, "int64"))

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        zeros = empty("new_zeros", whole, grads[0].dtype)
        scattered = empty("scatter", whole, grads[0].dtype)
        del zeros
        return [scattered]

    record([values], [tensor], [indices], backward)
    return values, indices
