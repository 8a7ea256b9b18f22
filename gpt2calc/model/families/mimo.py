"""MiMo-V2, whose layers with a window have sinks, and twice the heads of keys.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.partial_rotary import NeoXRotary
from gpt2calc.model.decoders.llamas import Gemma3Decoder
from gpt2calc.model.families.config_keys import LAYER_TYPES, MLP_LAYER_TYPES, ROUTED_KEYS
from gpt2calc.model.families.expert_layers import read_mlp_types
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import FULL, SLIDING, depth_of, full_among, share_of
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    MLP,
    ONE_BY_ONE,
    ROUTER,
    SINKS,
    TWO_NORMS,
    names,
)
from gpt2calc.model.mlps.routers import GroupedRouter


def _mimo(said: Contents, fields: Fields) -> Fields:
    """Read MiMo-V2: layers with a window have sinks, and twice the heads of keys."""
    depth, groups = depth_of(fields), said["num_key_value_heads"]
    if type(groups) is not int or groups < 1:
        raise ValueError(f"num_key_value_heads is {groups!r}: it must be a positive whole number")
    types = said["layer_types"]
    if types is None:
        types = [FULL if n == 0 or (n + 1) % 6 == 0 else SLIDING for n in range(depth)]
    full = full_among(types, fields)
    fields = read_mlp_types(said, fields, first_dense=1)
    if said["sliding_window_size"] is not None:
        fields = fields | {"window": _one_more(said["sliding_window_size"])}
    fields = fields | {"rotary_dim": _rotated(fields["head_dim"])}
    if len(full) == depth:
        return fields | {
            "n_kv_head": groups,
            "window": None,
            "attention_sinks": False,
            "full_sinks": True,
        }
    own = groups if full else None
    return fields | {"full_layers": full, "n_kv_head": 2 * groups, "full_n_kv_head": own}


def _rotated(width: object) -> int | None:
    """Return how many features of a head are rotated: 0.334 of them, in pairs."""
    return 2 * -(-share_of(width, 0.334) // 2) or None if type(width) is int else None


def _one_more(window: object) -> object:
    """Return a window that counts the token itself, of one that counts those before it."""
    return window + 1 if type(window) is int else window


MIMO_V2 = LLAMA.but(
    name="mimo_v2_flash",
    words="MiMo-V2",
    class_name="MiMoV2FlashForCausalLM",
    inferable=False,
    architecture=Architecture(
        decoder=Gemma3Decoder,
        rotary=NeoXRotary,
        rotary_part=Fraction(1, 4),
        router=GroupedRouter,
        has_sdpa=False,
        memory_is_proven=False,
    ),
    switches={"attention_sinks": True, "full_sinks": False},
    family_defaults={"dense_layers": (0,)},
    defaults=sizes(152_576, 131_072, 4_096, 48, 64)
    | {
        "head_dim": 192,
        "v_head_dim": 128,
        "n_inner": 16_384,
        "n_expert": 256,
        "n_expert_active": 8,
        "n_inner_expert": 2_048,
        "window": 129,
        "qkv_bias": False,
    },
    names=names(SINKS, ATTENTION, EXPERTS_JOINED, ROUTER, MLP, TWO_NORMS),
    keys={
        "n_kv_head": (),
        "attn_proj_bias": (),
        "mlp_bias": (),
        "v_head_dim": ("v_head_dim",),
        "window": ("sliding_window",),
        **ROUTED_KEYS,
    },
    extra_keys={
        "num_key_value_heads": (4,),
        "sliding_window_size": (None,),
        **LAYER_TYPES,
        **MLP_LAYER_TYPES,
    },
    read_extra=_mimo,
    required_not_null=("head_dim", "sliding_window"),
    hub=ONE_BY_ONE,
)

FAMILIES = (MIMO_V2,)
"""The families of this module."""
