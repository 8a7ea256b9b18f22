"""Scaled dot-product attention as PyTorch runs it on a CPU, and in one kernel of a GPU."""

from gpt2calc.tape.autocast import lowered, without_autocast
from gpt2calc.tape.autograd import Gradients, Needed, Saved, record
from gpt2calc.tape.elementwise import add, cast, elementwise, scale
from gpt2calc.tape.matmul import matmul
from gpt2calc.tape.recorder import Matmul
from gpt2calc.tape.reductions import softmax
from gpt2calc.tape.tensor import Spec, Tensor, elementwise_order, empty, empty_several
from gpt2calc.tape.views import clone, expand, flatten, transpose, unsqueeze

PROJECTED = (3, 1, 2, 0)
"""Dimensions of a gradient, fastest first: laid out as (batch, tokens, heads, width)."""


def sdpa(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    enable_gqa: bool = False,
) -> Tensor:
    """Apply ``scaled_dot_product_attention``; its output is laid out as the queries.

    The fused kernel saves its inputs, its output and a float32 per row. A mask of bools is first
    converted to the dtype of the queries. Without ``enable_gqa`` different numbers of heads, and
    always different widths of keys and values, take the math kernel of separate operations. Source:
    PyTorch, ``aten/src/ATen/native/transformers/attention.cpp``.

    Args:
        query: (batch, heads, queries, width).
        key: (batch, heads, keys, width); fewer heads with ``enable_gqa``.
        value: (batch, heads, keys, width of a value); as many heads as the keys.
        mask: (batch, heads, queries, keys), of bools or numbers; None is causal.
        enable_gqa: whether heads of keys and values are shared.

    """
    low_mask = None if mask is None else lowered(mask)
    low_value = lowered(value)
    low_key = lowered(key)
    low_query = lowered(query)
    with without_autocast():
        return _sdpa(low_query, low_key, low_value, low_mask, enable_gqa=enable_gqa)


def flash_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Apply causal attention in one kernel of a GPU, which holds no matrix of scores.

    Heads of keys and values may be fewer, and values of another width. Any mask, bias, cap or sink
    is computed inside the kernel. Source: FlashAttention, and PyTorch's FlexAttention.

    Args:
        query: (batch, heads, queries, width).
        key: (batch, fewer heads or as many, keys, width).
        value: (batch, heads of the keys, keys, width of a value).

    """
    low_value = lowered(value)
    low_key = lowered(key)
    low_query = lowered(query)
    with without_autocast():
        return _in_one_kernel(low_query, low_key, low_value, None, "flash_attention")


def _sdpa(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, *, enable_gqa: bool
) -> Tensor:
    heads, q_len, width = query.shape[1:]
    if mask is not None and mask.dtype == "bool":
        mask = _as_numbers(mask, query.dtype)
    if value.shape[3] != width or (key.shape[1] != heads and not enable_gqa):
        is_causal = q_len > 1 and mask is None
        return _by_formula(query, key, value, mask, is_causal=is_causal, enable_gqa=enable_gqa)
    op = "_scaled_dot_product_flash_attention_for_cpu"
    return _in_one_kernel(query, key, value, mask, op)


def _in_one_kernel(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, op: str
) -> Tensor:
    batch, heads, q_len, width = query.shape
    kv_len, v_width = key.shape[2], value.shape[3]
    scores = Matmul(batch * heads, q_len, width, kv_len)
    values = Matmul(batch * heads, q_len, kv_len, v_width)
    output, log_sum_exp = empty_several(
        op,
        Spec((batch, heads, q_len, v_width), query.dtype, elementwise_order([query], query.shape)),
        Spec((batch, q_len, heads), "float32"),
        matmuls=(scores, values),
    )

    def backward(saved: Saved, _: Gradients, __: Needed) -> list[Tensor | None]:
        specs = [Spec(each.shape, each.dtype, PROJECTED) for each in saved[:3]]
        products = (
            scores,
            Matmul(batch * heads, q_len, v_width, kv_len),  # the gradient of probabilities
            Matmul(batch * heads, q_len, kv_len, width),  # of queries
            Matmul(batch * heads, kv_len, q_len, width),  # of keys
            Matmul(batch * heads, kv_len, q_len, v_width),  # of values
        )
        return [*empty_several(f"{op}_backward", *specs, matmuls=products)]

    saved = [query, key, value, output, log_sum_exp, *([mask] if mask is not None else [])]
    record([output], [query, key, value], saved, backward)
    return output


def _by_formula(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    *,
    is_causal: bool,
    enable_gqa: bool,
) -> Tensor:
    dtype = query.dtype
    wide_query = cast(query, "float32")
    wide_key = cast(key, "float32")
    wide_value = cast(value, "float32")
    x = scale(wide_query)
    if is_causal:
        mask = _triangle(query.shape[2], key.shape[2])
        mask = _as_numbers(mask, x.dtype)
    if enable_gqa and wide_key.shape[1] != wide_query.shape[1]:
        wide_key = _repeated(wide_key, wide_query.shape[1])
        wide_value = _repeated(wide_value, wide_query.shape[1])
    weights = matmul(x, scale(transpose(wide_key, 2, 3)))
    if mask is not None:
        weights = add(weights, mask)
    weights = softmax(weights)
    _probabilities = cast(weights, dtype)
    return cast(matmul(weights, wide_value), dtype)


def _repeated(x: Tensor, heads: int) -> Tensor:
    """Copy heads of keys or values for the queries that share them, as the math kernel does."""
    batch, groups, kv_len, width = x.shape
    copied = clone(expand(unsqueeze(x, 2), batch, groups, heads // groups, kv_len, width))
    return flatten(copied, 1)


def _triangle(q_len: int, kv_len: int) -> Tensor:
    ones = empty("ones", (q_len, kv_len), "bool")
    return empty("tril", ones.shape, "bool")


def _as_numbers(mask: Tensor, dtype: str) -> Tensor:
    least = empty("scalar_tensor", (), dtype)
    zero = empty("scalar_tensor", (), dtype)
    numbers = elementwise("where", mask, dtype=dtype)
    del least, zero
    return numbers
