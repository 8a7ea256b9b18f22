"""Families with experts in some layers, or with one that every token goes through.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoder import (
    BothMasksDecoder,
    Cohere2Decoder,
    Gemma3Decoder,
    MixtralDecoder,
)
from gpt2calc.model.experts import SharedLast
from gpt2calc.model.families.config_keys import EXPERT_KEYS, ROUTED_KEYS
from gpt2calc.model.families.dense import (
    COHERE2,
    ERNIE45,
    EXAONE4,
    HUNYUAN_DENSE,
    HUNYUAN_NORMS,
    without_rope,
)
from gpt2calc.model.families.experts import (
    EXPERTS_JOINED,
    ONE_BY_ONE,
    QWEN3_MOE,
    QWEN_MOE,
    ROUTER,
)
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import (
    CHUNKED,
    LAYER_TYPES,
    OF_ROPE,
    SLIDING,
    depth_of,
    read_no_rope_list,
    read_rotary_dim,
    read_window,
    whole_number,
)
from gpt2calc.model.families.llamas import (
    ATTENTION,
    FEED_FORWARD,
    LLAMA,
    MLP,
    NORMS_OF_HEADS,
    POST_NORMS,
    TWO_NORMS,
    names,
)
from gpt2calc.model.families.sparse import (
    MLP_LAYER_TYPES,
    SHARED_NUMBER,
    given_key,
    read_first_dense,
    read_mlp_types,
    read_shared,
    with_dense_layers,
)
from gpt2calc.model.llama_decoders import (
    BothMasksDecoder,
    Cohere2Decoder,
    Gemma3Decoder,
    MixtralDecoder,
)
from gpt2calc.model.mixtures import SharedLast
from gpt2calc.model.partial_rotary import NeoXRotary
from gpt2calc.model.routers import (
    ChosenFirst,
    ErnieRouter,
    GroupedRouter,
    SigmoidRouter,
)

SHARED = {
    "shared_gate": "mlp.shared_experts.gate_proj",
    "shared_in": "mlp.shared_experts.up_proj",
    "shared_out": "mlp.shared_experts.down_proj",
}
"""DeepSeek's names of the experts that every token goes through, which are one MLP."""


def _mellum(said: Contents, fields: Fields) -> Fields:
    fields = fields if said["layer_types"] is not None else fields | {"window": None}
    fields = read_window(said, fields)
    depth, full = depth_of(fields), fields.get("full_layers")
    is_full = isinstance(full, tuple) and len(full) == depth
    fields = fields | ({"window": None, "full_layers": None} if is_full else {})
    return read_mlp_types(said, fields)


MELLUM = QWEN3_MOE.but(
    name="mellum",
    words="Mellum 2",
    builds="MellumForCausalLM",
    architecture=replace(QWEN_MOE, memory_is_proven=False, decoder=Gemma3Decoder),
    missing=sizes(98_304, 131_072, 2_304, 28, 32)
    | {
        "n_kv_head": 4,
        "head_dim": 128,
        "n_inner": 7_168,
        "n_expert": 64,
        "n_inner_expert": 896,
        "window": 1_024,
    },
    extra=LAYER_TYPES | MLP_LAYER_TYPES,
    reads=_mellum,
    not_null=("num_key_value_heads", "head_dim"),
)


def _glm4_moe(said: Contents, fields: Fields) -> Fields:
    fields = read_rotary_dim(said, fields)
    fields = read_shared(said, fields, "n_shared_experts")
    fields = fields | {"qk_norm": "head" if said["use_qk_norm"] else "none"}
    return read_first_dense(said, fields)


GLM4_MOE = LLAMA.but(
    name="glm4_moe",
    words="GLM-4.5",
    builds="Glm4MoeForCausalLM",
    told_by_tensors=False,
    floors_heads=True,
    architecture=Architecture(
        memory_is_proven=False,
        decoder=MixtralDecoder,
        router=GroupedRouter,
        experts=SharedLast,
        rotary=NeoXRotary,
        rotary_part=Fraction(1, 2),
    ),
    switches={"shared_gate": False},
    usual={"n_inner_shared": 1_408, "dense_layers": (0,)},
    missing=sizes(151_552, 131_072, 4_096, 46, 96)
    | {
        "n_kv_head": 8,
        "n_inner": 10_944,
        "n_expert": 128,
        "n_expert_active": 8,
        "n_inner_expert": 1_408,
        "qkv_bias": False,
    },
    names=names(ATTENTION, NORMS_OF_HEADS, EXPERTS_JOINED, ROUTER, SHARED, MLP, TWO_NORMS),
    called=ROUTED_KEYS | {"attn_proj_bias": (), "mlp_bias": ()},
    extra={
        "n_shared_experts": (1,),
        "first_k_dense_replace": (1,),
        "use_qk_norm": (False, True),
        **OF_ROPE,
    },
    reads=_glm4_moe,
    hub=ONE_BY_ONE,
)
_WHOLE_ROTARY = replace(
    GLM4_MOE.architecture, rotary=LLAMA.architecture.rotary, rotary_part=Fraction(1)
)


