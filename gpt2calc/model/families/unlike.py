"""Families whose layers differ in size or share keys: MiMo-V2, Laguna, Gemma 4 and 3n.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Collection, Mapping
from fractions import Fraction

from gpt2calc.errors import quoted
from gpt2calc.model.architecture import Architecture
from gpt2calc.model.block_variants import Gemma4Block
from gpt2calc.model.decoder import Gemma3Decoder, Gemma4Decoder
from gpt2calc.model.families.config_keys import EXPERT_KEYS, ROUTED_KEYS
from gpt2calc.model.families.experts import EXPERTS_JOINED, ONE_BY_ONE, ROUTER
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import (
    FULL,
    LAYER_TYPES,
    SLIDING,
    depth_of,
    full_among,
    read_window,
    share_of,
)
from gpt2calc.model.families.llamas import (
    ATTENTION,
    FOUR_NORMS,
    GEMMA,
    LLAMA,
    MLP,
    NORMS_OF_HEADS,
    SINKS,
    TWO_NORMS,
    names,
)
from gpt2calc.model.families.shared_experts import SHARED
from gpt2calc.model.families.sparse import MLP_LAYER_TYPES, read_mlp_types
from gpt2calc.model.names import Names
from gpt2calc.model.norms import L2Norm, RMSNormInFloat
from gpt2calc.model.partial_rotary import NeoXRotary
from gpt2calc.model.routers import GroupedRouter, SigmoidRouter

# ---- MiMo-V2 ---------------------------------------------------------------------------------


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
    builds="MiMoV2FlashForCausalLM",
    told_by_tensors=False,
    architecture=Architecture(
        decoder=Gemma3Decoder,
        rotary=NeoXRotary,
        rotary_part=Fraction(1, 4),
        router=GroupedRouter,
        has_sdpa=False,
        memory_is_proven=False,
    ),
    switches={"attention_sinks": True, "full_sinks": False},
    usual={"dense_layers": (0,)},
    missing=sizes(152_576, 131_072, 4_096, 48, 64)
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
    called={
        "n_kv_head": (),
        "attn_proj_bias": (),
        "mlp_bias": (),
        "v_head_dim": ("v_head_dim",),
        "window": ("sliding_window",),
        **ROUTED_KEYS,
    },
    extra={
        "num_key_value_heads": (4,),
        "sliding_window_size": (None,),
        **LAYER_TYPES,
        **MLP_LAYER_TYPES,
    },
    reads=_mimo,
    not_null=("head_dim", "sliding_window"),
    hub=ONE_BY_ONE,
)

# ---- Laguna ----------------------------------------------------------------------------------


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
    own = _unlike(own, usual) if full else None
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
    builds="LagunaForCausalLM",
    told_by_tensors=False,
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
    usual={"dense_layers": (0,)},
    missing=sizes(100_352, 131_072, 2_048, 40, 48)
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
    called={
        "mlp_bias": (),
        "window": ("sliding_window",),
        **EXPERT_KEYS,
        "n_inner_shared": ("shared_expert_intermediate_size",),
    },
    extra={
        "gating": ("per-head", "per-element"),
        "num_attention_heads_per_layer": (None,),
        **LAYER_TYPES,
        **MLP_LAYER_TYPES,
    },
    reads=_laguna,
    not_null=("num_key_value_heads", "head_dim", "sliding_window"),
    hub=ONE_BY_ONE,
)

# ---- Gemma 4 ---------------------------------------------------------------------------------


def _gemma4(said: Contents, fields: Fields) -> Fields:
    """Read Gemma 4: the heads of layers without a window, and whose keys are an earlier one's."""
    depth, types = depth_of(fields), said["layer_types"]
    if types is None:
        types = [SLIDING if (n + 1) % 6 else FULL for n in range(depth)]
    full = sorted({*full_among(types, fields), depth - 1})  # the last layer never has a window
    groups = said["num_global_key_value_heads"] if said["attention_k_eq_v"] else None
    heads = {"head_dim": said["global_head_dim"], "num_key_value_heads": groups}
    heads |= _of_layers(said["per_layer_config"], full)
    width, groups = heads["head_dim"], heads["num_key_value_heads"]
    if len(full) == depth:
        fields = _all_full(said, fields, width, groups)
    else:
        fields = _some_full(said, fields, width, groups) | {"full_layers": full}
    return _shared(said, _with_experts(said, fields))


