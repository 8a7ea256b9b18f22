"""Newer families with one MLP a layer, most of them Llama or OLMo 2 with a change or two.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace
from fractions import Fraction

from gpt2calc.model.architecture import NORMED, Architecture
from gpt2calc.model.attention import NormedAfterRotation, QueriesScaledByPosition
from gpt2calc.model.decoder import (
    BothMasksDecoder,
    Cohere2Decoder,
    FullMaskDecoder,
    Gemma3Decoder,
    NanoChatDecoder,
)
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import (
    LAYER_TYPES,
    OF_ROPE,
    heads_as_wide_as,
    read_pattern,
    read_rotary_dim,
    read_window,
    without_rope_where_full,
)
from gpt2calc.model.families.llamas import (
    ATTENTION,
    COHERE,
    FOUR_NORMS,
    GEMMA2,
    GRANITE,
    LLAMA,
    MISTRAL,
    MLP,
    OLMO2,
    PHI3,
    POST_NORMS,
    TWO_NORMS,
    names,
)
from gpt2calc.model.llama_decoders import (
    BothMasksDecoder,
    Cohere2Decoder,
    FullMaskDecoder,
    Gemma2Decoder,
    Gemma3Decoder,
    NanoChatDecoder,
)
from gpt2calc.model.norms import L2Norm, LayerNormPlusOne, RMSNormInFloat
from gpt2calc.model.partial_rotary import GLMRotary, NemotronRotary
from gpt2calc.model.projections import NormedAfterTransposing, SeparateProjection
from gpt2calc.model.rotary import Ernie45Rotary, HeliumRotary, NanoChatRotary

_PLAIN_MLP = {"mlp_in": "mlp.up_proj", "mlp_out": "mlp.down_proj"}
_JOINT_MLP = {"mlp_gate_in": "mlp.gate_up_proj", "mlp_out": "mlp.down_proj"}
_NORMED_LATE = Architecture(
    attention=NormedAfterRotation, separate_with_norms={**NORMED, "head": SeparateProjection}
)
_SQUARED = Architecture(activation="relu2")

# ---- Llama itself, by other keys and defaults ------------------------------------------------

ARCEE = LLAMA.but(
    name="arcee",
    words="Arcee",
    builds="ArceeForCausalLM",
    architecture=_SQUARED,
    switches={"gated_mlp": False},
    missing={"n_ctx": 4_096, "n_embd": 2_560, "n_inner": 18_432},
    names=names(ATTENTION, _PLAIN_MLP, TWO_NORMS),
)
EXAONE = LLAMA.but(
    name="exaone",
    words="EXAONE",
    builds="LlamaForCausalLM",
    missing={"vocab": 102_400, "n_ctx": 4_096, "n_kv_head": 8, "n_inner": 14_336},
    called={"n_layer": ("num_hidden_layers", "num_layers")},
)
INTERNLM3 = LLAMA.but(
    name="internlm3",
    words="InternLM3",
    builds="LlamaForCausalLM",
    missing={
        "vocab": 128_512,
        "n_ctx": 32_768,
        "n_layer": 48,
        "n_kv_head": 2,
        "head_dim": 128,
        "n_inner": 10_240,
    },
    called={
        "qkv_bias": ("attention_bias", "qkv_bias"),
        "attn_proj_bias": ("attention_bias", "qkv_bias"),
        "mlp_bias": ("mlp_bias", "bias"),
    },
)
IQUESTCODER = LLAMA.but(
    name="iquestcoder",
    words="IQuest-Coder",
    builds="LlamaForCausalLM",
    missing=sizes(76_800, 131_072, 5_120, 80, 40)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": 27_648},
)
HYPERCLOVAX = GRANITE.but(
    name="hyperclovax",
    words="HyperCLOVA X",
    builds="HyperCLOVAXForCausalLM",
    floors_heads=False,
    switches={"norm_place": "both"},
    names=names(
        ATTENTION,
        MLP,
        TWO_NORMS,
        {"attention_post_norm": "post_norm1", "mlp_post_norm": "post_norm2"},
    ),
    extra={"use_post_norm": (True, False)},
    reads=lambda said, fields: fields | ({} if said["use_post_norm"] else {"norm_place": "before"}),
)
SEED_OSS = LLAMA.but(
    name="seed_oss",
    words="Seed-OSS",
    builds="SeedOssForCausalLM",
    architecture=Architecture(dropout=frozenset({"softmax", "attention_dropout", "mlp_dropout"})),
    missing=sizes(155_136, 524_288, 4_096, 64, 80)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": 27_648, "qkv_bias": True},
    called={"attn_proj_bias": ("attention_out_bias",)},
)
HUNYUAN_NORMS = {
    "query_norm": "self_attn.query_layernorm",
    "key_norm": "self_attn.key_layernorm",
}
HUNYUAN_DENSE = LLAMA.but(
    name="hunyuan_v1_dense",
    words="Hunyuan",
    builds="HunYuanDenseV1ForCausalLM",
    architecture=_NORMED_LATE,
    switches={"qk_norm": "head"},
    missing={"vocab": 290_943},
    names=names(
        ATTENTION,
        HUNYUAN_NORMS,
        MLP,
        TWO_NORMS,
    ),
    called={"mlp_bias": ()},
)

# ---- Mistral's -------------------------------------------------------------------------------

MINISTRAL = MISTRAL.but(
    name="ministral",
    words="Ministral",
    builds="MinistralForCausalLM",
    architecture=Architecture(decoder=BothMasksDecoder),
    extra=LAYER_TYPES,
    reads=read_window,
    not_null=(),
)
MINISTRAL3 = MISTRAL.but(
    name="ministral3",
    words="Ministral 3",
    builds="Ministral3ForCausalLM",
    architecture=Architecture(attention=QueriesScaledByPosition),
    missing={
        "vocab": 131_072,
        "n_ctx": 262_144,
        "n_layer": 34,
        "head_dim": 128,
        "window": None,
    },
    not_null=(),
)


def _cwm(said: Contents, fields: Fields) -> Fields:
    """Read the windows of CWM, where a window of 0 is none."""
    return read_window(said, fields | {"window": fields["window"] or None}, first=0)


CWM = LLAMA.but(
    name="cwm",
    words="CWM",
    builds="CwmForCausalLM",
    architecture=Architecture(decoder=BothMasksDecoder),
    switches={"full_every": 4},
    missing=sizes(128_256, 131_072, 6_144, 64, 48)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": 21_504, "window": 8_192},
    called={
        "qkv_bias": (),
        "attn_proj_bias": (),
        "window": ("sliding_window",),
    },
    extra=LAYER_TYPES,
    reads=_cwm,
    begins_with_full_layer=True,
    not_null=("num_key_value_heads", "head_dim"),
)

# ---- GLM's, and those that turn pairs of neighbours ------------------------------------------

_GLM = Architecture(rotary=GLMRotary, rotary_part=Fraction(1, 2))

GLM = PHI3.but(
    name="glm",
    words="GLM",
    builds="GlmForCausalLM",
    architecture=_GLM,
    missing=sizes(151_552, 131_072, 4_096, 40, 32)
    | {"n_kv_head": 2, "head_dim": 128, "n_inner": 13_696, "qkv_bias": True},
    names=names(ATTENTION, _JOINT_MLP, TWO_NORMS),
    called={
        "qkv_bias": ("attention_bias",),
        "head_dim": ("head_dim",),
        "window": (),
    },
    not_null=("num_key_value_heads", "head_dim"),
)
GLM4 = GLM.but(
    name="glm4",
    words="GLM-4",
    builds="Glm4ForCausalLM",
    switches={"norm_place": "both"},
    names=names(
        ATTENTION,
        _JOINT_MLP,
        POST_NORMS,
    ),
)
ERNIE45 = LLAMA.but(
    name="ernie4_5",
    words="ERNIE 4.5",
    builds="Ernie4_5ForCausalLM",
    architecture=Architecture(rotary=Ernie45Rotary, tables="float32", dropout=frozenset()),
    missing=sizes(103_424, 131_072, 1_024, 18, 16)
    | {"n_kv_head": 2, "head_dim": 128, "n_inner": 3_072, "tie_embeddings": True},
    called={
        "qkv_bias": ("use_bias",),
        "attn_proj_bias": ("use_bias",),
        "mlp_bias": ("use_bias",),
    },
)


HELIUM = LLAMA.but(
    name="helium",
    words="Helium",
    builds="HeliumForCausalLM",
    architecture=Architecture(rotary=HeliumRotary, rms_norm=RMSNormInFloat),
    missing=sizes(48_000, 4_096, 2_560, 24, 20)
    | {"n_kv_head": 20, "head_dim": 128, "n_inner": 7_040},
    called={"attn_proj_bias": ()},
    reads=heads_as_wide_as("Helium"),
    not_null=("num_key_value_heads", "head_dim"),
)

# ---- OLMo's, Cohere's and Gemma's, with windows ----------------------------------------------

OLMO3 = OLMO2.but(
    name="olmo3",
    words="OLMo 3",
    builds="Olmo3ForCausalLM",
    architecture=replace(OLMO2.architecture, decoder=Gemma3Decoder),
    switches={"full_every": 4},
    missing={"window": 4_096},
    called={"window": ("sliding_window",)},
    extra=LAYER_TYPES,
    reads=read_window,
)


def without_rope(said: Contents, fields: Fields) -> Fields:
    """Read Cohere 2's windows: layers without a window have no rotary positions either."""
    return without_rope_where_full(read_window(said, fields))


