"""Families of Llama's tensors, with a change or two, by makers of one family.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import NORMED, Architecture
from gpt2calc.model.attention.attention import NormedAfterRotation
from gpt2calc.model.attention.projections import SeparateProjection
from gpt2calc.model.attention.rotary import HeliumRotary, NanoChatRotary
from gpt2calc.model.decoders.llamas import FullMaskDecoder, NanoChatDecoder
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.granite import GRANITE
from gpt2calc.model.families.layers import heads_as_wide_as, read_no_rope_list
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import ATTENTION, MLP, TWO_NORMS, UNGATED_MLP, names
from gpt2calc.model.norms import L2Norm, RMSNormInFloat


def read_no_rope_layers(said: Contents, fields: Fields) -> Fields:
    """Read which layers of SmolLM 3 have no rotary positions."""
    if said["use_sliding_window"]:
        raise ValueError(
            "use_sliding_window is true: SmolLM3 then has windows which gpt2calc cannot describe"
        )
    return read_no_rope_list(said, fields)


SMOLLM3 = LLAMA.but(
    name="smollm3",
    words="SmolLM3",
    class_name="SmolLM3ForCausalLM",
    floors_heads=True,
    architecture=Architecture(decoder=FullMaskDecoder),
    switches={"no_rope_every": 4},
    keys={"no_rope_every": ("no_rope_layer_interval",)},
    extra_keys={"use_sliding_window": (False,), "no_rope_layers": (None,)},
    read_extra=read_no_rope_layers,
    defaults=sizes(128_256, 32_768, 2_048, 36, 16) | {"n_kv_head": 4, "tie_embeddings": True},
)
ARCEE = LLAMA.but(
    name="arcee",
    words="Arcee",
    class_name="ArceeForCausalLM",
    architecture=Architecture(activation="relu2"),
    switches={"gated_mlp": False},
    defaults={"n_ctx": 4_096, "n_embd": 2_560, "n_inner": 18_432},
    names=names(ATTENTION, UNGATED_MLP, TWO_NORMS),
)
INTERNLM3 = LLAMA.but(
    name="internlm3",
    words="InternLM3",
    class_name="LlamaForCausalLM",
    defaults={
        "vocab": 128_512,
        "n_ctx": 32_768,
        "n_layer": 48,
        "n_kv_head": 2,
        "head_dim": 128,
        "n_inner": 10_240,
    },
    keys={
        "qkv_bias": ("attention_bias", "qkv_bias"),
        "attn_proj_bias": ("attention_bias", "qkv_bias"),
        "mlp_bias": ("mlp_bias", "bias"),
    },
)
IQUESTCODER = LLAMA.but(
    name="iquestcoder",
    words="IQuest-Coder",
    class_name="LlamaForCausalLM",
    defaults=sizes(76_800, 131_072, 5_120, 80, 40)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": 27_648},
)
HYPERCLOVAX = GRANITE.but(
    name="hyperclovax",
    words="HyperCLOVA X",
    class_name="HyperCLOVAXForCausalLM",
    floors_heads=False,
    switches={"norm_place": "both"},
    names=names(
        ATTENTION,
        MLP,
        TWO_NORMS,
        {"attention_post_norm": "post_norm1", "mlp_post_norm": "post_norm2"},
    ),
    extra_keys={"use_post_norm": (True, False)},
    read_extra=lambda said, fields: (
        fields | ({} if said["use_post_norm"] else {"norm_place": "before"})
    ),
)
SEED_OSS = LLAMA.but(
    name="seed_oss",
    words="Seed-OSS",
    class_name="SeedOssForCausalLM",
    architecture=Architecture(dropout=frozenset({"softmax", "attention_dropout", "mlp_dropout"})),
    defaults=sizes(155_136, 524_288, 4_096, 64, 80)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": 27_648, "qkv_bias": True},
    keys={"attn_proj_bias": ("attention_out_bias",)},
)
HELIUM = LLAMA.but(
    name="helium",
    words="Helium",
    class_name="HeliumForCausalLM",
    architecture=Architecture(rotary=HeliumRotary, rms_norm=RMSNormInFloat),
    defaults=sizes(48_000, 4_096, 2_560, 24, 20)
    | {"n_kv_head": 20, "head_dim": 128, "n_inner": 7_040},
    keys={"attn_proj_bias": ()},
    read_extra=heads_as_wide_as("Helium"),
    required_not_null=("num_key_value_heads", "head_dim"),
)
JAIS2 = ARCEE.but(
    name="jais2",
    words="Jais 2",
    class_name="Jais2ForCausalLM",
    switches={"norm": "layer", "norm_bias": True},
    defaults=sizes(150_272, 8_192, 3_328, 32, 26)
    | {"n_inner": 26_624, "qkv_bias": True, "attn_proj_bias": True, "mlp_bias": True},
)
NORMED_LATE = Architecture(
    attention=NormedAfterRotation, separate_with_norms={**NORMED, "head": SeparateProjection}
)
NANOCHAT = LLAMA.but(
    name="nanochat",
    words="nanochat",
    class_name="NanoChatForCausalLM",
    floors_heads=True,
    architecture=replace(
        NORMED_LATE,
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
    defaults=sizes(50_304, 2_048, 768, 12, 6) | {"n_inner": 8_192},
    names=names(ATTENTION, {"mlp_in": "mlp.fc1", "mlp_out": "mlp.fc2"}),
    keys={"mlp_bias": ()},
)
DIFF_LLAMA = LLAMA.but(
    name="diffllama",
    words="DiffLlama",
    class_name="DiffLlamaForCausalLM",
    architecture=Architecture(memory_is_proven=False),
    switches={"differential_attention": True},
    defaults=sizes(32_000, 2_048, 2_048, 16, 32)
    | {"n_inner": 8_192, "qkv_bias": False, "attn_proj_bias": False},
    keys={"mlp_bias": ()},
    names=names(
        {
            role: f"self_attn.{role}"
            for role in ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")
        },
        ATTENTION,
        MLP,
        TWO_NORMS,
    ),
    inferable=False,
)
BITNET = LLAMA.but(
    name="bitnet",
    words="BitNet",
    class_name="BitNetForCausalLM",
    architecture=Architecture(activation="relu2", memory_is_proven=False),
    switches={"sub_norms": True},
    defaults=sizes(128_256, 2_048, 2_560, 30, 20)
    | {"n_kv_head": 5, "n_inner": 6_912, "qkv_bias": False, "attn_proj_bias": False},
    keys={"mlp_bias": ()},
    read_extra=heads_as_wide_as("BitNet"),
    names=names(
        ATTENTION,
        {"attention_sub_norm": "self_attn.attn_sub_norm"},
        MLP,
        {"mlp_sub_norm": "mlp.ffn_sub_norm"},
        TWO_NORMS,
    ),
    inferable=False,
)

FAMILIES = (
    SMOLLM3,
    ARCEE,
    INTERNLM3,
    IQUESTCODER,
    HYPERCLOVAX,
    SEED_OSS,
    HELIUM,
    JAIS2,
    NANOCHAT,
    DIFF_LLAMA,
    BITNET,
)
"""The families of this module."""