def _sarvam_moe(said: Contents, fields: Fields) -> Fields:
    shared = given_key(said, *SHARED_NUMBER)
    return _glm4_moe({**said, "n_shared_experts": said[shared]}, fields)


SARVAM_MOE = GLM4_MOE.but(
    name="sarvam_moe",
    words="Sarvam MoE",
    builds="Glm4MoeForCausalLM",
    architecture=replace(GLM4_MOE.architecture, rotary_part=Fraction(1)),
    switches={"qk_norm": "head"},
    usual={"n_inner_shared": 1_024},
    missing=sizes(262_144, 131_072, 4_096, 19, 64)
    | {
        "n_kv_head": 4,
        "n_inner": 8_192,
        "head_dim": 64,
        "n_expert_active": 6,
        "n_inner_expert": 1_024,
    },
    called={
        "n_expert": ("n_routed_experts", "num_local_experts", "num_experts"),
        "qkv_bias": ("attention_bias", "use_qkv_bias"),
    },
    extra={**GLM4_MOE.extra, "use_qk_norm": (True, False), "num_shared_experts": (None,)},
    reads=_sarvam_moe,
)


def _dots1(said: Contents, fields: Fields) -> Fields:
    fields = read_shared(said, _dots1_window(said, fields), "n_shared_experts")
    return read_first_dense(said, fields)


def _dots1_window(said: Contents, fields: Fields) -> Fields:
    first, depth = said["max_window_layers"], depth_of(fields)
    if said["layer_types"] is not None:
        return read_window(said, fields)
    if fields.get("window") is None or not isinstance(first, int) or first >= depth:
        return fields | {"window": None}
    return fields | ({"full_layers": tuple(range(first))} if first else {})


DOTS1 = GLM4_MOE.but(
    name="dots1",
    words="dots.llm1",
    builds="Dots1ForCausalLM",
    architecture=_WHOLE_ROTARY,
    switches={"qk_norm": "head"},
    missing=sizes(152_064, 2_048, 4_608, 62, 32)
    | {
        "n_kv_head": 32,
        "n_inner": 10_944,
        "n_inner_expert": 1_408,
        "window": 4_096,
        "attn_proj_bias": False,
    },
    usual={"n_inner_shared": None, "dense_layers": ()},
    called={"attn_proj_bias": ("attention_bias",), "window": ("sliding_window",)},
    extra={
        "n_shared_experts": (None,),
        "first_k_dense_replace": (0,),
        "max_window_layers": (62,),
        **LAYER_TYPES,
    },
    reads=_dots1,
)


def _solar_open(said: Contents, fields: Fields) -> Fields:
    return read_shared(said, fields, "n_shared_experts")


SOLAR_OPEN = GLM4_MOE.but(
    name="solar_open",
    words="Solar Open",
    builds="SolarOpenForCausalLM",
    architecture=_WHOLE_ROTARY,
    usual={"n_inner_shared": 1_280, "dense_layers": ()},
    missing=sizes(196_608, 131_072, 4_096, 48, 64)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": None, "n_inner_expert": 1_280},
    called={"n_inner": ()},
    extra={"n_shared_experts": (1,)},
    reads=_solar_open,
)


def _hy_v3(said: Contents, fields: Fields) -> Fields:
    return read_mlp_types(said, read_shared(said, fields, "num_shared_experts"), first_dense=1)


