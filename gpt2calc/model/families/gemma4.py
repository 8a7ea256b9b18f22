"""Gemma 4, whose layers without a window have heads of their own.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Mapping

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.blocks.blocks import Gemma4Block
from gpt2calc.model.decoders.llamas import Gemma4Decoder
from gpt2calc.model.families.config_keys import LAYER_TYPES
from gpt2calc.model.families.family import NOT_SAID, Contents, Fields, sizes
from gpt2calc.model.families.gemma import GEMMA
from gpt2calc.model.families.layers import FULL, SLIDING, depth_of, full_among
from gpt2calc.model.families.module_names import FOUR_NORMS, MLP, names
from gpt2calc.model.names import Names
from gpt2calc.model.norms import L2Norm, RMSNormInFloat


def _gemma4(said: Contents, fields: Fields) -> Fields:
    """Read Gemma 4: the heads of layers without a window, and whose keys are an earlier one's."""
    depth, types = depth_of(fields), said["layer_types"]
    if types is None:
        types = [SLIDING if (n + 1) % 6 else FULL for n in range(depth)]
    full = sorted({*full_among(types, fields), depth - 1})  # the last layer never has a window
    if said["per_layer_config"] is NOT_SAID:
        width = said["global_head_dim"]
        groups = said["num_global_key_value_heads"] if said["attention_k_eq_v"] else None
    else:
        heads = _of_layers(said["per_layer_config"], full)
        width = heads.get("head_dim", fields["head_dim"])
        groups = heads.get("num_key_value_heads")
    if len(full) == depth:
        fields = _all_full(said, fields, width, groups)
    else:
        fields = _some_full(said, fields, width, groups) | {"full_layers": full}
    return with_shared_keys(said, _with_experts(said, fields))


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
        "full_head_dim": unless_usual(width, fields["head_dim"]),
        "full_n_kv_head": unless_usual(groups, fields["n_kv_head"]),
        "full_values_are_keys": said["attention_k_eq_v"],
    }


def unless_usual(size: object, usual: object) -> object:
    """Return a size of layers without a window; None where it is the usual one."""
    return None if size == usual else size


def _of_layers(said: object, full: list[int]) -> dict[str, object]:
    """Return the sizes of layers without a window, where the file says them layer by layer."""
    if said is None or said == {}:
        return {}
    if not isinstance(said, Mapping) or {*map(str, said)} != {*map(str, full)}:
        raise ValueError(
            f"per_layer_config is {said!r}: it must say the sizes of all layers without a window"
        )
    sizes_of = [*said.values()]
    if not all(isinstance(each, Mapping) for each in sizes_of):
        raise ValueError(f"per_layer_config is {said!r}: it must give each layer's sizes by name")
    if any(each != sizes_of[0] for each in sizes_of) or sizes_of[0].keys() - {
        "head_dim",
        "num_key_value_heads",
    }:
        raise ValueError(f"per_layer_config is {said!r}: full layers must have the same heads")
    return dict(sizes_of[0])


def _with_experts(said: Contents, fields: Fields) -> Fields:
    if said.get("enable_moe_block"):
        return fields | {"mlp_beside_experts": True}
    none = dict.fromkeys(("n_expert", "n_expert_active", "n_inner_expert"))
    return fields | none


def with_shared_keys(said: Contents, fields: Fields) -> Fields:
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
    "per_layer_config": (NOT_SAID,),
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
    class_name="Gemma4UnifiedForCausalLM",
    inferable=False,
    architecture=_GEMMA4,
    switches={"norm_place": "both", "qk_norm": "head"},
    defaults=sizes(262_144, 262_144, 2_304, 30, 8)
    | {"n_kv_head": 4, "head_dim": 256, "n_inner": 9_216, "window": 1_024, "qkv_bias": False},
    keys={"window": ("sliding_window",)},
    extra_keys=_OF_GEMMA4,
    read_extra=_gemma4,
    required_not_null=("num_key_value_heads", "head_dim", "sliding_window"),
    names=names(_ATTENTION, MLP, FOUR_NORMS),
)


def with_tables(called: Names) -> Names:
    """Return names with those of per-layer embeddings after the last norm."""
    modules = {role: module for role, module in called.modules.items() if role != "head"}
    head = {"head": called.modules["head"]}
    return called._replace(modules=modules | _PER_LAYER_TABLE | head)


PER_LAYER = {
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
    class_name="Gemma4ForCausalLM",
    defaults={
        "n_ctx": 131_072,
        "window": 512,
        "per_layer_vocab": 262_144,
    },
    keys={
        "per_layer_vocab": ("vocab_size_per_layer_input",),
        "n_expert": ("num_experts",),
        "n_expert_active": ("top_k_experts",),
        "n_inner_expert": ("moe_intermediate_size",),
    },
    extra_keys={"enable_moe_block": (False, True), "hidden_size_per_layer_input": (256,)},
    names=with_tables(
        names(
            _ATTENTION,
            MLP,
            FOUR_NORMS,
            PER_LAYER,
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

FAMILIES = (GEMMA4_UNIFIED, GEMMA4)
"""The families of this module."""
