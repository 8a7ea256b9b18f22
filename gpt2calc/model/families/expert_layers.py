"""Readers of the keys that say which layers have experts, and how wide the shared expert is.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Collection

from gpt2calc.errors import quoted
from gpt2calc.model.families.family import Contents, Fields
from gpt2calc.model.families.layers import depth_of, whole_number


def read_dense_layers(said: Contents, fields: Fields) -> Fields:
    """Read which layers have an MLP instead of experts (Qwen's families, Flint)."""
    step, alone = whole_number(said, "decoder_sparse_step", 1), said["mlp_only_layers"] or ()
    if not isinstance(alone, list | tuple) or any(type(each) is not int for each in alone):
        raise ValueError(
            f"mlp_only_layers is {quoted(alone)}: it must be a list of layers, such as [0]"
        )
    number = fields["n_expert"]
    has_none = type(number) is int and number == 0
    if step == 1 and not alone and not has_none:
        return fields
    layers = range(depth_of(fields))
    return with_dense_layers(
        fields, [n for n in layers if has_none or n in alone or (n + 1) % step]
    )


def read_first_dense(said: Contents, fields: Fields, key: str = "first_k_dense_replace") -> Fields:
    """Read how many of the first layers have an MLP instead of experts (DeepSeek, GLM-4.5)."""
    first = whole_number(said, key)
    return with_dense_layers(fields, range(min(first, depth_of(fields))))


def read_mlp_types(said: Contents, fields: Fields, first_dense: int = 0) -> Fields:
    """Read which layers have an MLP instead of experts, where a list may say it.

    Args:
        said: the extra keys.
        fields: of the model so far.
        first_dense: how many of the first layers have an MLP, where there is no list.

    """
    types, depth = said["mlp_layer_types"], depth_of(fields)
    if types is None:
        return with_dense_layers(fields, range(min(first_dense, depth)))
    is_list = isinstance(types, list | tuple) and set(map(str, types)) <= {"dense", "sparse"}
    if not isinstance(types, list | tuple) or not is_list or len(types) != depth:
        raise ValueError(
            f"mlp_layer_types is {types!r}: it must call each of {depth} layers 'dense' or 'sparse'"
        )
    return with_dense_layers(fields, [n for n, kind in enumerate(types) if kind == "dense"])


SWITCHES_OF_EXPERTS = (
    "router_bias", "choice_bias", "norm_after_experts", "mlp_beside_experts",
)  # fmt: skip
"""Switches that are off in a model without experts."""


def with_dense_layers(fields: Fields, dense: Collection[int]) -> Fields:
    """Return the fields of a model whose ``dense`` layers have an MLP instead of experts.

    Where these are all layers, no field of experts is left.
    """
    if len(dense) < depth_of(fields):
        return fields | ({"dense_layers": tuple(dense)} if dense else {})
    without = {name: None for name in fields if "expert" in name or name == "n_inner_shared"}
    off = dict.fromkeys(SWITCHES_OF_EXPERTS, False)
    return fields | without | off


def given_key(said: Contents, key: str, alias: str) -> str:
    """Return the one of two keys that holds: the alias, where it is given."""
    return key if said[alias] is None else alias


def read_shared(said: Contents, fields: Fields, key: str, width: str = "n_inner_expert") -> Fields:
    """Read how many shared experts there are: they are one MLP, as wide as all of them together."""
    number = None if said[key] is None else whole_number(said, key)
    each = fields[width] if fields.get(width) is not None else fields.get("n_inner")
    if not number or not isinstance(each, int):
        return fields | {"n_inner_shared": None}
    return fields | {"n_inner_shared": number * each}
