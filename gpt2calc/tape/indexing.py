"""Lookups by index: embeddings, indexing with a tensor, ``gather``."""

from collections.abc import Sequence

from gpt2calc.tape.autograd import (
    Gradients,
    Needed,
    Saved,
    attach,
    save_for_backward,
)
from gpt2calc.tape.tensor import Tensor, empty


def embedding(weight: Tensor, ids: Tensor) -> Tensor:
    """Look up rows of a weight (rows, width); the ids are saved."""
    shape = weight.shape

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        return [empty("embedding_dense_backward", shape, grads[0].dtype)]

    node = save_for_backward([weight], [ids], backward)
    output = empty("embedding", (*ids.shape, shape[1]), weight.dtype)
    attach(node, output)
    return output


def index(tensor: Tensor, indices: Tensor, shape: Sequence[int]) -> Tensor:
    """Index with a tensor, ``tensor[indices]``; the output is a copy of ``shape``."""
    whole = tensor.shape

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        zeros = empty("new_zeros", whole, grads[0].dtype)
        written = empty("index_put", whole, grads[0].dtype)
        del zeros
        return [written]

    node = save_for_backward([tensor], [indices], backward)
    output = empty("index", shape, tensor.dtype)
    attach(node, output)
    return output


def pick(tensor: Tensor, dim: int, number: int = 1) -> Tensor:
    """Index a dimension with a list of ``number`` places, ``tensor[..., [i], ...]``: a copy."""
    dim %= len(tensor.shape)
    indices = empty("lift_fresh", (number,), "int64")
    return index(tensor, indices, (*tensor.shape[:dim], number, *tensor.shape[dim + 1 :]))


def gather(tensor: Tensor, indices: Tensor) -> Tensor:
    """Gather from the last dimension, ``tensor.gather(-1, indices)``."""
    whole = tensor.shape

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        zeros = empty("new_zeros", whole, grads[0].dtype)
        scattered = empty("scatter_add", whole, grads[0].dtype)
        del zeros
        return [scattered]

    node = save_for_backward([tensor], [indices], backward)
    output = empty("gather", indices.shape, tensor.dtype)
    attach(node, output)
    return output
