"""Apertus, BitNet, DiffLlama, Persimmon, Flint and AFMoE: each has a part that few others have.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.blocks import Block
from gpt2calc.model.decoder import BothMasksDecoder, MixtralDecoder
from gpt2calc.model.experts import SharedLast
from gpt2calc.model.families.config_keys import EXPERT_KEYS
from gpt2calc.model.families.experts import (
    EXPERTS_JOINED,
    ONE_BY_ONE,
    QWEN3_MOE,
    ROUTER,
    SHARED_ONE,
)
from gpt2calc.model.families.family import Contents, Fields, OutOfReach, sizes
from gpt2calc.model.families.gpts import GPT_NEOX
from gpt2calc.model.families.layers import (
    FULL,
    LAYER_TYPES,
    SLIDING,
    depth_of,
    heads_as_wide_as,
    read_rotary_dim,
    read_window,
    without_rope_where_full,
)
from gpt2calc.model.families.llamas import (
    ATTENTION,
    LLAMA,
    MLP,
    NORMS_OF_HEADS,
    SINKS,
    TWO_NORMS,
    names,
)
from gpt2calc.model.families.shared_experts import SHARED
from gpt2calc.model.families.sparse import read_dense_layers, read_first_dense, read_shared
from gpt2calc.model.names import named
from gpt2calc.model.partial_rotary import NeoXRotary
from gpt2calc.model.routers import SigmoidRouter

# ---- dense models ----------------------------------------------------------------------------


def _apertus(said: Contents, fields: Fields) -> Fields:
    """Read the activation, which has parameters if it is xIELU."""
    return fields | {"learned_activation": said["hidden_act"] == "xielu"}


APERTUS = LLAMA.but(
    name="apertus",
    words="Apertus",
    builds="ApertusForCausalLM",
    architecture=Architecture(activation="xielu", memory_is_proven=False),
    switches={"qk_norm": "head", "gated_mlp": False, "learned_activation": True},
    missing=sizes(131_072, 65_536, 4_096, 32, 32)
    | {"n_inner": 14_336, "qkv_bias": False, "attn_proj_bias": False},
    called={"mlp_bias": ()},
    extra={"hidden_act": ("xielu",)},
    reads=_apertus,
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        {
            "mlp_in": "mlp.up_proj",
            "mlp_out": "mlp.down_proj",
            "act_positive": "mlp.act_fn.alpha_p",
            "act_negative": "mlp.act_fn.alpha_n",
            "attention_norm": "attention_layernorm",
            "mlp_norm": "feedforward_layernorm",
        },
    ),
    told_by_tensors=False,
)


APERTUS_15 = APERTUS.but(
    name="apertus1p5_text",
    words="Apertus 1.5",
    builds="Apertus1p5TextForCausalLM",
    missing={"vocab": 266_752},
    out_of_reach={
        "output_vocab_size": OutOfReach(
            (None,),
            "its head has fewer rows than the vocabulary, which no field describes; set it to null "
            "to count a head with all of them",
        )
    },
)

BITNET = LLAMA.but(
    name="bitnet",
    words="BitNet",
    builds="BitNetForCausalLM",
    architecture=Architecture(activation="relu2", memory_is_proven=False),
    switches={"sub_norms": True},
    missing=sizes(128_256, 2_048, 2_560, 30, 20)
    | {"n_kv_head": 5, "n_inner": 6_912, "qkv_bias": False, "attn_proj_bias": False},
    called={"mlp_bias": ()},
    reads=heads_as_wide_as("BitNet"),
    names=names(
        ATTENTION,
        {"attention_sub_norm": "self_attn.attn_sub_norm"},
        MLP,
        {"mlp_sub_norm": "mlp.ffn_sub_norm"},
        TWO_NORMS,
    ),
    told_by_tensors=False,
)


DIFF_LLAMA = LLAMA.but(
    name="diffllama",
    words="DiffLlama",
    builds="DiffLlamaForCausalLM",
    architecture=Architecture(memory_is_proven=False),
    switches={"differential_attention": True},
    missing=sizes(32_000, 2_048, 2_048, 16, 32)
    | {"n_inner": 8_192, "qkv_bias": False, "attn_proj_bias": False},
    called={"mlp_bias": ()},
    names=names(
        {
            role: f"self_attn.{role}"
            for role in ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")
        },
        ATTENTION,
        MLP,
        TWO_NORMS,
    ),
    told_by_tensors=False,
)


def _persimmon(said: Contents, fields: Fields) -> Fields:
    fields = fields | {"qk_norm": "head" if said["qk_layernorm"] else "none"}
    return read_rotary_dim(said, fields)


PERSIMMON = replace(GPT_NEOX, hub={}).but(
    name="persimmon",
    words="Persimmon",
    builds="PersimmonForCausalLM",
    architecture=Architecture(
        blocks={"before": Block},
        joint=ByHeadProjection,
        rotary=NeoXRotary,
        rotary_part=Fraction(1, 2),
        activation="relu2",
        dropout=frozenset({"softmax", "mlp_dropout"}),
        memory_is_proven=False,
    ),
    switches={"qk_norm": "head"},
    missing=sizes(262_144, 16_384, 4_096, 36, 64) | {"n_inner": 16_384, "parallel_residual": False},
    called={"qkv_bias": (), "attn_proj_bias": (), "parallel_residual": ()},
    extra={**GPT_NEOX.extra, "qk_layernorm": (True, False)},
    reads=_persimmon,
    names=named(
        prefix="model.",
        blocks="layers.*.",
        table="""
        token_embedding embed_tokens, qkv self_attn.query_key_value,
        attention_out self_attn.dense, query_norm self_attn.q_layernorm,
        key_norm self_attn.k_layernorm, mlp_in mlp.dense_h_to_4h, mlp_out mlp.dense_4h_to_h,
        attention_norm input_layernorm, mlp_norm post_attention_layernorm,
        final_norm final_layernorm, head lm_head
        """,
    ),
    told_by_tensors=False,
)

# ---- mixtures of experts ---------------------------------------------------------------------


def _flint(said: Contents, fields: Fields) -> Fields:
    depth, types = depth_of(fields), said["layer_types"]
    if types is None:
        first = [n < 2 or n % 4 == 1 or n == depth - 1 for n in range(depth)]
        types = [FULL if is_full else SLIDING for is_full in first]
    dense = (0, 1) if said["mlp_only_layers"] is None else said["mlp_only_layers"]
    fields = read_dense_layers({**said, "mlp_only_layers": dense}, fields)
    return read_window({"layer_types": types}, fields)


FLINT = QWEN3_MOE.but(
    name="flint",
    words="Flint",
    builds="FlintForCausalLM",
    architecture=Architecture(
        decoder=BothMasksDecoder,
        router=SigmoidRouter,
        experts=SharedLast,
        has_sdpa=False,
        memory_is_proven=False,
    ),
    switches={"attention_sinks": True, "shared_gate": False},
    usual={"dense_layers": (0, 1)},
    missing=sizes(150_144, 262_144, 2_048, 49, 32)
    | {
        "n_kv_head": 4,
        "head_dim": 128,
        "n_inner": 6_144,
        "n_expert": 256,
        "n_expert_active": 6,
        "n_inner_expert": 512,
        "n_inner_shared": 1_024,
        "window": 513,
        "qkv_bias": False,
        "attn_proj_bias": False,
    },
    called={"n_expert": ("num_experts",), "n_inner_shared": ("shared_expert_intermediate_size",)},
    names=names(
        SINKS,
        ATTENTION,
        NORMS_OF_HEADS,
        EXPERTS_JOINED,
        ROUTER,
        SHARED_ONE,
        MLP,
        TWO_NORMS,
    ),
    extra={"decoder_sparse_step": (1,), "mlp_only_layers": (None,), **LAYER_TYPES},
    reads=_flint,
    not_null=("num_key_value_heads", "head_dim", "sliding_window"),
    told_by_tensors=False,
)


def _afmoe(said: Contents, fields: Fields) -> Fields:
    fields = read_window(said, read_shared(said, fields, "num_shared_experts"))
    fields = read_first_dense(said, fields, "num_dense_layers")
    return without_rope_where_full(fields)


AFMOE = LLAMA.but(
    name="afmoe",
    words="AFMoE",
    builds="AfmoeForCausalLM",
    architecture=Architecture(
        decoder=MixtralDecoder,
        router=SigmoidRouter,
        experts=SharedLast,
        choice_bias_is_row=False,
        memory_is_proven=False,
    ),
    switches={
        "norm_place": "both",
        "qk_norm": "head",
        "attention_gate": True,
        "separate_gate": True,
        "choice_bias": True,
        "shared_gate": False,
        "full_every": 4,
        "no_rope_every": 4,
    },
    usual={"n_inner_shared": 2_816, "dense_layers": (0,)},
    missing=sizes(200_192, 16_384, 2_048, 32, 16)
    | {
        "head_dim": 128,
        "n_inner": 6_144,
        "n_expert": 64,
        "n_expert_active": 6,
        "n_inner_expert": 1_408,
        "window": 1_024,
        "qkv_bias": False,
        "attn_proj_bias": False,
    },
    called={
        "mlp_bias": (),
        **EXPERT_KEYS,
        "window": ("sliding_window",),
        "full_every": ("global_attn_every_n_layers",),
    },
    extra={"num_dense_layers": (1,), "num_shared_experts": (2,), **LAYER_TYPES},
    reads=_afmoe,
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        {
            "attention_gate": "self_attn.gate_proj",
            "attention_norm": "input_layernorm",
            "attention_post_norm": "post_attention_layernorm",
            "mlp_norm": "pre_mlp_layernorm",
            "mlp_post_norm": "post_mlp_layernorm",
            "choice_bias": "mlp.expert_bias",
            "router": "mlp.router.gate",
        },
        SHARED,
        EXPERTS_JOINED,
        MLP,
    ),
    told_by_tensors=False,
    hub=ONE_BY_ONE,
)

GATED = (APERTUS, APERTUS_15, BITNET, DIFF_LLAMA, PERSIMMON, FLINT, AFMOE)
"""The families of this module."""
