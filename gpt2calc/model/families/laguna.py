"""Laguna, whose layers with and without a window may have other numbers of heads.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Collection

from gpt2calc.errors import quoted
from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoders.llamas import Gemma3Decoder
from gpt2calc.model.families.config_keys import EXPERT_KEYS, LAYER_TYPES, MLP_LAYER_TYPES
from gpt2calc.model.families.expert_layers import read_mlp_types
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.gemma4 import unless_usual
from gpt2calc.model.families.layers import depth_of, full_among
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    MLP,
    NORMS_OF_HEADS,
    ONE_BY_ONE,
    ROUTER,
    SHARED,
    TWO_NORMS,
    names,
)
from gpt2calc.model.mlps.routers import SigmoidRouter


def _laguna(said: Contents, fields: Fields) -> Fields:
    """Read Laguna: a gate for each head, and heads that may be said layer by layer."""
    depth, types = depth_of(fields), said["layer_types"]
    full = range(depth) if types is None else full_among(types, fields)
    fields = read_mlp_types(said, fields, first_dense=1)
    fields = fields | {"gate_per_head": said["gating"] in (True, "per-head")}
    windowed = [layer for layer in range(depth) if layer not in full]
    own, usual = _heads_of(said, fields, full), _heads_of(said, fields, windowed)
    if not windowed:
        return fields | {"n_head": own, "window": None}
    own = unless_usual(own, usual) if full else None
    return fields | {"n_head": usual, "full_n_head": own, "full_layers": [*full]}


def _heads_of(said: Contents, fields: Fields, layers: Collection[int]) -> object:
    """Return the number of heads of some layers, which must be the same in each of them."""
    heads, depth = said["num_attention_heads_per_layer"], depth_of(fields)
    if heads is None or not layers:
        return fields["n_head"]
    if (
        not isinstance(heads, list | tuple)
        or len(heads) != depth
        or any(type(each) is not int for each in heads)
    ):
        raise ValueError(
            f"num_attention_heads_per_layer is {quoted(heads)}: it must be a number for each layer"
        )
    number, *others = {heads[layer] for layer in layers}
    if others:
        raise ValueError(
            "num_attention_heads_per_layer must be one number for layers with a window, and one "
            "for those without"
        )
    return number


LAGUNA = LLAMA.but(
    name="laguna",
    words="Laguna",
    class_name="LagunaForCausalLM",
    inferable=False,
    architecture=Architecture(
        decoder=Gemma3Decoder,
        router=SigmoidRouter,
        choice_bias_is_row=False,
        memory_is_proven=False,
    ),
    switches={
        "qk_norm": "head",
        "attention_gate": True,
        "separate_gate": True,
        "gate_per_head": True,
        "choice_bias": True,
        "shared_gate": False,
    },
    family_defaults={"dense_layers": (0,)},
    defaults=sizes(100_352, 131_072, 2_048, 40, 48)
    | {
        "n_kv_head": 8,
        "head_dim": 128,
        "n_inner": 8_192,
        "n_expert": 256,
        "n_expert_active": 8,
        "n_inner_expert": 512,
        "n_inner_shared": 512,
        "window": 512,
        "qkv_bias": False,
        "attn_proj_bias": False,
    },
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        {"attention_gate": "self_attn.g_proj"},
        EXPERTS_JOINED,
        ROUTER,
        {"choice_bias": "mlp.gate.e_score_correction_bias"},
        SHARED,
        MLP,
        TWO_NORMS,
    ),
    keys={
        "mlp_bias": (),
        "window": ("sliding_window",),
        **EXPERT_KEYS,
        "n_inner_shared": ("shared_expert_intermediate_size",),
    },
    extra_keys={
        "gating": ("per-head", "per-element"),
        "num_attention_heads_per_layer": (None,),
        **LAYER_TYPES,
        **MLP_LAYER_TYPES,
    },
    read_extra=_laguna,
    required_not_null=("num_key_value_heads", "head_dim", "sliding_window"),
    hub=ONE_BY_ONE,
)

FAMILIES = (LAGUNA,)
"""The families of this module."""
