"""Readers of the keys that say which layers have attention, and what another mixer has.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Iterable

from gpt2calc.model.families.family import Contents, Fields
from gpt2calc.model.families.layers import FULL, SLIDING, depth_of

ATTENTION_WORDS = ("full_attention", "attention")
"""What ``layer_types`` calls layers with attention."""
MIXER_WORDS = ("linear_attention", "conv", "mamba")
"""What ``layer_types`` calls layers with another mixer."""


def read_attention_layers(said: Contents, fields: Fields, otherwise: Iterable[int]) -> Fields:
    """Read which layers have attention; where all have it, the model has no other mixer.

    Args:
        said: the extra keys.
        fields: of the model so far.
        otherwise: the layers, where no list says it.

    """
    types, depth = said.get("layer_types"), depth_of(fields)
    if types is None:
        listed = tuple(layer for layer in otherwise if layer < depth)
    elif not isinstance(types, list | tuple) or len(types) != depth:
        raise ValueError(f"layer_types is {types!r}: it must have {depth} words, one a layer")
    else:
        unknown = [kind for kind in types if kind not in (*ATTENTION_WORDS, *MIXER_WORDS)]
        if unknown:
            raise ValueError(f"layer_types has {unknown[0]!r}: no kind of layer that is known here")
        listed = tuple(layer for layer, kind in enumerate(types) if kind in ATTENTION_WORDS)
    if len(listed) < depth:
        return fields | {"attention_layers": listed}
    without = {name: None for name in fields if name.startswith("mixer_")}
    return fields | without | {"mixer": "attention", "mixer_bias": False, "mixer_conv_bias": False}


def with_windows(fields: Fields, types: object) -> Fields:
    """Read which layers have attention, and which of these a window."""
    if not isinstance(types, list | tuple):
        raise ValueError(f"layer_types is {types!r}: it must name what each layer has")
    words = (FULL if kind == SLIDING else kind for kind in types)
    read = read_attention_layers({"layer_types": [*words]}, fields, ())
    full = [n for n, kind in enumerate(types) if kind == FULL]
    return read | ({"full_layers": full} if SLIDING in types else {"window": None})


def rank_of_steps(rank: object, width: object) -> object:
    """Return the rank of steps; "auto" is a sixteenth of the model's width."""
    return -(-width // 16) if rank == "auto" and isinstance(width, int) else rank


def expanded_width(said: Contents, fields: Fields, key: str = "expand") -> int:
    """Return how many features have a state: the model's width, times ``key``."""
    expand, width = said[key], fields["n_embd"]
    if type(width) is not int:
        raise ValueError(f"hidden_size is {width!r}: it must be a whole number, such as 768")
    if type(expand) is not int or expand < 1:
        raise ValueError(f"{key} is {expand!r}: it must be a positive whole number, such as 2")
    return expand * width


def read_head_width(said: Contents, fields: Fields) -> Fields:
    """Read the width of Mamba's heads: their part of the model's width, times ``mamba_expand``."""
    expand, heads, width = said["mamba_expand"], fields["mixer_heads"], fields["n_embd"]
    if type(expand) is not int or type(heads) is not int or type(width) is not int or heads < 1:
        raise ValueError(
            f"mamba_expand, mamba_n_heads and hidden_size are {expand!r}, {heads!r} and {width!r}: "
            "they must be positive whole numbers"
        )
    if expand * width % heads:
        raise ValueError(f"mamba_n_heads is {heads}: it must divide {expand * width}, their width")
    return fields | {"mixer_head_dim": expand * width // heads}
