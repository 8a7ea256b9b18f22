"""Llama, and those that follow it: a gated MLP, rotary positions, and most often RMS norms.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import BLOCK_DROPOUT, NORMED, Architecture
from gpt2calc.model.attention import DroppedByBlock
from gpt2calc.model.blocks import Phi3Block
from gpt2calc.model.families.family import HIDDEN, Contents, Family, Fields, sizes
from gpt2calc.model.families.layers import (
    LAYER_TYPES,
    OF_QWENS,
    OF_ROPE,
    read_no_rope_layers,
    read_qwens_window,
    read_rotary_dim,
    read_window,
)
from gpt2calc.model.joint_projections import SlicedProjection
from gpt2calc.model.linear import GemmaEmbedding, ScaledEmbedding
from gpt2calc.model.llama_decoders import (
    FullMaskDecoder,
    Gemma2Decoder,
    Gemma3Decoder,
    ScaledLogitsDecoder,
)
from gpt2calc.model.names import Names
from gpt2calc.model.norms import CohereNorm, OLMoNorm, RMSNormCastLast, RMSNormPlusOne
from gpt2calc.model.parallel_blocks import CohereBlock, StableLMBlock, StableLMParallelBlock
from gpt2calc.model.partial_rotary import PartialRotary, Phi3Rotary
from gpt2calc.model.projections import NormedAfterTransposing, NormedBeforeTransposing, ViewedLate
from gpt2calc.model.rotary import CohereRotary, OLMoRotary
from gpt2calc.model.scores import CappedScores

ATTENTION = {
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "attention_out": "self_attn.o_proj",
}
NORMS_OF_HEADS = {"query_norm": "self_attn.q_norm", "key_norm": "self_attn.k_norm"}
MLP = {"mlp_gate": "mlp.gate_proj", "mlp_in": "mlp.up_proj", "mlp_out": "mlp.down_proj"}
TWO_NORMS = {"attention_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"}
NORMS_AFTER = {
    "attention_norm": "post_attention_layernorm",
    "mlp_norm": "post_feedforward_layernorm",
}
"""OLMo 2's names of norms that stand behind attention and MLP."""
SINKS = {"sinks": "self_attn.sinks"}
FEED_FORWARD = {
    "mlp_gate": "feed_forward.gate_proj",
    "mlp_in": "feed_forward.up_proj",
    "mlp_out": "feed_forward.down_proj",
}
POST_NORMS = {
    "attention_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "attention_post_norm": "post_self_attn_layernorm",
    "mlp_post_norm": "post_mlp_layernorm",
}
"""GLM-4's names of a block's four norms."""
FOUR_NORMS = {
    "attention_norm": "input_layernorm",
    "attention_post_norm": "post_attention_layernorm",
    "mlp_norm": "pre_feedforward_layernorm",
    "mlp_post_norm": "post_feedforward_layernorm",
}


def names(*parts: dict[str, str]) -> Names:
    """Return the names of a model built like Llama; give a block's parts in PyTorch's order."""
    modules = {"token_embedding": "embed_tokens"}
    for part in parts:
        modules |= part
    return Names("model.", "layers.*.", modules | {"final_norm": "norm", "head": "lm_head"})


def with_final_norm(called: Names, module: str) -> Names:
    """Return the names with ``module`` for the norm after the last block."""
    return called._replace(modules={**called.modules, "final_norm": module})


_ONE_BIAS = {"qkv_bias": ("attention_bias",), "attn_proj_bias": ("attention_bias",)}
_OF_HEADS = {"n_kv_head": ("num_key_value_heads",), "head_dim": ("head_dim",)}

