"""Readers of the keys for windows and rotary positions, which may differ from layer to layer.

Source: ``models/*/configuration_*.py`` of transformers 5, each class's ``__post_init__``.
"""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from gpt2calc.errors import quoted
from gpt2calc.model.families.family import Contents, Fields

DEEPEST = 100_000
"""The most layers of a model whose layers differ: lists have an entry for each."""
FULL, SLIDING, CHUNKED = "full_attention", "sliding_attention", "chunked_attention"


def read_window(said: Contents, fields: Fields, first: int | None = None) -> Fields:
    """Read which layers have a window, from ``layer_types`` where it is given (Gemma 2 and 3).

    A list that follows ``full_every`` is left out of the fields: of these layers without a window
    the first is ``first``, or ``full_every - 1`` where that is None.
    """
    types = said["layer_types"]
    if types is None:
        return fields
    return with_full_layers(fields, full_among(types, fields), first)


def without_rope_where_full(fields: Fields) -> Fields:
    """Remove rotary positions from the layers without a window (Cohere 2, EXAONE 4, AFMoE)."""
    listed = fields.get("full_layers")
    if listed is not None:
        return fields | {"no_rope_layers": listed}
    return fields | {"no_rope_every": 1 if fields["window"] is None else fields["full_every"]}


def read_rotary_dim(said: Contents, fields: Fields) -> Fields:
    """Read how many features of a head are rotated: several keys may give their share of it."""
    share = said["partial_rotary_factor"]
    if share is None and "rotary_pct" in said:
        share = said["rotary_pct"]
    parameters = said["rope_parameters"]
    if isinstance(parameters, Mapping):
        share = parameters.get("partial_rotary_factor", share)
    if share is None:
        return fields
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ValueError(f"partial_rotary_factor is {share!r}: it must be a share of a head, 0.25")
    width, heads, features = (fields.get(name) for name in ("head_dim", "n_head", "n_embd"))
    if width is None and isinstance(heads, int) and isinstance(features, int) and heads > 0:
        width = features // heads
    if not isinstance(width, int):
        return fields
    return fields | {"rotary_dim": share_of(width, share)}


def share_of(width: int, share: float) -> int:
    """Return a share of a width, rounded down as classes do: in floats, where these suffice."""
    try:
        return int(width * share)
    except OverflowError:
        return int(width * Fraction(share))


def read_no_rope_list(said: Contents, fields: Fields) -> Fields:
    """Read a list that has a 0 for each layer without rotary positions."""
    listed = said["no_rope_layers"]
    if listed is None or listed == []:
        return fields
    depth = depth_of(fields)
    if not isinstance(listed, list | tuple) or any(each not in (0, 1) for each in listed):
        raise ValueError(f"no_rope_layers is {listed!r}: it must be a list of 0 and 1")
    if len(listed) != depth:
        raise ValueError(f"no_rope_layers has {len(listed)} entries, for {depth} layers")
    without = tuple(layer for layer, has_rope in enumerate(listed) if not has_rope)
    every = fields.get("no_rope_every")
    return fields if without == every_nth(every, depth) else fields | {"no_rope_layers": without}


def full_among(types: object, fields: Fields) -> tuple[int, ...]:
    """Return the layers without a window, of a list that names each one's attention."""
    depth = depth_of(fields)
    is_list = isinstance(types, list | tuple) and all(each in (FULL, SLIDING) for each in types)
    if not isinstance(types, list | tuple) or not is_list:
        raise ValueError(f"layer_types is {types!r}: it must be a list of '{FULL}' and '{SLIDING}'")
    if len(types) != depth:
        raise ValueError(f"layer_types has {len(types)} entries, for {depth} layers")
    return tuple(layer for layer, kind in enumerate(types) if kind == FULL)


def with_full_layers(
    fields: Fields, full: Iterable[int], first: int | None = None, *, is_local: bool = False
) -> Fields:
    full, depth, every = tuple(full), depth_of(fields), fields.get("full_every")
    if fields.get("window") is None and len(full) < depth:
        kind, key = ("local", "window_size") if is_local else (SLIDING, "sliding_window")
        raise ValueError(f"a layer is '{kind}', and there is no window: give {key}")
    if full == every_nth(every, depth, first) or fields.get("window") is None:
        return fields
    return fields | {"full_layers": full}


def every_nth(step: object, depth: int, first: int | None = None) -> tuple[int, ...]:
    if not isinstance(step, int) or step < 1:
        return ()
    return tuple(range(step - 1 if first is None else first, depth, step))


def heads_as_wide_as(words: str) -> Callable[[Contents, Fields], Fields]:
    """Return a reader that refuses heads which are not as wide as the model.

    ``words`` is what the family is called, whose class has a norm or a matrix of the model's width.
    """

    def read(_: Contents, fields: Fields) -> Fields:
        heads, width, features = fields["n_head"], fields.get("head_dim"), fields["n_embd"]
        is_known = isinstance(heads, int) and isinstance(width, int)
        if is_known and heads * width != features:  # type: ignore[operator]
            raise ValueError(
                f"head_dim is {width}: {heads} heads of it are not as wide as hidden_size, "
                f"{features}, and {words}'s class cannot run then"
            )
        return fields

    return read


def depth_of(fields: Fields) -> int:
    """Return how many layers a model has; 0 where that is no number, which is refused later.

    Raises:
        ValueError: there are more than ``DEEPEST``.

    """
    depth = fields["n_layer"]
    if not isinstance(depth, int):
        return 0
    if depth > DEEPEST:
        raise ValueError(
            f"num_hidden_layers is {depth:,}: at most {DEEPEST:,} for a family whose layers differ"
        )
    return depth


def whole_number(said: Contents, key: str, least: int = 0) -> int:
    """Return an extra key's value, which must be a whole number, ``least`` or more."""
    number = said[key]
    if type(number) is not int or number < least:
        raise ValueError(f"{key} is {quoted(number)}: it must be a whole number from {least} on")
    return number
