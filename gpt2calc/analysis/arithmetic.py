"""The difference between two countings as arithmetic: a product of sizes, or one number."""

from collections import Counter

from gpt2calc.analysis.countings import Counting
from gpt2calc.model.terms import ParameterTensor

MOST_TERMS = 2
"""Tensors whose sizes are written out one by one; the sum of more is a single number."""


def difference(before: Counting, after: Counting) -> str:
    """Return what was added or taken away: ``" + 12 x 1,024 x 1,024"``, ``" - 102,144"``."""
    olds, news = _by_name(before), _by_name(after)
    names = [name for name in {**olds, **news} if olds.get(name) != news.get(name)]
    changes = [(olds.get(name), news.get(name)) for name in names]
    delta = after.total - before.total
    return f" {'+' if delta > 0 else '-'} {_size(changes) or f'{abs(delta):,}'}"


def _by_name(counting: Counting) -> dict[tuple[str, str, int], ParameterTensor]:
    """Return tensors by role, column, and which of that role it is: layers may differ in sizes."""
    named: dict[tuple[str, str, int], ParameterTensor] = {}
    alike: Counter[tuple[str, str]] = Counter()
    for tensor in counting.counted:
        cell = tensor.role, tensor.column
        named[*cell, alike[cell]] = tensor
        alike[cell] += 1
    return named


def _size(changes: list[tuple[ParameterTensor | None, ParameterTensor | None]]) -> str | None:
    """Return the change as a product, where it is one that can be read; None where it is not."""
    added = [new for old, new in changes if new and old is None]
    removed = [old for old, new in changes if old and new is None]
    if changes and len(changes) in (len(added), len(removed)):
        return _written_out(added or removed)
    pairs = [(old, new) for old, new in changes if old and new]
    if len(pairs) < len(changes):
        return None
    return _layers(pairs) or (_one_size(*pairs[0]) if len(pairs) == 1 else None)


def _written_out(added: list[ParameterTensor]) -> str | None:
    """Return the sizes of whole tensors: ``12 x (768 x 3,072 + 3,072)``."""
    copies = {tensor.copies for tensor in added}
    if len(added) > MOST_TERMS or len(copies) > 1:
        return None
    sizes = [_product(tensor.shape) for tensor in added]
    (times,) = copies
    terms = sizes[0] if len(sizes) == 1 else f"({' + '.join(sizes)})"
    return terms if times == 1 else f"{times:,} x {terms}"


def _layers(pairs: list[tuple[ParameterTensor, ParameterTensor]]) -> str | None:
    """Return blocks times their size, where only their number differs: ``36 x 7,087,872``."""
    steps = {new.copies - old.copies for old, new in pairs}
    if len(steps) > 1 or 0 in steps or any(old.shape != new.shape for old, new in pairs):
        return None
    (step,) = steps
    return f"{abs(step):,} x {sum(old.parameters_each for old, _ in pairs):,}"


def _one_size(old: ParameterTensor, new: ParameterTensor) -> str | None:
    """Return the change of one tensor in one of its sizes: ``47 x 768``."""
    places = [place for place, size in enumerate(old.shape) if size != new.shape[place]]
    if len(places) != 1 or old.copies != new.copies:
        return None
    step = abs(new.shape[places[0]] - old.shape[places[0]])
    others = [size for place, size in enumerate(old.shape) if place != places[0]]
    return _product((*((old.copies,) if old.copies > 1 else ()), step, *others))


def _product(sizes: tuple[int, ...]) -> str:
    return " x ".join(f"{size:,}" for size in sizes if size != 1) or "1"
