"""The two factors of a product, each of which is saved for the gradient of the other."""

from gpt2calc.tape.autograd import Needed, Saved
from gpt2calc.tape.tensor import Tensor


def save_factors(left: Tensor, right: Tensor) -> Saved:
    """Return the factors that backward needs: each of them, if the other takes a gradient."""
    return [*([left] if right.requires_grad else []), *([right] if left.requires_grad else [])]


def unpack_factors(saved: Saved, needed: Needed) -> tuple[Tensor | None, Tensor | None]:
    """Return what :func:`save_factors` saved, left and right; None for a factor that it did not.

    Args:
        saved: the saved tensors; others may follow the factors.
        needed: whether left and right take a gradient, which are the first inputs of the product.

    """
    left_is_needed, right_is_needed = needed[:2]
    rest = iter(saved)
    left = next(rest) if right_is_needed else None
    right = next(rest) if left_is_needed else None
    return left, right