COHERE2 = COHERE.but(
    name="cohere2",
    words="Cohere 2",
    builds="Cohere2ForCausalLM",
    architecture=replace(COHERE.architecture, decoder=Cohere2Decoder),
    switches={"full_every": 4, "no_rope_every": 4},
    missing={"window": 4_096},
    called={
        "window": ("sliding_window",),
        "full_every": ("sliding_window_pattern",),
    },
    extra=LAYER_TYPES,
    reads=without_rope,
)


def _exaone4(said: Contents, fields: Fields) -> Fields:
    fields = read_pattern(said, fields)
    return fields if fields["window"] is None else without_rope_where_full(fields)


EXAONE4 = OLMO2.but(
    name="exaone4",
    words="EXAONE 4",
    builds="Exaone4ForCausalLM",
    architecture=Architecture(
        decoder=FullMaskDecoder, separate_with_norms={**NORMED, "head": NormedAfterTransposing}
    ),
    switches={"qk_norm": "head", "full_every": 4, "no_rope_every": 4},
    missing=sizes(102_400, 2_048, 4_096, 32, 32)
    | {"n_kv_head": 32, "n_inner": 16_384, "window": 4_096},
    called={
        "qkv_bias": (),
        "attn_proj_bias": (),
        "window": ("sliding_window",),
        "full_every": ("sliding_window_pattern",),
    },
    extra=LAYER_TYPES,
    reads=_exaone4,
    not_null=("num_key_value_heads",),
)
VAULTGEMMA = GEMMA2.but(
    name="vaultgemma",
    words="VaultGemma",
    builds="VaultGemmaForCausalLM",
    switches={"norm_place": "before"},
    names=names(
        ATTENTION,
        MLP,
        {name: FOUR_NORMS[name] for name in ("attention_norm", "mlp_norm")},
    ),
)