LLAMA = Family(
    name="llama",
    words="Llama",
    builds="LlamaForCausalLM",
    switches={"positions": "rotary", "norm": "rms", "gated_mlp": True, "bias": False},
    missing=sizes(32_000, 2_048, 4_096, 32, 32) | {"n_inner": 11_008, "tie_embeddings": False},
    names=names(ATTENTION, MLP, TWO_NORMS),
    called=HIDDEN | _OF_HEADS | _ONE_BIAS | {"mlp_bias": ("mlp_bias",)},
)
GRANITE = LLAMA.but(
    name="granite",
    words="Granite",
    builds="GraniteForCausalLM",
    floors_heads=True,
    architecture=Architecture(
        decoder=ScaledLogitsDecoder, embedding=ScaledEmbedding, residual_is_scaled=True
    ),
)
MISTRAL = LLAMA.but(
    name="mistral",
    words="Mistral",
    builds="MistralForCausalLM",
    floors_heads=True,
    missing={"n_ctx": 131_072, "n_kv_head": 8, "n_inner": 14_336, "window": 4_096},
    called={"qkv_bias": (), "attn_proj_bias": (), "mlp_bias": (), "window": ("sliding_window",)},
    not_null=("num_key_value_heads",),
)
SMOLLM3 = LLAMA.but(
    name="smollm3",
    words="SmolLM3",
    builds="SmolLM3ForCausalLM",
    floors_heads=True,
    architecture=Architecture(decoder=FullMaskDecoder),
    switches={"no_rope_every": 4},
    called={"no_rope_every": ("no_rope_layer_interval",)},
    extra={"use_sliding_window": (False,), "no_rope_layers": (None,)},
    reads=read_no_rope_layers,
    missing=sizes(128_256, 32_768, 2_048, 36, 16) | {"n_kv_head": 4, "tie_embeddings": True},
)
QWEN2 = MISTRAL.but(
    name="qwen2",
    words="Qwen2",
    builds="Qwen2ForCausalLM",
    architecture=Architecture(decoder=FullMaskDecoder),
    switches={"qkv_bias": True},
    extra=OF_QWENS,
    reads=read_qwens_window,
    missing={"vocab": 151_936, "n_ctx": 32_768, "n_kv_head": 32, "n_inner": 22_016},
    not_null=(),
)
QWEN3 = LLAMA.but(
    name="qwen3",
    words="Qwen3",
    builds="Qwen3ForCausalLM",
    architecture=Architecture(decoder=FullMaskDecoder),
    switches={"qk_norm": "head"},
    extra=OF_QWENS,
    reads=read_qwens_window,
    missing={
        "vocab": 151_936,
        "n_ctx": 32_768,
        "n_kv_head": 32,
        "n_inner": 22_016,
        "head_dim": 128,
        "window": 4_096,
    },
    names=names(ATTENTION, NORMS_OF_HEADS, MLP, TWO_NORMS),
    called={"mlp_bias": (), "window": ("sliding_window",)},
)
_GEMMA = Architecture(embedding=GemmaEmbedding, rms_norm=RMSNormPlusOne, activation="gelu")

GEMMA = LLAMA.but(
    name="gemma",
    words="Gemma",
    builds="GemmaForCausalLM",
    architecture=_GEMMA,
    missing=sizes(256_000, 8_192, 3_072, 28, 16)
    | {"n_kv_head": 16, "head_dim": 256, "n_inner": 24_576, "tie_embeddings": True},
    called={"mlp_bias": ()},
    not_null=("num_key_value_heads", "head_dim"),
)
GEMMA2 = GEMMA.but(
    name="gemma2",
    words="Gemma 2",
    builds="Gemma2ForCausalLM",
    architecture=replace(_GEMMA, decoder=Gemma2Decoder, scores=CappedScores, has_sdpa=False),
    switches={"norm_place": "both", "full_every": 2},
    missing={
        "n_embd": 2_304,
        "n_layer": 26,
        "n_head": 8,
        "n_kv_head": 4,
        "n_inner": 9_216,
        "window": 4_096,
    },
    called={"window": ("sliding_window",)},
    extra=LAYER_TYPES,
    reads=read_window,
    names=names(ATTENTION, MLP, FOUR_NORMS),
)
GEMMA3 = GEMMA2.but(
    name="gemma3_text",
    words="Gemma 3",
    builds="Gemma3ForCausalLM",
    architecture=replace(
        _GEMMA,
        decoder=Gemma3Decoder,
        separate_with_norms={**NORMED, "head": NormedAfterTransposing},
    ),
    switches={"qk_norm": "head", "full_every": 6},
    missing={"vocab": 262_208, "n_ctx": 131_072},
    called={"full_every": ("sliding_window_pattern",)},
    names=names(ATTENTION, NORMS_OF_HEADS, MLP, FOUR_NORMS),
)
PHI3 = MISTRAL.but(
    name="phi3",
    words="Phi-3",
    builds="Phi3ForCausalLM",
    architecture=Architecture(
        blocks={"before": Phi3Block},
        attention=DroppedByBlock,
        mlp_drops_outcome=False,
        joint=SlicedProjection,
        rotary=Phi3Rotary,
        dropout=BLOCK_DROPOUT,
    ),
    missing={
        "vocab": 32_064,
        "n_ctx": 4_096,
        "n_embd": 3_072,
        "n_kv_head": None,
        "n_inner": 8_192,
        "window": None,
    },
    extra=OF_ROPE,
    reads=read_rotary_dim,
    names=names(
        {"attention_out": "self_attn.o_proj", "qkv": "self_attn.qkv_proj"},
        {"mlp_gate_in": "mlp.gate_up_proj", "mlp_out": "mlp.down_proj"},
        TWO_NORMS,
    ),
    not_null=(),
)


