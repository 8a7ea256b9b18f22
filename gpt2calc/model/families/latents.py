"""Families of latent attention: DeepSeek's, and those that follow it.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5; Kimi-K2's own files
on the Hub, whose tensors are those of DeepSeek-V3.
"""

from dataclasses import replace

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoder import MixtralDecoder, ScaledLogitsDecoder
from gpt2calc.model.experts import SharedLast
from gpt2calc.model.families.config_keys import ROUTED_KEYS
from gpt2calc.model.families.experts import EXPERTS_JOINED, ONE_BY_ONE, ROUTER
from gpt2calc.model.families.family import Called, Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of, whole_number
from gpt2calc.model.families.llamas import LLAMA, MLP, TWO_NORMS, names
from gpt2calc.model.families.shared_experts import SHARED
from gpt2calc.model.families.sparse import (
    MLP_LAYER_TYPES,
    SHARED_NUMBER,
    given_key,
    read_first_dense,
    read_mlp_types,
    read_shared,
    with_dense_layers,
)
from gpt2calc.model.linear import ScaledEmbedding
from gpt2calc.model.llama_decoders import MixtralDecoder, ScaledLogitsDecoder
from gpt2calc.model.mixtures import SharedLast
from gpt2calc.model.partial_rotary import GLMRotary
from gpt2calc.model.routers import GroupedRouter

LATENT_ATTENTION = {
    "query": "self_attn.q_proj",
    "query_down": "self_attn.q_a_proj",
    "query_latent_norm": "self_attn.q_a_layernorm",
    "query_up": "self_attn.q_b_proj",
    "kv_down": "self_attn.kv_a_proj_with_mqa",
    "kv_latent_norm": "self_attn.kv_a_layernorm",
    "kv_up": "self_attn.kv_b_proj",
    "attention_out": "self_attn.o_proj",
}
"""DeepSeek's names: ``query`` where no ``q_lora_rank`` is, else ``query_down`` to ``query_up``."""
_INDEXER = {
    "index_query": "self_attn.indexer.wq_b",
    "index_key": "self_attn.indexer.wk",
    "index_key_norm": "self_attn.indexer.k_norm",
    "index_weights": "self_attn.indexer.weights_proj",
}
LATENT_KEYS: Called = {
    "n_kv_head": (),
    "head_dim": (),
    "kv_lora_rank": ("kv_lora_rank",),
    "q_lora_rank": ("q_lora_rank",),
    "qk_nope_head_dim": ("qk_nope_head_dim",),
    "qk_rope_head_dim": ("qk_rope_head_dim",),
    "v_head_dim": ("v_head_dim",),
}
"""The keys of latent attention, which has no heads of keys to share."""
LATENT_SIZES = {
    "kv_lora_rank": 512,
    "q_lora_rank": 1_536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
}
"""DeepSeek-V3's sizes of latent attention."""