HY_V3 = GLM4_MOE.but(
    name="hy_v3",
    words="Hunyuan 3",
    builds="HYV3ForCausalLM",
    architecture=_WHOLE_ROTARY,
    switches={"qk_norm": "head", "expert_bias": False},
    usual={"n_inner_shared": 1_536},
    missing=sizes(120_832, 131_072, 4_096, 80, 64)
    | {
        "n_kv_head": 8,
        "head_dim": 128,
        "n_inner": 13_312,
        "n_expert": 192,
        "n_inner_expert": 1_536,
        "attn_proj_bias": False,
        "mlp_bias": False,
    },
    names=names(ATTENTION, NORMS_OF_HEADS, ROUTER, EXPERTS_JOINED, SHARED, MLP, TWO_NORMS),
    called={
        "n_expert": ("num_experts", "num_local_experts"),
        "attn_proj_bias": ("attention_bias",),
        "mlp_bias": ("mlp_bias",),
    },
    extra={"num_shared_experts": (1,), **MLP_LAYER_TYPES},
    reads=_hy_v3,
)


def _exaone_moe(said: Contents, fields: Fields) -> Fields:
    first = whole_number(said, "first_k_dense_replace")
    fields = EXAONE4.reads(said, read_shared(said, fields, "num_shared_experts"))
    return read_mlp_types(said, fields, first)


EXAONE_MOE = EXAONE4.but(
    name="exaone_moe",
    words="K-EXAONE",
    builds="ExaoneMoeForCausalLM",
    told_by_tensors=False,
    architecture=replace(
        EXAONE4.architecture,
        memory_is_proven=False,
        router=GroupedRouter,
        experts=SharedLast,
    ),
    switches={
        "norm_place": "before",
        "shared_gate": False,
    },
    usual={"n_inner_shared": 1_024, "dense_layers": (0,)},
    missing={"n_expert": 64, "n_expert_active": 8, "n_inner_expert": 1_024},
    names=names(ATTENTION, NORMS_OF_HEADS, EXPERTS_JOINED, ROUTER, SHARED, MLP, TWO_NORMS),
    called=EXPERT_KEYS,
    extra={
        **EXAONE4.extra,
        "num_shared_experts": (1,),
        "first_k_dense_replace": (1,),
        **MLP_LAYER_TYPES,
    },
    reads=_exaone_moe,
    hub=ONE_BY_ONE,
)


def _ernie_moe(said: Contents, fields: Fields) -> Fields:
    fields = read_shared(said, fields, "moe_num_shared_experts")
    first, last, step = (
        said[f"moe_layer_{word}"] for word in ("start_index", "end_index", "interval")
    )
    depth = depth_of(fields)
    if type(first) is not int or type(last) is not int or type(step) is not int or step < 1:
        raise ValueError(
            f"moe_layer_start_index, moe_layer_end_index and moe_layer_interval are {first!r}, "
            f"{last!r} and {step!r}: they must be whole numbers, the last one from 1 on"
        )
    last = depth - 1 if last == -1 else last
    dense = [n for n in range(depth) if (n + 1) % step or not first <= n <= last]
    return with_dense_layers(fields, dense)


ERNIE45_MOE = ERNIE45.but(
    name="ernie4_5_moe",
    words="ERNIE 4.5 MoE",
    builds="Ernie4_5_MoeForCausalLM",
    told_by_tensors=False,
    floors_heads=True,
    architecture=replace(
        ERNIE45.architecture,
        memory_is_proven=False,
        decoder=MixtralDecoder,
        router=ErnieRouter,
        dropout=frozenset({"softmax"}),
    ),
    switches={
        "choice_bias": True,
        "expert_bias": False,
        "shared_gate": False,
    },
    usual={"n_inner_shared": 3_072, "dense_layers": (0,)},
    missing=sizes(103_424, 131_072, 2_560, 28, 20)
    | {
        "n_kv_head": 4,
        "head_dim": None,
        "n_inner": 12_288,
        "n_expert": 64,
        "n_expert_active": 6,
        "n_inner_expert": 1_536,
        "head_bias": False,
    },
    names=names(
        ATTENTION,
        ROUTER,
        {"choice_bias": "mlp.gate.moe_statics.e_score_correction_bias"},
        EXPERTS_JOINED,
        SHARED,
        MLP,
        TWO_NORMS,
    ),
    called={
        "n_expert": ("moe_num_experts", "num_experts"),
        "n_expert_active": ("moe_k", "num_experts_per_tok"),
        "n_inner_expert": ("moe_intermediate_size",),
        "head_bias": ("use_bias",),
    },
    extra={
        "moe_num_shared_experts": (2,),
        "moe_layer_start_index": (1,),
        "moe_layer_end_index": (-1,),
        "moe_layer_interval": (1,),
    },
    reads=_ernie_moe,
    hub=ONE_BY_ONE,
)