def _stablelm(said: Contents, fields: Fields) -> Fields:
    place = {"norm_place": "shared"} if said["use_parallel_residual"] else {}
    norm = {"qk_norm": "heads"} if said["qk_layernorm"] else {}
    return read_rotary_dim(said, fields) | place | norm


STABLELM = LLAMA.but(
    name="stablelm",
    words="StableLM",
    builds="StableLmForCausalLM",
    architecture=Architecture(
        mlp_drops_outcome=False,
        blocks={"before": StableLMBlock, "shared": StableLMParallelBlock},
        separate=ViewedLate,
        separate_with_norms={**NORMED, "heads": ViewedLate},
        rotary=PartialRotary,
        rotary_part=Fraction(1, 4),
        dropout=frozenset({"softmax", "mlp_dropout"}),
    ),
    switches={"norm": "layer", "norm_bias": True},
    missing={
        "vocab": 50_304,
        "n_ctx": 4_096,
        "n_embd": 2_560,
        "n_kv_head": 32,
        "n_inner": 6_912,
        "qkv_bias": False,
    },
    names=names(
        ATTENTION,
        {
            "query_norm": "self_attn.q_layernorm.norms.*",
            "key_norm": "self_attn.k_layernorm.norms.*",
        },
        MLP,
        TWO_NORMS,
    ),
    called={"qkv_bias": ("use_qkv_bias",), "attn_proj_bias": (), "mlp_bias": (), "head_dim": ()},
    extra={"use_parallel_residual": (False, True), "qk_layernorm": (False, True), **OF_ROPE},
    reads=_stablelm,
    not_null=("num_key_value_heads",),
)
_OLMO = Architecture(
    separate=ViewedLate, rotary=OLMoRotary, tables="float32", parameter_free_norm=OLMoNorm
)

OLMO = LLAMA.but(
    name="olmo",
    words="OLMo",
    builds="OlmoForCausalLM",
    floors_heads=True,
    architecture=_OLMO,
    switches={"norm": "none"},
    missing={"vocab": 50_304},
    called={"mlp_bias": ()},
)
OLMO2 = OLMO.but(
    name="olmo2",
    words="OLMo 2",
    builds="Olmo2ForCausalLM",
    architecture=replace(_OLMO, rms_norm=RMSNormCastLast),
    switches={"norm": "rms", "norm_place": "after", "qk_norm": "width"},
    names=names(
        ATTENTION,
        NORMS_OF_HEADS,
        MLP,
        NORMS_AFTER,
    ),
)


def _cohere(said: Contents, fields: Fields) -> Fields:
    return fields | ({"qk_norm": "heads"} if said["use_qk_norm"] else {})


COHERE = LLAMA.but(
    name="cohere",
    words="Cohere",
    builds="CohereForCausalLM",
    floors_heads=True,
    architecture=Architecture(
        decoder=ScaledLogitsDecoder,
        layer_norm=CohereNorm,
        norm_per_head=CohereNorm,
        blocks={"shared": CohereBlock},
        separate_with_norms={**NORMED, "heads": NormedBeforeTransposing},
        rotary=CohereRotary,
        tables="interleaved",
    ),
    switches={"norm": "layer", "norm_place": "shared"},
    missing=sizes(256_000, 8_192, 8_192, 40, 64) | {"n_inner": 22_528, "tie_embeddings": True},
    names=names(ATTENTION, NORMS_OF_HEADS, MLP, {"attention_norm": "input_layernorm"}),
    called={"mlp_bias": ()},
    extra={"use_qk_norm": (False, True)},
    reads=_cohere,
)

LLAMAS = (
    LLAMA, GRANITE, MISTRAL, SMOLLM3, QWEN2, QWEN3, GEMMA, GEMMA2, GEMMA3, PHI3,
    STABLELM, OLMO, OLMO2, COHERE,
)  # fmt: skip
"""The families of this module."""