def _all_full(said: Contents, fields: Fields, width: object, groups: object) -> Fields:
    """Return the fields of a model whose heads are all those of layers without a window."""
    if said["attention_k_eq_v"]:
        raise ValueError(
            "attention_k_eq_v is true, and no layer has a window: gpt2calc cannot describe that"
        )
    given = {"head_dim": width, "n_kv_head": groups}
    given = {name: size for name, size in given.items() if size is not None}
    return fields | given | {"window": None}


def _some_full(said: Contents, fields: Fields, width: object, groups: object) -> Fields:
    """Return the fields of a model some of whose layers have a window, and heads of their own."""
    return fields | {
        "full_head_dim": _unlike(width, fields["head_dim"]),
        "full_n_kv_head": _unlike(groups, fields["n_kv_head"]),
        "full_values_are_keys": said["attention_k_eq_v"],
    }


def _unlike(size: object, usual: object) -> object:
    """Return a size of layers without a window; None where it is the usual one."""
    return None if size == usual else size


def _of_layers(said: object, full: list[int]) -> dict[str, object]:
    """Return the sizes of layers without a window, where the file says them layer by layer."""
    if said is None:
        return {}
    if not isinstance(said, Mapping) or {*map(str, said)} != {*map(str, full)}:
        raise ValueError(
            f"per_layer_config is {said!r}: it must say the sizes of all layers without a window"
        )
    sizes_of = [dict(each) if isinstance(each, Mapping) else {} for each in said.values()]
    if any(each != sizes_of[0] for each in sizes_of) or sizes_of[0].keys() - {
        "head_dim",
        "num_key_value_heads",
    }:
        raise ValueError(f"per_layer_config is {said!r}: full layers must have the same heads")
    return sizes_of[0]


def _with_experts(said: Contents, fields: Fields) -> Fields:
    if said.get("enable_moe_block"):
        return fields | {"mlp_beside_experts": True}
    none = dict.fromkeys(("n_expert", "n_expert_active", "n_inner_expert"))
    return fields | none


def _shared(said: Contents, fields: Fields) -> Fields:
    """Read which last layers share an earlier one's keys, and the width of per-layer embeddings."""
    number, depth = said["num_kv_shared_layers"], depth_of(fields)
    if type(number) is not int or not 0 <= number < max(depth, 1):
        raise ValueError(
            f"num_kv_shared_layers is {number!r}: it must be a number of layers, fewer than {depth}"
        )
    width = said.get("hidden_size_per_layer_input", 0)
    if type(width) is not int or width < 0:
        raise ValueError(f"hidden_size_per_layer_input is {width!r}: it must be a width, or 0")
    fields = fields | ({"per_layer_dim": width} if width else {"per_layer_vocab": None})
    shared = tuple(range(depth - number, depth))
    is_wide = bool(shared) and bool(said.get("use_double_wide_mlp"))
    return fields | {"shared_kv_layers": shared or None, "double_wide_mlp": is_wide}


_GEMMA4 = Architecture(
    embedding=GEMMA.architecture.embedding,
    rms_norm=RMSNormInFloat,
    value_norm=L2Norm,
    activation="gelu",
    decoder=Gemma4Decoder,
    blocks={"both": Gemma4Block},
    rebinds_expert_input=True,
    memory_is_proven=False,
)
_OF_GEMMA4: dict[str, tuple[object, ...]] = {
    "global_head_dim": (512,),
    "num_global_key_value_heads": (None,),
    "attention_k_eq_v": (False, True),
    "num_kv_shared_layers": (0,),
    "use_double_wide_mlp": (False, True),
    "per_layer_config": (None,),
    **LAYER_TYPES,
}
_ATTENTION = {
    "query": "self_attn.q_proj",
    "query_norm": "self_attn.q_norm",
    "key_norm": "self_attn.k_norm",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "attention_out": "self_attn.o_proj",
}
GEMMA4_UNIFIED = GEMMA.but(
    name="gemma4_unified_text",
    words="Gemma 4",
    builds="Gemma4UnifiedForCausalLM",
    told_by_tensors=False,
    architecture=_GEMMA4,
    switches={"norm_place": "both", "qk_norm": "head"},
    missing=sizes(262_144, 262_144, 2_304, 30, 8)
    | {"n_kv_head": 4, "head_dim": 256, "n_inner": 9_216, "window": 1_024, "qkv_bias": False},
    called={"window": ("sliding_window",)},
    extra=_OF_GEMMA4,
    reads=_gemma4,
    not_null=("num_key_value_heads", "head_dim", "sliding_window"),
    names=names(_ATTENTION, MLP, FOUR_NORMS),
)