def _hunyuan_moe(_: Contents, fields: Fields) -> Fields:
    for name, key in {"n_expert": "num_experts", "n_expert_active": "moe_topk"}.items():
        listed = fields[name]
        if isinstance(listed, list) and listed and len(set(map(str, listed))) == 1:
            fields = fields | {name: listed[0]}
        elif isinstance(listed, list):
            raise ValueError(
                f"{key} differs from layer to layer: a model which gpt2calc cannot describe"
            )
    return fields | {"n_inner_shared": fields["n_inner"]}


HUNYUAN_MOE = HUNYUAN_DENSE.but(
    name="hunyuan_v1_moe",
    words="Hunyuan MoE",
    builds="HunYuanMoEV1ForCausalLM",
    architecture=replace(
        HUNYUAN_DENSE.architecture,
        memory_is_proven=False,
        decoder=MixtralDecoder,
    ),
    switches={"shared_gate": False},
    usual={"n_inner_shared": 11_008},
    missing={"n_expert": 1, "n_expert_active": 1},
    names=names(
        ATTENTION,
        HUNYUAN_NORMS,
        {"router": "mlp.gate.wg"},
        EXPERTS_JOINED,
        {
            "shared_gate": "mlp.shared_mlp.gate_proj",
            "shared_in": "mlp.shared_mlp.up_proj",
            "shared_out": "mlp.shared_mlp.down_proj",
        },
        TWO_NORMS,
    ),
    called={
        "n_expert": ("num_experts", "num_local_experts"),
        "n_expert_active": ("moe_topk", "num_experts_per_tok"),
    },
    reads=_hunyuan_moe,
    hub=ONE_BY_ONE,
)


def _llama4(said: Contents, fields: Fields) -> Fields:
    """Read Llama 4: experts in some layers, whose width is another one than that of the MLPs."""
    fields = read_no_rope_list(said, fields) | {"n_inner_shared": fields["n_inner_expert"]}
    fields = _in_chunks(said["layer_types"], fields)
    listed, depth = said["moe_layers"], depth_of(fields)
    if listed is None:
        step = whole_number(said, "interleave_moe_layer_step", 1)
        listed = range(step - 1, depth, step)
    if not isinstance(listed, list | tuple | range):
        raise ValueError(f"moe_layers is {listed!r}: it must be a list of layers")
    dense = [layer for layer in range(depth) if layer not in listed]
    return with_dense_layers(fields, dense)


def _in_chunks(types: object, fields: Fields) -> Fields:
    """Read which layers see a chunk of the tokens; those without rotary positions see all.

    A chunk is read as a window: transformers caches as many tokens of one as of the other.
    """
    if fields["window"] is None:
        return fields | {"full_every": None}
    fields = fields | {"full_every": fields["no_rope_every"]}
    if isinstance(types, list | tuple):
        words = [SLIDING if kind == CHUNKED else kind for kind in types]
        return read_window({"layer_types": words}, fields)
    return fields | {"full_layers": fields.get("no_rope_layers")}


LLAMA4 = LLAMA.but(
    name="llama4_text",
    words="Llama 4",
    builds="Llama4ForCausalLM",
    told_by_tensors=False,
    architecture=Architecture(
        memory_is_proven=False,
        runs_all_experts=True,
        decoder=BothMasksDecoder,
        experts_outputs_first=False,
    ),
    switches={
        "shared_gate": False,
        "no_rope_every": 4,
        "full_every": 4,
    },
    usual={"n_inner_shared": 8_192},
    missing=sizes(202_048, 131_072, 5_120, 48, 40)
    | {
        "window": 8_192,
        "n_kv_head": 8,
        "head_dim": 128,
        "n_inner": 16_384,
        "n_inner_expert": 8_192,
        "n_expert": 16,
        "n_expert_active": 1,
    },
    names=names(
        ATTENTION,
        {
            "experts_in": "feed_forward.experts.gate_up_proj",
            "experts_out": "feed_forward.experts.down_proj",
            "router": "feed_forward.router",
            "shared_gate": "feed_forward.shared_expert.gate_proj",
            "shared_in": "feed_forward.shared_expert.up_proj",
            "shared_out": "feed_forward.shared_expert.down_proj",
            **FEED_FORWARD,
        },
        TWO_NORMS,
    ),
    called={
        "n_inner": ("intermediate_size_mlp",),
        "n_inner_expert": ("intermediate_size",),
        "n_expert": ("num_local_experts",),
        "n_expert_active": ("num_experts_per_tok",),
        "mlp_bias": (),
        "no_rope_every": ("no_rope_layer_interval",),
        "window": ("attention_chunk_size",),
    },
    extra={
        "moe_layers": (None,),
        "interleave_moe_layer_step": (1,),
        "no_rope_layers": (None,),
        "layer_types": (None,),
    },
    reads=_llama4,
)