def _minicpm3(_: Contents, fields: Fields) -> Fields:
    """Read the width of a head's values: ``n_embd / n_head`` where ``v_head_dim`` is not given."""
    width, heads = fields["n_embd"], fields["n_head"]
    if fields.get("v_head_dim") or type(width) is not int or type(heads) is not int or heads < 1:
        return fields
    return fields | {"v_head_dim": width // heads}


_LATENT = Architecture(rotary=GLMRotary, memory_is_proven=False)

MINICPM3 = LLAMA.but(
    name="minicpm3",
    words="MiniCPM 3",
    builds="MiniCPM3ForCausalLM",
    told_by_tensors=False,
    architecture=replace(
        _LATENT,
        decoder=ScaledLogitsDecoder,
        embedding=ScaledEmbedding,
        residual_is_scaled=True,
    ),
    usual={"v_head_dim": 64},
    missing=sizes(73_448, 32_768, 2_560, 62, 40)
    | {
        "n_inner": 6_400,
        "tie_embeddings": True,
        "kv_lora_rank": 256,
        "q_lora_rank": 768,
        "qk_nope_head_dim": 64,
        "qk_rope_head_dim": 32,
        "v_head_dim": None,
    },
    names=names(LATENT_ATTENTION, MLP, TWO_NORMS),
    called=LATENT_KEYS,
    reads=_minicpm3,
)
YOUTU = LLAMA.but(
    name="youtu",
    words="Youtu-LLM",
    builds="YoutuForCausalLM",
    told_by_tensors=False,
    architecture=_LATENT,
    missing=sizes(128_256, 131_072, 2_048, 32, 16)
    | {"n_inner": 6_144, "tie_embeddings": True, **LATENT_SIZES},
    names=names(LATENT_ATTENTION, MLP, TWO_NORMS),
    called=LATENT_KEYS | {"mlp_bias": ()},
)


def _deepseek(said: Contents, fields: Fields) -> Fields:
    return read_first_dense(said, read_shared(said, fields, "n_shared_experts"))


DEEPSEEK_V3 = LLAMA.but(
    name="deepseek_v3",
    words="DeepSeek-V3",
    builds="DeepseekV3ForCausalLM",
    told_by_tensors=False,
    architecture=replace(
        _LATENT,
        decoder=MixtralDecoder,
        router=GroupedRouter,
        experts=SharedLast,
    ),
    switches={"shared_gate": False},
    usual={"n_inner_shared": 2_048, "dense_layers": (0, 1, 2)},
    missing=sizes(129_280, 4_096, 7_168, 61, 128)
    | {
        "n_inner": 18_432,
        "n_expert": 256,
        "n_expert_active": 8,
        "n_inner_expert": 2_048,
        **LATENT_SIZES,
    },
    names=names(LATENT_ATTENTION, EXPERTS_JOINED, ROUTER, SHARED, MLP, TWO_NORMS),
    called=LATENT_KEYS | ROUTED_KEYS | {"mlp_bias": ()},
    extra={
        "n_shared_experts": (1,),
        "first_k_dense_replace": (3,),
        "n_group": (8,),  # changes no count; verify sets 1, which divides any n_expert
        "topk_group": (4,),
    },
    reads=_deepseek,
    hub=ONE_BY_ONE,
)


def _axk1(said: Contents, fields: Fields) -> Fields:
    first, step = (
        whole_number(said, "first_k_dense_replace"),
        whole_number(said, "moe_layer_freq", 1),
    )
    fields = read_shared(said, fields, "n_shared_experts")
    if said["mlp_layer_types"] is not None:
        return read_mlp_types(said, fields)
    return with_dense_layers(fields, [n for n in range(depth_of(fields)) if n < first or n % step])


AXK1 = DEEPSEEK_V3.but(
    name="axk1",
    words="A.X-K1",
    builds="AXK1ForCausalLM",
    switches={"norm_after_experts": True},
    usual={"dense_layers": (0,)},
    missing=sizes(163_840, 32_768, 7_168, 61, 64) | {"n_expert": 192},
    names=names(
        LATENT_ATTENTION,
        EXPERTS_JOINED,
        ROUTER,
        SHARED,
        {"experts_post_norm": "mlp.post_mlp_layernorm"},
        MLP,
        TWO_NORMS,
    ),
    extra={
        **DEEPSEEK_V3.extra,
        "first_k_dense_replace": (1,),
        "moe_layer_freq": (1,),
        **MLP_LAYER_TYPES,
    },
    reads=_axk1,
    not_null=("q_lora_rank",),
)
KIMI_K2 = DEEPSEEK_V3.but(
    name="kimi_k2",
    words="Kimi K2",
    builds="DeepseekV3ForCausalLM",
    built_as="deepseek_v3",
    usual={"dense_layers": (0,)},
    missing=sizes(163_840, 131_072, 7_168, 61, 64) | {"n_expert": 384},
    extra={"first_k_dense_replace": (1,)},
)


def _sarvam_mla(said: Contents, fields: Fields) -> Fields:
    return read_first_dense(said, read_shared(said, fields, given_key(said, *SHARED_NUMBER)))


SARVAM_MLA = DEEPSEEK_V3.but(
    name="sarvam_mla",
    words="Sarvam",
    builds="DeepseekV3ForCausalLM",
    usual={"dense_layers": (0,)},
    missing=sizes(262_144, 4_096, 4_096, 32, 64)
    | {"n_inner": 16_384, "n_expert": 128, "q_lora_rank": None},
    called={"n_expert": ("n_routed_experts", "num_local_experts", "num_experts")},
    extra={**DEEPSEEK_V3.extra, "first_k_dense_replace": (1,), "num_shared_experts": (None,)},
    reads=_sarvam_mla,
)
DEEPSEEK_V2 = DEEPSEEK_V3.but(
    name="deepseek_v2",
    words="DeepSeek-V2",
    builds="DeepseekV2ForCausalLM",
    architecture=replace(
        DEEPSEEK_V3.architecture,
        router=LLAMA.architecture.router,
        router_normalizes=False,
    ),
    switches={"expert_bias": False},
    usual={"n_inner_shared": 2_814, "dense_layers": ()},
    missing=sizes(102_400, 2_048, 4_096, 32, 32)
    | {"n_inner": 11_008, "n_expert": 64, "n_expert_active": None, "n_inner_expert": 1_407},
    called={"n_expert": ("n_routed_experts", "num_experts"), "mlp_bias": ("mlp_bias",)},
    extra={"n_shared_experts": (2,), "first_k_dense_replace": (0,)},
)


def _deepseek_v32(said: Contents, fields: Fields) -> Fields:
    first = whole_number(said, "first_k_dense_replace")
    return read_mlp_types(said, read_shared(said, fields, "n_shared_experts"), first)


DEEPSEEK_V32 = DEEPSEEK_V3.but(
    name="deepseek_v32",
    words="DeepSeek-V3.2",
    builds="DeepseekV32ForCausalLM",
    usual={"q_lora_rank": 1_536},
    switches={"expert_bias": False},
    missing={"n_ctx": 163_840, "index_n_heads": 64, "index_head_dim": 128},
    names=names(LATENT_ATTENTION, _INDEXER, EXPERTS_JOINED, ROUTER, SHARED, MLP, TWO_NORMS),
    called={
        "n_expert": ("n_routed_experts", "num_experts", "num_local_experts"),
        "index_n_heads": ("index_n_heads",),
        "index_head_dim": ("index_head_dim",),
    },
    extra={**DEEPSEEK_V3.extra, **MLP_LAYER_TYPES},
    reads=_deepseek_v32,
)


def _glm_lite(said: Contents, fields: Fields) -> Fields:
    fields = read_shared(said, fields, "n_shared_experts")
    return read_mlp_types(said, fields, first_dense=1)


GLM4_LITE = DEEPSEEK_V3.but(
    name="glm4_moe_lite",
    words="GLM-4.7-Flash",
    builds="Glm4MoeLiteForCausalLM",
    usual={"n_inner_shared": 1_536, "dense_layers": (0,)},
    missing=sizes(154_880, 202_752, 2_048, 47, 20)
    | {
        "n_inner": 10_240,
        "n_expert": 64,
        "n_expert_active": 4,
        "n_inner_expert": 1_536,
        "q_lora_rank": 768,
        "qk_nope_head_dim": 192,
        "v_head_dim": 256,
    },
    called={"qk_rope_head_dim": ("qk_rope_head_dim", "head_dim")},
    extra={"n_shared_experts": (1,), "n_group": (1,), **MLP_LAYER_TYPES},
    reads=_glm_lite,
)


def _glm_dsa(said: Contents, fields: Fields) -> Fields:
    fields = _deepseek_v32(said, fields)
    has = [word.startswith(("f", "F")) for word in _indexer_types(said, depth_of(fields))]
    listed = tuple(layer for layer, is_own in enumerate(has) if is_own)
    return fields | ({} if all(has) else {"indexer_layers": listed})


def _indexer_types(said: Contents, depth: int) -> list[str]:
    """Return a word for each layer: ``full`` or F has an indexer, others reuse an earlier one."""
    types = said["indexer_types"] or said["index_topk_pattern"]
    if types is not None:
        if not isinstance(types, list | tuple | str) or len(types) != depth:
            raise ValueError(f"indexer_types is {types!r}: it must have a word for each layer")
        return [str(each) for each in types]
    every, skipped = said["index_topk_freq"], said["index_skip_topk_offset"]
    step = max(every, 1) if isinstance(every, int) else 1
    skip = skipped if isinstance(skipped, int) else 2
    return ["shared" if max(n - skip + 1, 0) % step else "full" for n in range(depth)]


GLM_DSA = DEEPSEEK_V32.but(
    name="glm_moe_dsa",
    words="GLM-5",
    builds="GlmMoeDsaForCausalLM",
    usual={"q_lora_rank": 2_048},
    missing=sizes(154_880, 202_752, 6_144, 78, 64)
    | {
        "n_inner": 12_288,
        "q_lora_rank": 2_048,
        "qk_nope_head_dim": 192,
        "v_head_dim": 256,
        "index_n_heads": 32,
    },
    extra={
        **DEEPSEEK_V32.extra,
        "indexer_types": (None,),
        "index_topk_pattern": (None,),
        "index_topk_freq": (1,),
        "index_skip_topk_offset": (2,),
    },
    reads=_glm_dsa,
)

LATENTS = (
    MINICPM3, YOUTU, DEEPSEEK_V2, DEEPSEEK_V3, KIMI_K2, SARVAM_MLA, DEEPSEEK_V32,
    GLM4_LITE, GLM_DSA, AXK1,
)  # fmt: skip
"""The families of this module."""