def _with_tables(called: Names) -> Names:
    """Return names with those of per-layer embeddings after the last norm."""
    modules = {role: module for role, module in called.modules.items() if role != "head"}
    head = {"head": called.modules["head"]}
    return called._replace(modules=modules | _PER_LAYER_TABLE | head)


_PER_LAYER = {
    "per_layer_gate": "per_layer_input_gate",
    "per_layer_out": "per_layer_projection",
    "per_layer_post_norm": "post_per_layer_input_norm",
}
_PER_LAYER_TABLE = {
    "per_layer_embedding": "embed_tokens_per_layer",
    "per_layer_projection": "per_layer_model_projection",
    "per_layer_norm": "per_layer_projection_norm",
    "altup_in": "altup_projections.*",
    "altup_out": "altup_unembed_projections.*",
}
GEMMA4 = GEMMA4_UNIFIED.but(
    name="gemma4_text",
    words="Gemma 4",
    builds="Gemma4ForCausalLM",
    missing={
        "n_ctx": 131_072,
        "window": 512,
        "per_layer_vocab": 262_144,
    },
    called={
        "per_layer_vocab": ("vocab_size_per_layer_input",),
        "n_expert": ("num_experts",),
        "n_expert_active": ("top_k_experts",),
        "n_inner_expert": ("moe_intermediate_size",),
    },
    extra={"enable_moe_block": (False, True), "hidden_size_per_layer_input": (256,)},
    names=_with_tables(
        names(
            _ATTENTION,
            MLP,
            FOUR_NORMS,
            _PER_LAYER,
            {
                "router_scale": "router.scale",
                "expert_scale": "router.per_expert_scale",
                "router": "router.proj",
                "experts_in": "experts.gate_up_proj",
                "experts_out": "experts.down_proj",
                "mlp_own_post_norm": "post_feedforward_layernorm_1",
                "experts_post_norm": "post_feedforward_layernorm_2",
                "experts_norm": "pre_feedforward_layernorm_2",
            },
        )
    ),
)

# ---- Gemma 3n --------------------------------------------------------------------------------


def _gemma3n(said: Contents, fields: Fields) -> Fields:
    """Read Gemma 3n, whose widths of MLPs may be a list, if they are all the same."""
    widths = fields["n_inner"]
    if isinstance(widths, list | tuple):
        if (
            not widths
            or len(widths) != depth_of(fields)
            or any(width != widths[0] for width in widths)
        ):
            raise ValueError(
                "intermediate_size is a list: it must be the same width for each of "
                f"{depth_of(fields)} layers"
            )
        fields = fields | {"n_inner": widths[0]}
    streams = said["altup_num_inputs"]
    fields = fields | {"altup_inputs": streams}
    return _shared(said, read_window(said, fields))


GEMMA3N = GEMMA4.but(
    name="gemma3n_text",
    words="Gemma 3n",
    builds="Gemma3nForCausalLM",
    switches={"full_every": 5},
    usual={"altup_inputs": 4, "laurel_rank": 64, "per_layer_dim": 256},
    missing=sizes(262_400, 32_768, 2_048, 35, 8)
    | {
        "n_kv_head": 2,
        "n_inner": 16_384,
        "laurel_rank": 64,
    },
    called={
        "laurel_rank": ("laurel_rank",),
        "n_expert": (),
        "n_expert_active": (),
        "n_inner_expert": (),
    },
    names=_with_tables(
        names(
            {
                "query": "self_attn.q_proj",
                "query_norm": "self_attn.q_norm",
                "key": "self_attn.k_proj",
                "value": "self_attn.v_proj",
                "key_norm": "self_attn.k_norm",
                "value_norm": "self_attn.v_norm",
                "attention_out": "self_attn.o_proj",
            },
            MLP,
            FOUR_NORMS,
            {
                "altup_scale": "altup.correct_output_scale",
                "altup_correction": "altup.correction_coefs",
                "altup_prediction": "altup.prediction_coefs",
                "altup_router": "altup.modality_router",
                "altup_norm": "altup.router_norm",
                "laurel_down": "laurel.linear_left",
                "laurel_up": "laurel.linear_right",
                "laurel_norm": "laurel.post_laurel_norm",
            },
            _PER_LAYER,
        )
    ),
    extra={
        "altup_num_inputs": (4,),
        "num_kv_shared_layers": (15,),
        "hidden_size_per_layer_input": (256,),
        **LAYER_TYPES,
    },
    reads=_gemma3n,
)

UNLIKE = (MIMO_V2, LAGUNA, GEMMA4_UNIFIED, GEMMA4, GEMMA3N)
"""The families of this module."""
