"""Autocast: products in 16 bits while weights stay in float32, as ``torch.autocast``."""

from collections.abc import Iterator
from contextlib import contextmanager

from gpt2calc.tape.elementwise import cast
from gpt2calc.tape.recorder import current
from gpt2calc.tape.tensor import Parameter, Tensor

LOW_PRECISION = "bfloat16"


@contextmanager
def autocast() -> Iterator[None]:
    """Cast the arguments of products to bfloat16; a parameter's cast is kept to the end."""
    tape = current()
    before, tape.autocast_cache = tape.autocast_cache, {}
    try:
        yield
    finally:
        tape.autocast_cache = before


@contextmanager
def without_autocast() -> Iterator[None]:
    """Leave dtypes as they are inside an operation that autocast has treated as a whole."""
    tape = current()
    before, tape.autocast_cache = tape.autocast_cache, None
    try:
        yield
    finally:
        tape.autocast_cache = before


def lowered(tensor: Tensor) -> Tensor:
    """Return the argument of a product as autocast hands it on; itself outside of autocast.

    C++ evaluates the arguments of a call from the last to the first, and callers do the same.
    """
    cache = current().autocast_cache
    if cache is None or tensor.dtype != "float32":
        return tensor
    if not isinstance(tensor, Parameter) or not tensor.requires_grad:
        return cast(tensor, LOW_PRECISION)
    key = id(tensor)
    low = cache.get(key)
    if not isinstance(low, Tensor):
        low = cache[key] = cast(tensor, LOW_PRECISION)
    return low