# ---- Layer norms, and MLPs without a gate ----------------------------------------------------

JAIS2 = ARCEE.but(
    name="jais2",
    words="Jais 2",
    builds="Jais2ForCausalLM",
    switches={"norm": "layer", "norm_bias": True},
    missing=sizes(150_272, 8_192, 3_328, 32, 26)
    | {"n_inner": 26_624, "qkv_bias": True, "attn_proj_bias": True, "mlp_bias": True},
)
NEMOTRON = JAIS2.but(
    name="nemotron",
    words="Nemotron",
    builds="NemotronForCausalLM",
    floors_heads=True,
    architecture=Architecture(
        activation="relu2",
        layer_norm=LayerNormPlusOne,
        rotary=NemotronRotary,
        rotary_part=Fraction(1, 2),
    ),
    missing=sizes(256_000, 4_096, 6_144, 32, 48)
    | {"n_inner": 24_576, "qkv_bias": False, "attn_proj_bias": False, "mlp_bias": False},
    extra=OF_ROPE,
    reads=read_rotary_dim,
)
NANOCHAT = LLAMA.but(
    name="nanochat",
    words="nanochat",
    builds="NanoChatForCausalLM",
    floors_heads=True,
    architecture=replace(
        _NORMED_LATE,
        decoder=NanoChatDecoder,
        rotary=NanoChatRotary,
        parameter_free_norm=L2Norm,
        activation="relu2",
    ),
    switches={
        "norm": "none",
        "qk_norm": "head",
        "embedding_norm": True,
        "gated_mlp": False,
    },
    missing=sizes(50_304, 2_048, 768, 12, 6) | {"n_inner": 8_192},
    names=names(ATTENTION, {"mlp_in": "mlp.fc1", "mlp_out": "mlp.fc2"}),
    called={"mlp_bias": ()},
)

DENSE = (
    ARCEE, EXAONE, INTERNLM3, IQUESTCODER, HYPERCLOVAX, SEED_OSS, HUNYUAN_DENSE,
    MINISTRAL, MINISTRAL3, CWM, GLM, GLM4, ERNIE45, HELIUM,
    OLMO3, COHERE2, EXAONE4, VAULTGEMMA, JAIS2, NEMOTRON, NANOCHAT,
)  # fmt: skip
"""The families of this module."""
