"""ALiBi: a bias of attention's scores that grows with the distance of a key.

Source: transformers, ``modeling_bloom.py``, ``modeling_mpt.py`` and ``modeling_falcon.py``.
"""

from gpt2calc.tape.elementwise import cast, elementwise, reciprocal_times, to_copy
from gpt2calc.tape.tensor import Tensor, empty


def bloom_slopes(heads: int) -> Tensor:
    """Return the slope of each head, (heads,) in float32.

    Those of the largest power of two up to ``heads`` come first, then those of the other heads.
    """
    return _slopes(heads)[0]


def _slopes(heads: int) -> tuple[Tensor, ...]:
    """Return the slopes, then what they are computed from, which Falcon's class still names."""
    power = 2 ** (heads.bit_length() - 1)
    base = empty("full", (), "float32")
    powers = empty("arange", (power,), "int32")
    slopes = empty("pow", (power,), "float32")
    if power == heads:
        return slopes, base, powers
    rest = min(power, heads - power)
    extra_base = empty("full", (), "float32")
    extra_powers = empty("arange", (rest,), "int32")
    slopes = _joined(empty("pow", (rest,), "float32"), heads)
    return slopes, base, powers, extra_base, extra_powers


def _joined(extra: Tensor, heads: int) -> Tensor:
    joined = empty("cat", (heads,), extra.dtype)
    return joined  # noqa: RET504


def bloom_alibi(slopes: Tensor, batch: int, kv_len: int, dtype: str) -> Tensor:
    """Return BLOOM's bias, (batch x heads, 1, kv_len)."""
    heads = slopes.shape[0]
    column = Tensor((heads, 1, 1), "float32", slopes.storage)
    bias = elementwise("mul", column, empty("arange", (kv_len,), "int64"))
    return cast(_repeated(bias, batch), dtype)


def _repeated(bias: Tensor, times: int) -> Tensor:
    return empty("repeat", (times * bias.shape[0], *bias.shape[1:]), bias.dtype)


def falcon_alibi(heads: int, ones: Tensor, dtype: str) -> Tensor:
    """Return Falcon's bias, (batch x heads, 1, kv_len), of a mask of ones (batch, kv_len)."""
    batch, kv_len = ones.shape
    slopes, *_held = _slopes(heads)
    places = elementwise("mul", elementwise("sub", empty("cumsum", ones.shape, "int64")), ones)
    places = Tensor((batch, 1, kv_len), "int64", places.storage)
    column = Tensor((heads, 1), "float32", slopes.storage)
    bias = elementwise("mul", to_copy(column, "bfloat16"), places, dtype="bfloat16")
    return cast(Tensor((batch * heads, 1, kv_len), "bfloat16", bias.storage), dtype)


def mpt_alibi(heads: int, n_ctx: int) -> Tensor:
    """Return MPT's bias for the whole context, (heads, 1, n_ctx), float32."""
    alibi = empty("arange", (n_ctx,), "int32")
    power = 1 << (heads - 1).bit_length()
    base = to_copy(empty("arange", (power,), "int64"), "float32")
    base = elementwise("mul", base)
    slopes = reciprocal_times(elementwise("pow", base))
    if power != heads:
        slopes = empty("cat", (power,), "float32")
    alibi = empty("mul", (heads, 1, n_ctx), "float32")
    del slopes
    return alibi
