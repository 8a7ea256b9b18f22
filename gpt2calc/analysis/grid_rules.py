"""Checks of a grid of configs against the rules that hold between the fields of a config."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from gpt2calc.analysis.axes import Array, as_axis, values_at
from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import model_of

HEADS = ("n_embd", "n_head", "head_dim", "n_kv_head", "full_n_head", "full_n_kv_head")
"""Numbers that must divide one another."""
EXPERTS = ("n_expert", "n_expert_active")
"""Numbers of which the second is at most the first."""
MIXERS = ("mixer_heads", "mixer_key_heads")
"""Numbers of which the second divides the first."""
BLOCK = 2**20
"""Points that are checked at once."""
MOST_CHECKED = 10**8
"""Points of a grid of heads that are checked at most: about three seconds."""
MOST_MADE = 2_000
"""Points of a grid that are checked as configs, one by one, at most: about a tenth of a second."""

Point = dict[str, int]


def refuse_impossible(config: Config, axes: Mapping[str, Array | range]) -> None:
    """Raise ``UserError`` if the grid has a point that is refused as a config by itself.

    Of a small grid every point is checked. Of a larger one, every point is checked for the rules
    between heads, between experts, and of listed layers; other fields are checked at the first
    value of their axis.
    """
    model = model_of(config)
    heads = {} if model.n_head is None else {"n_head": model.n_head}
    first = {name: int(axis[0]) for name, axis in axes.items() if name in model.known}
    for point in _suspects(model, axes):
        try:
            model.replace(**heads | first | point)
        except UserError as error:
            where = ", ".join(f"{name} {value:,}" for name, value in point.items())
            raise UserError(f"{error}; in the grid at {where}") from None


def refuse_heads_that_do_not_divide(
    fields: Mapping[str, Any], axes: Mapping[str, Iterable[int]]
) -> None:
    """Raise ``UserError`` if an ``n_head`` that was asked for does not divide a swept width."""
    heads = fields.get("n_head")
    if isinstance(heads, int) and heads > 0 and "n_embd" in axes:
        widths = np.asarray(as_axis("n_embd", axes["n_embd"], ("n_embd",)))
        undivided = widths[widths % heads != 0]
        if undivided.size:
            raise UserError(
                f"n_head {heads} does not divide n_embd {undivided[0]}: leave out one of these "
                "values"
            )


def _suspects(model: ModelConfig, axes: Mapping[str, Array | range]) -> Iterator[Point]:
    """Yield one point for each rule that the grid may break, and the first that breaks it."""
    has_heads = any(name in axes or getattr(model, name) is not None for name in HEADS[1:])
    if has_heads or model.qk_norm != "none":
        yield from _first(model, _among(HEADS, axes), _are_undivided)
    yield from _first(model, _among(EXPERTS, axes), _are_too_few)
    yield from _first(model, _among(MIXERS, axes), _are_unshared)
    of_model = _among(model.known, axes)
    if of_model and prod(map(len, of_model.values())) <= MOST_MADE:
        points = product(*(map(int, axis) for axis in of_model.values()))
        yield from (dict(zip(of_model, point, strict=True)) for point in points)
        return
    alone = [name for name in of_model if name not in (*HEADS, *EXPERTS, *MIXERS)]
    yield from ({name: int(axes[name][0])} for name in alone)
    lists = (*model.layer_lists, model.full_layers or (), model.no_rope_layers or ())
    listed = [layer for layers in lists for layer in layers]
    if listed and "n_layer" in axes:
        last = max(listed) + 1
        yield from ({"n_layer": depth} for depth in map(int, axes["n_layer"]) if depth <= last)


def _among(names: Iterable[str], axes: Mapping[str, Array | range]) -> dict[str, Array | range]:
    return {name: axes[name] for name in names if name in axes}


def _first(model: ModelConfig, axes: Mapping[str, Array | range], breaks: Any) -> Iterator[Point]:
    """Yield the first point of some axes, and the first that breaks a rule, if there are any."""
    shape = [len(axis) for axis in axes.values()]
    if not shape:
        return
    if prod(shape) > MOST_CHECKED:
        raise UserError(
            f"{', '.join(axes)} have {prod(shape):,} combinations to be checked, and at most "
            f"{MOST_CHECKED:,} are: give fewer values"
        )
    yield {name: int(axis[0]) for name, axis in axes.items()}
    for start in range(0, prod(shape), BLOCK):
        points = np.arange(start, min(start + BLOCK, prod(shape)))
        places = np.unravel_index(points, shape)
        values = {
            name: values_at(axis, place)
            for (name, axis), place in zip(axes.items(), places, strict=True)
        }
        broken = np.broadcast_to(breaks(model, values), points.shape)
        if broken.any():
            at = broken.argmax()
            yield {name: int(column[at]) for name, column in values.items()}
            return


def _are_undivided(model: ModelConfig, values: Mapping[str, Array]) -> Any:
    """Tell where heads do not divide the width, or keys do not divide the heads."""
    at = partial(_at, model, values)
    heads, full_heads = _heads(at), at("full_n_head")
    keys, full_keys = at("n_kv_head"), at("full_n_kv_head")
    return (
        _has_part_of_a_head(at, needs_heads=keys is not None or model.qk_norm != "none")
        | _is_no_divisor(keys, heads)
        | _is_no_divisor(
            keys if full_keys is None else full_keys, heads if full_heads is None else full_heads
        )
    )


def _at(model: ModelConfig, values: Mapping[str, Array], name: str) -> Any:
    """Return a field at some points: its values there, or the model's own."""
    return values.get(name, getattr(model, name))


def _heads(at: Callable[[str], Any]) -> Any:
    """Return the heads at some points, by their rule where they are left out."""
    heads, each = at("n_head"), at("head_dim")
    if heads is not None:
        return heads
    return np.maximum(at("n_embd") // (HEAD_WIDTH if each is None else each), 1)


def _has_part_of_a_head(at: Callable[[str], Any], *, needs_heads: bool) -> Any:
    """Tell where the width is no whole number of heads, though it must be."""
    heads, width, each = at("n_head"), at("n_embd"), at("head_dim")
    if heads is None:
        is_asked = needs_heads or each is not None
        return is_asked and width % (HEAD_WIDTH if each is None else each) != 0
    return each is None and width % heads != 0


def _is_no_divisor(part: Any, whole: Any) -> Any:
    return False if part is None else whole % part != 0


def _are_too_few(model: ModelConfig, values: Mapping[str, Array]) -> Any:
    """Tell where more experts are active than there are."""
    experts, active = (_at(model, values, name) for name in EXPERTS)
    return False if experts is None or active is None else active > experts


def _are_unshared(model: ModelConfig, values: Mapping[str, Array]) -> Any:
    """Tell where the heads of a state's keys do not divide the heads of states."""
    heads, keys = (_at(model, values, name) for name in MIXERS)
    return heads is not None and _is_no_divisor(keys, heads)
