"""Families some of whose layers have linear attention in the place of attention.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoder import MixtralDecoder
from gpt2calc.model.experts import SharedLast
from gpt2calc.model.families.config_keys import EXPERT_KEYS
from gpt2calc.model.families.experts import (
    EXPERTS_JOINED,
    MIXTRAL,
    ONE_BY_ONE,
    QWEN_MOE,
    ROUTER,
    SHARED_ONE,
    SHARED_ROUTER,
    SPARSE,
)
from gpt2calc.model.families.family import Called, Contents, Fields, sizes
from gpt2calc.model.families.latents import DEEPSEEK_V3, LATENT_ATTENTION
from gpt2calc.model.families.layers import (
    FULL,
    LAYER_TYPES,
    OF_ROPE,
    SLIDING,
    depth_of,
    read_rotary_dim,
    whole_number,
)
from gpt2calc.model.families.llamas import (
    ATTENTION,
    LLAMA,
    MLP,
    NORMS_OF_HEADS,
    TWO_NORMS,
    names,
)
from gpt2calc.model.families.shared_experts import SHARED
from gpt2calc.model.families.sparse import (
    MLP_LAYER_TYPES,
    SHARED_NUMBER,
    given_key,
    read_dense_layers,
    read_mlp_types,
    read_shared,
)
from gpt2calc.model.llama_decoders import MixtralDecoder
from gpt2calc.model.mixtures import SharedLast
from gpt2calc.model.norms import RMSNormCastLast, RMSNormPlusOne
from gpt2calc.model.partial_rotary import NeoXRotary

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


# ---- linear attention ------------------------------------------------------------------------

_OF_DELTA: Called = {
    "mixer_heads": ("linear_num_value_heads",),
    "mixer_key_heads": ("linear_num_key_heads",),
    "mixer_head_dim": ("linear_value_head_dim",),
    "mixer_state_dim": ("linear_key_head_dim",),
    "mixer_kernel": ("linear_conv_kernel_dim",),
}
_DELTA_SIZES = {
    "mixer_heads": 32,
    "mixer_key_heads": 16,
    "mixer_head_dim": 128,
    "mixer_state_dim": 128,
    "mixer_kernel": 4,
}
# In two parts, as Qwen3-Next has its projections between them.
_DELTA = {
    "mixer_step": "linear_attn.dt_bias",
    "mixer_log_decay": "linear_attn.A_log",
    "mixer_conv": "linear_attn.conv1d",
}
_DELTA_END = {"mixer_norm": "linear_attn.norm", "mixer_out": "linear_attn.out_proj"}
_DELTA_APART = {
    "mixer_in": "linear_attn.in_proj_qkv",
    "mixer_gate_in": "linear_attn.in_proj_z",
    "mixer_beta": "linear_attn.in_proj_b",
    "mixer_decay": "linear_attn.in_proj_a",
}
_QWEN = Architecture(
    rms_norm=RMSNormPlusOne,
    rotary=NeoXRotary,
    rotary_part=Fraction(1, 4),
    memory_is_proven=False,
)


def _every_fourth(said: Contents, fields: Fields) -> Fields:
    step = whole_number(said, "full_attention_interval", 1)
    fields = read_rotary_dim(said, fields)
    return read_attention_layers(said, fields, range(step - 1, depth_of(fields), step))


QWEN35 = LLAMA.but(
    name="qwen3_5_text",
    words="Qwen3.5",
    builds="Qwen3_5ForCausalLM",
    architecture=_QWEN,
    switches={"qk_norm": "head", "mixer": "gated_delta", "attention_gate": True},
    missing=sizes(248_320, 32_768, 4_096, 32, 16)
    | {"n_kv_head": 4, "head_dim": 256, "n_inner": 12_288, **_DELTA_SIZES},
    names=names(_DELTA, _DELTA_END, _DELTA_APART, ATTENTION, NORMS_OF_HEADS, MLP, TWO_NORMS),
    called=_OF_DELTA | {"mlp_bias": ()},
    extra={"full_attention_interval": (4,), **LAYER_TYPES, **OF_ROPE},
    reads=_every_fourth,
    not_null=("num_key_value_heads", "head_dim"),
    told_by_tensors=False,
)
_OF_QWEN_EXPERTS: Called = {
    **EXPERT_KEYS,
    "n_inner_shared": ("shared_expert_intermediate_size",),
}
QWEN35_MOE = QWEN35.but(
    name="qwen3_5_moe_text",
    words="Qwen3.5-MoE",
    builds="Qwen3_5MoeForCausalLM",
    architecture=replace(
        QWEN_MOE,
        rms_norm=RMSNormPlusOne,
        rotary=NeoXRotary,
        rotary_part=Fraction(1, 4),
        memory_is_proven=False,
    ),
    missing=sizes(248_320, 32_768, 2_048, 40, 16)
    | {
        "n_kv_head": 2,
        "n_inner": None,
        "n_expert": 256,
        "n_expert_active": 8,
        "n_inner_expert": 512,
        "n_inner_shared": 512,
    },
    names=names(
        _DELTA,
        _DELTA_END,
        _DELTA_APART,
        ATTENTION,
        NORMS_OF_HEADS,
        ROUTER,
        EXPERTS_JOINED,
        SHARED_ONE,
        SHARED_ROUTER,
        TWO_NORMS,
    ),
    called=_OF_QWEN_EXPERTS | {"n_inner": ()},
    hub=ONE_BY_ONE,
)


def _qwen3_next(said: Contents, fields: Fields) -> Fields:
    return read_dense_layers(said, _every_fourth(said, fields))


QWEN3_NEXT = QWEN35_MOE.but(
    name="qwen3_next",
    words="Qwen3-Next",
    builds="Qwen3NextForCausalLM",
    missing=sizes(151_936, 32_768, 2_048, 48, 16)
    | {"n_inner": 5_632, "n_expert": 512, "n_expert_active": 10},
    names=names(
        _DELTA,
        {"mixer_in": "linear_attn.in_proj_qkvz", "mixer_rates": "linear_attn.in_proj_ba"},
        _DELTA_END,
        ATTENTION,
        NORMS_OF_HEADS,
        ROUTER,
        EXPERTS_JOINED,
        SHARED_ONE,
        SHARED_ROUTER,
        MLP,
        TWO_NORMS,
    ),
    called={"n_inner": ("intermediate_size",)},
    extra={**QWEN35_MOE.extra, **SPARSE},
    reads=_qwen3_next,
)

# ---- Kimi's delta attention, and lightning attention ------------------------------------------


_INSIDE = {
    "num_heads": "mixer_heads",
    "head_dim": "mixer_head_dim",
    "short_conv_kernel_size": "mixer_kernel",
}
"""Fields by their keys in ``linear_attn_config``."""


def _kimi_types(inner: object, depth: int) -> list[str]:
    """Return what each layer of Kimi-Linear is, where ``layer_types`` does not say it."""
    if not isinstance(inner, Mapping) or not {"full_attn_layers", "kda_layers"} <= inner.keys():
        return ["full_attention" if n and n % 4 == 0 else "linear_attention" for n in range(depth)]
    full, linear = inner["full_attn_layers"], inner["kda_layers"]
    numbers = [*full, *linear] if isinstance(full, list) and isinstance(linear, list) else []
    if not all(type(each) is int for each in numbers) or {*numbers} != {*range(1, depth + 1)}:
        raise ValueError(
            "full_attn_layers and kda_layers of linear_attn_config must have each layer in one of "
            f"them, numbered from 1 to {depth}"
        )
    return ["linear_attention" if n in linear else "full_attention" for n in range(1, depth + 1)]


def _kimi(said: Contents, fields: Fields) -> Fields:
    """Read Kimi-Linear, whose files say in ``linear_attn_config`` what linear attention has."""
    inner, types = said["linear_attn_config"], said["layer_types"]
    if isinstance(inner, Mapping):
        given = {_INSIDE[key]: value for key, value in inner.items() if key in _INSIDE}
        fields = fields | given
    heads, width = fields["mixer_heads"], fields["mixer_head_dim"]
    fields = fields | {"mixer_key_heads": heads, "mixer_state_dim": width}
    types = _kimi_types(inner, depth_of(fields)) if types is None else types
    fields = read_attention_layers({"layer_types": types}, fields, ())
    fields = read_shared(said, fields, given_key(said, *SHARED_NUMBER))
    return read_mlp_types(said, fields, whole_number(said, "first_k_dense_replace"))


KIMI_LINEAR = DEEPSEEK_V3.but(
    name="kimi_linear",
    words="Kimi-Linear",
    builds="KimiLinearForCausalLM",
    switches={"positions": "none", "mixer": "kda"},
    usual={
        "n_inner_shared": 1_024,
        "dense_layers": (0,),
        "mixer_key_heads": 32,
        "mixer_state_dim": 128,
    },
    missing=sizes(163_840, 1_048_576, 2_304, 27, 32)
    | {
        "n_inner": 9_216,
        "n_inner_expert": 1_024,
        "q_lora_rank": None,
        "mixer_heads": 32,
        "mixer_head_dim": 128,
        "mixer_kernel": 4,
    },
    names=names(
        LATENT_ATTENTION,
        {
            "mixer_query": "self_attn.q_proj",
            "mixer_key": "self_attn.k_proj",
            "mixer_value": "self_attn.v_proj",
            "mixer_conv": "self_attn.conv1d",
            "mixer_step": "self_attn.forget_gate.dt_bias",
            "mixer_log_decay": "self_attn.forget_gate.A_log",
            "mixer_decay_down": "self_attn.forget_gate.f_a_proj",
            "mixer_decay_up": "self_attn.forget_gate.f_b_proj",
            "mixer_beta": "self_attn.b_proj",
            "mixer_gate_down": "self_attn.g_a_proj",
            "mixer_gate_up": "self_attn.g_b_proj",
            "mixer_norm": "self_attn.o_norm",
            "mixer_out": "self_attn.o_proj",
        },
        EXPERTS_JOINED,
        ROUTER,
        SHARED,
        MLP,
        TWO_NORMS,
    ),
    called={
        "n_ctx": ("max_position_embeddings", "model_max_length"),
        "tie_embeddings": (),
        "n_expert": ("num_local_experts", "num_experts"),
        "n_expert_active": ("num_experts_per_tok", "num_experts_per_token"),
        "mixer_heads": ("linear_num_heads",),
        "mixer_head_dim": ("linear_head_dim",),
        "mixer_kernel": ("linear_conv_kernel_dim",),
    },
    extra={
        **DEEPSEEK_V3.extra,
        "first_k_dense_replace": (1,),
        "num_shared_experts": (None,),
        "linear_attn_config": (None,),
        **LAYER_TYPES,
        **MLP_LAYER_TYPES,
    },
    reads=_kimi,
)


def _minimax(said: Contents, fields: Fields) -> Fields:
    width, heads, head = fields["n_embd"], fields["n_head"], fields.get("head_dim")
    if head is None and isinstance(width, int) and isinstance(heads, int) and heads > 0:
        head = width // heads
    sizes_of_states = {"mixer_heads": heads, "mixer_key_heads": heads}
    fields = fields | sizes_of_states | {"mixer_head_dim": head, "mixer_state_dim": head}
    return read_attention_layers(said, fields, range(0, depth_of(fields), 2))


MINIMAX = MIXTRAL.but(
    name="minimax",
    words="MiniMax",
    builds="MiniMaxForCausalLM",
    architecture=replace(MIXTRAL.architecture, memory_is_proven=False),
    switches={"mixer": "lightning", "window": None},
    usual={
        "mixer_heads": 32,
        "mixer_key_heads": 32,
        "mixer_head_dim": 128,
        "mixer_state_dim": 128,
    },
    names=names(
        {
            "mixer_norm": "self_attn.norm",
            "mixer_in": "self_attn.qkv_proj",
            "mixer_out": "self_attn.out_proj",
            "mixer_gate_in": "self_attn.output_gate",
        },
        ATTENTION,
        TWO_NORMS,
        ROUTER,
        EXPERTS_JOINED,
    ),
    called={"window": ()},
    extra=LAYER_TYPES,
    reads=_minimax,
    not_null=(),
    told_by_tensors=False,
)

# ---- windows, or norms after attention, beside linear attention ------------------------------

LARA_PATTERN = (
    "linear_attention", "sliding_attention", "linear_attention", "full_attention",
    "sliding_attention",
)  # fmt: skip


def with_windows(fields: Fields, types: object) -> Fields:
    """Read which layers have attention, and which of these a window."""
    if not isinstance(types, list | tuple):
        raise ValueError(f"layer_types is {types!r}: it must name what each layer has")
    words = (FULL if kind == SLIDING else kind for kind in types)
    read = read_attention_layers({"layer_types": [*words]}, fields, ())
    full = [n for n, kind in enumerate(types) if kind == FULL]
    return read | ({"full_layers": full} if SLIDING in types else {"window": None})


def _lara(said: Contents, fields: Fields) -> Fields:
    """Read Lara: attention with a window and rotary positions, or with neither."""
    types, depth = said["layer_types"], depth_of(fields)
    if types is None:
        types = [LARA_PATTERN[n % len(LARA_PATTERN)] for n in range(depth)]
    read = with_windows(fields, types)
    full = [n for n, kind in enumerate(types) if kind == FULL]  # type: ignore[arg-type, var-annotated]
    return read | {"no_rope_layers": full or None}


LARA = QWEN35_MOE.but(
    name="lara_mini",
    words="Lara",
    builds="LaraMiniForCausalLM",
    architecture=Architecture(
        decoder=MixtralDecoder,
        experts=SharedLast,
        memory_is_proven=False,
    ),
    switches={"attention_gate": False, "shared_gate": False},
    missing=sizes(151_936, 131_072, 1_024, 34, 16)
    | {
        "n_kv_head": 4,
        "head_dim": 128,
        "n_expert": 128,
        "n_expert_active": 4,
        "mixer_heads": 16,
        "mixer_key_heads": 8,
        "window": 512,
        "tie_embeddings": True,
    },
    names=names(
        _DELTA,
        _DELTA_END,
        _DELTA_APART,
        ATTENTION,
        NORMS_OF_HEADS,
        EXPERTS_JOINED,
        ROUTER,
        SHARED_ONE,
        TWO_NORMS,
    ),
    called={"window": ("sliding_window",)},
    extra=LAYER_TYPES,
    reads=_lara,
    not_null=("num_key_value_heads", "head_dim", "sliding_window"),
)


def _olmo_hybrid(said: Contents, fields: Fields) -> Fields:
    """Read OLMo-Hybrid, whose linear attention follows the heads where nothing is said of it."""
    depth, width, heads = depth_of(fields), fields["n_embd"], fields["n_head"]
    keys, state = fields.get("mixer_key_heads") or heads, fields.get("mixer_state_dim")
    if state is None and type(width) is int and type(keys) is int and keys > 0:
        state = 3 * width // (4 * keys)
    value = fields.get("mixer_head_dim")
    of_mixer = {
        "mixer_heads": fields.get("mixer_heads") or heads,
        "mixer_key_heads": keys,
        "mixer_state_dim": state,
        "mixer_head_dim": 2 * state if value is None and type(state) is int else value,
    }
    fourth = [n for n in range(depth) if n % 4 == 3] or [depth - 1]
    return read_attention_layers(said, fields | of_mixer, fourth)


OLMO_HYBRID = LLAMA.but(
    name="olmo_hybrid",
    words="OLMo-Hybrid",
    builds="OlmoHybridForCausalLM",
    architecture=Architecture(
        rms_norm=RMSNormCastLast,
        norms_after_attention=True,
        memory_is_proven=False,
    ),
    switches={"qk_norm": "width", "mixer": "gated_delta"},
    usual={
        "mixer_heads": 30,
        "mixer_key_heads": 30,
        "mixer_head_dim": 192,
        "mixer_state_dim": 96,
        "mixer_kernel": 4,
    },
    missing=sizes(100_352, 65_536, 3_840, 32, 30)
    | {"n_inner": 11_008, "mixer_kernel": 4, "qkv_bias": False, "attn_proj_bias": False},
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        MLP,
        {
            "attention_norm": "input_layernorm",
            "attention_post_norm": "post_attention_layernorm",
            "mlp_norm": "post_attention_layernorm",
            "mlp_post_norm": "post_feedforward_layernorm",
        },
        {
            "mixer_log_decay": "linear_attn.A_log",
            "mixer_step": "linear_attn.dt_bias",
            "mixer_query": "linear_attn.q_proj",
            "mixer_key": "linear_attn.k_proj",
            "mixer_value": "linear_attn.v_proj",
            "mixer_decay": "linear_attn.a_proj",
            "mixer_beta": "linear_attn.b_proj",
            "mixer_gate_in": "linear_attn.g_proj",
            "mixer_out": "linear_attn.o_proj",
            "mixer_conv": "linear_attn.conv1d",
            "mixer_norm": "linear_attn.o_norm",
        },
    ),
    called=_OF_DELTA | {"mlp_bias": ()},
    extra=LAYER_TYPES,
    reads=_olmo_hybrid,
    told_by_tensors=False,
)


HYBRIDS = (QWEN35, QWEN35_MOE, QWEN3_NEXT, KIMI_LINEAR, MINIMAX, LARA, OLMO_HYBRID)
"""The families of this module."""