def _cohere2_moe(said: Contents, fields: Fields) -> Fields:
    if fields.get("n_inner") is None:
        fields = fields | {"n_inner": fields["n_inner_expert"]}
    fields = read_shared(said, without_rope(said, fields), "num_shared_experts")
    return read_mlp_types(said, fields, whole_number(said, "first_k_dense_replace"))


COHERE2_MOE = COHERE2.but(
    name="cohere2_moe",
    words="Cohere 2 MoE",
    builds="Cohere2MoeForCausalLM",
    told_by_tensors=False,
    architecture=replace(
        COHERE2.architecture,
        memory_is_proven=False,
        decoder=Cohere2Decoder,
        router=ChosenFirst,
        experts=SharedLast,
    ),
    switches={"shared_gate": False},
    missing={
        "head_dim": 128,
        "n_inner": None,
        "n_inner_expert": 22_528,
        "n_expert": 8,
        "n_expert_active": 2,
    },
    names=names(
        ATTENTION, ROUTER, EXPERTS_JOINED, SHARED, MLP, {"attention_norm": "input_layernorm"}
    ),
    called={
        "n_expert": ("num_experts",),
        "n_expert_active": ("num_experts_per_tok",),
        "n_inner": ("prefix_dense_intermediate_size",),
        "n_inner_expert": ("intermediate_size",),
    },
    extra={
        **COHERE2.extra,
        "num_shared_experts": (0,),
        "first_k_dense_replace": (0,),
        **MLP_LAYER_TYPES,
    },
    reads=_cohere2_moe,
    hub=ONE_BY_ONE,
)


KOLIBRI = QWEN3_MOE.but(
    name="kolibri1",
    words="Kolibri",
    builds="Kolibri1ForCausalLM",
    told_by_tensors=False,
    architecture=replace(
        QWEN_MOE,
        memory_is_proven=False,
        decoder=BothMasksDecoder,
        router=SigmoidRouter,
        experts=SharedLast,
    ),
    switches={
        "norm_place": "both",
        "full_every": 5,
        "shared_gate": False,
    },
    missing=sizes(128_000, 262_144, 2_560, 50, 48)
    | {
        "n_kv_head": 4,
        "head_dim": 128,
        "n_inner": None,
        "n_expert": 384,
        "n_expert_active": 6,
        "n_inner_expert": 512,
        "n_inner_shared": 512,
        "window": 513,
    },
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        EXPERTS_JOINED,
        ROUTER,
        SHARED,
        POST_NORMS,
    ),
    called={
        "n_inner": (),
        "qkv_bias": (),
        "attn_proj_bias": (),
        "n_inner_shared": ("shared_expert_intermediate_size",),
    },
    extra=LAYER_TYPES,
    reads=read_window,
)


def _aria(said: Contents, fields: Fields) -> Fields:
    if said["moe_num_shared_experts"] == 0:
        raise ValueError("moe_num_shared_experts is 0: Aria's class has one at least")
    return read_shared(said, fields, "moe_num_shared_experts", "n_inner")


ARIA = LLAMA.but(
    name="aria_text",
    words="Aria",
    builds="AriaTextForCausalLM",
    told_by_tensors=False,
    architecture=Architecture(
        router=ChosenFirst,
        experts=SharedLast,
        experts_outputs_first=False,
    ),
    switches={
        "shared_gate": False,
        "expert_bias": False,
    },
    usual={"n_inner_shared": 8_192},
    missing={"n_inner": 4_096, "n_expert": 8, "n_expert_active": 2},
    names=names(ATTENTION, {"router": "mlp.router"}, EXPERTS_JOINED, SHARED, TWO_NORMS),
    called={"n_expert": ("moe_num_experts",), "n_expert_active": ("moe_topk",)},
    extra={"moe_num_shared_experts": (2,)},
    reads=_aria,
)


WITH_SHARED_EXPERTS = (
    MELLUM, GLM4_MOE, SARVAM_MOE, DOTS1, SOLAR_OPEN, HY_V3, EXAONE_MOE, ERNIE45_MOE,
    HUNYUAN_MOE, LLAMA4, COHERE2_MOE, KOLIBRI, ARIA,
)  # fmt: skip
"""The families of this module."""
