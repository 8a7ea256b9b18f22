"""Causal masks, as transformers makes them before the first block.

Source: transformers, ``masking_utils.py``. A function takes and names whatever lives as long in its
counterpart there, even where its own lines do not use it.
"""

from typing import Literal, NamedTuple

from gpt2calc.tape.elementwise import add_scalar, elementwise
from gpt2calc.tape.tensor import Tensor, empty
from gpt2calc.tape.views import unsqueeze

Implementation = Literal["eager", "sdpa", "flash"]
"""transformers' ``attn_implementation``; flash is one kernel of a GPU, which makes no mask."""


class MaskRequest(NamedTuple):
    """What a mask is made for."""

    implementation: Implementation
    batch: int
    q_len: int
    kv_len: int
    dtype: str
    """The model's."""
    has_cache: bool
    window: int | None = None
    """Tokens that a query can see; None for all before it."""
    looks_for_packing: bool = True
    """Whether positions are searched for packed sequences, where there is no cache."""
    is_always_made: bool = False
    """Whether a mask is made even where the kernel could do without."""


def position_ids(seq: int) -> Tensor:
    """Return the numbers of the positions, (1, tokens)."""
    return unsqueeze(add_scalar(empty("arange", (seq,), "int64")), 0)


def causal_mask(request: MaskRequest) -> Tensor | None:
    """Return a mask (batch, 1, queries, keys): of the model's dtype in eager attention, else bool.

    None where SDPA needs none, by its ``is_causal``, and always in flash attention.
    """
    if request.implementation == "flash":
        return None
    if not request.has_cache and request.looks_for_packing:
        _look_for_packed_sequences(request.batch, request.q_len)
    window = request.window
    is_sdpa = request.implementation == "sdpa"
    is_windowed = window is not None and request.kv_len >= window
    if is_sdpa and not is_windowed and not request.is_always_made:
        return None
    allowed = _allowed(request.batch, request.q_len, request.kv_len, window)
    shape = (request.batch, 1, request.q_len, request.kv_len)
    if is_sdpa:
        return Tensor(shape, "bool", allowed.storage, (0, 0, request.kv_len, 1))
    zero = empty("zeros", (), request.dtype)
    mask = _filled(empty("scalar_tensor", (), request.dtype), shape)
    del zero
    return mask


def _filled(least: Tensor, shape: tuple[int, ...]) -> Tensor:
    return empty("where", shape, least.dtype)


def _allowed(batch: int, q_len: int, kv_len: int, window: int | None) -> Tensor:
    """Return which keys each query may see."""
    batches, heads = empty("arange", (batch,), "int64"), empty("arange", (1,), "int64")
    queries = add_scalar(empty("arange", (q_len,), "int64"))
    keys = add_scalar(empty("arange", (kv_len,), "int64"))
    if window is None:
        return empty("le", (1, 1, q_len, kv_len), "bool")
    allowed = empty("new_ones", (), "bool")
    allowed = elementwise("and", allowed, _within_window(q_len, kv_len))
    allowed = elementwise("and", allowed, empty("le", (q_len, kv_len), "bool"))
    del batches, heads, queries, keys
    return allowed


def _within_window(q_len: int, kv_len: int) -> Tensor:
    return _nearer(empty("sub", (q_len,), "int64"), kv_len)


def _nearer(lowest: Tensor, kv_len: int) -> Tensor:
    return empty("gt", (*lowest.shape, kv_len), "bool")


def _look_for_packed_sequences(batch: int, seq: int) -> None:
    first = empty("sub", (batch, 1), "int64")
    difference = _difference(batch, seq)
    numbers = _cumulated(empty("ne", (batch, seq), "bool"))
    _all(empty("eq", (batch,), "bool"))
    del first, difference, numbers


def _difference(batch: int, seq: int) -> Tensor:
    joined = empty("cat", (batch, seq + 1), "int64")
    difference = empty("sub", (batch, seq), "int64")
    del joined
    return difference


def _cumulated(changes: Tensor) -> Tensor:
    return empty("cumsum", changes.shape, "int64")


def _all(rows: Tensor) -> Tensor:
    return empty("all", rows.shape[1:], "bool")
