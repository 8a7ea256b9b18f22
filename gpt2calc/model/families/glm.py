"""GLM's families, with and without experts, and with latent attention.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from fractions import Fraction

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.attention.partial_rotary import GLMRotary, NeoXRotary
from gpt2calc.model.decoders.llamas import MixtralDecoder
from gpt2calc.model.families.config_keys import MLP_LAYER_TYPES, OF_ROPE, ROUTED_KEYS
from gpt2calc.model.families.deepseek import DEEPSEEK_V3, DEEPSEEK_V32, read_deepseek_v32
from gpt2calc.model.families.expert_layers import read_first_dense, read_mlp_types, read_shared
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of, read_rotary_dim
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    JOINT_MLP,
    MLP,
    NORMS_OF_HEADS,
    ONE_BY_ONE,
    POST_NORMS,
    ROUTER,
    SHARED,
    TWO_NORMS,
    names,
)
from gpt2calc.model.families.phi import PHI3
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import GroupedRouter

_GLM = Architecture(rotary=GLMRotary, rotary_part=Fraction(1, 2))
GLM = PHI3.but(
    name="glm",
    words="GLM",
    class_name="GlmForCausalLM",
    architecture=_GLM,
    defaults=sizes(151_552, 131_072, 4_096, 40, 32)
    | {"n_kv_head": 2, "head_dim": 128, "n_inner": 13_696, "qkv_bias": True},
    names=names(ATTENTION, JOINT_MLP, TWO_NORMS),
    keys={
        "qkv_bias": ("attention_bias",),
        "head_dim": ("head_dim",),
        "window": (),
    },
    required_not_null=("num_key_value_heads", "head_dim"),
)
GLM4 = GLM.but(
    name="glm4",
    words="GLM-4",
    class_name="Glm4ForCausalLM",
    switches={"norm_place": "both"},
    names=names(
        ATTENTION,
        JOINT_MLP,
        POST_NORMS,
    ),
)


def read_glm4_moe(said: Contents, fields: Fields) -> Fields:
    fields = read_rotary_dim(said, fields)
    fields = read_shared(said, fields, "n_shared_experts")
    fields = fields | {"qk_norm": "head" if said["use_qk_norm"] else "none"}
    return read_first_dense(said, fields)


GLM4_MOE = LLAMA.but(
    name="glm4_moe",
    words="GLM-4.5",
    class_name="Glm4MoeForCausalLM",
    inferable=False,
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
    family_defaults={"n_inner_shared": 1_408, "dense_layers": (0,)},
    defaults=sizes(151_552, 131_072, 4_096, 46, 96)
    | {
        "n_kv_head": 8,
        "n_inner": 10_944,
        "n_expert": 128,
        "n_expert_active": 8,
        "n_inner_expert": 1_408,
        "qkv_bias": False,
    },
    names=names(ATTENTION, NORMS_OF_HEADS, EXPERTS_JOINED, ROUTER, SHARED, MLP, TWO_NORMS),
    keys=ROUTED_KEYS | {"attn_proj_bias": (), "mlp_bias": ()},
    extra_keys={
        "n_shared_experts": (1,),
        "first_k_dense_replace": (1,),
        "use_qk_norm": (False, True),
        **OF_ROPE,
    },
    read_extra=read_glm4_moe,
    hub=ONE_BY_ONE,
)


def _glm_lite(said: Contents, fields: Fields) -> Fields:
    fields = read_shared(said, fields, "n_shared_experts")
    return read_mlp_types(said, fields, first_dense=1)


GLM4_LITE = DEEPSEEK_V3.but(
    name="glm4_moe_lite",
    words="GLM-4.7-Flash",
    class_name="Glm4MoeLiteForCausalLM",
    family_defaults={"n_inner_shared": 1_536, "dense_layers": (0,)},
    defaults=sizes(154_880, 202_752, 2_048, 47, 20)
    | {
        "n_inner": 10_240,
        "n_expert": 64,
        "n_expert_active": 4,
        "n_inner_expert": 1_536,
        "q_lora_rank": 768,
        "qk_nope_head_dim": 192,
        "v_head_dim": 256,
    },
    keys={"qk_rope_head_dim": ("qk_rope_head_dim", "head_dim")},
    extra_keys={"n_shared_experts": (1,), "n_group": (1,), **MLP_LAYER_TYPES},
    read_extra=_glm_lite,
)


def _glm_dsa(said: Contents, fields: Fields) -> Fields:
    fields = read_deepseek_v32(said, fields)
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
    class_name="GlmMoeDsaForCausalLM",
    family_defaults={"q_lora_rank": 2_048},
    defaults=sizes(154_880, 202_752, 6_144, 78, 64)
    | {
        "n_inner": 12_288,
        "q_lora_rank": 2_048,
        "qk_nope_head_dim": 192,
        "v_head_dim": 256,
        "index_n_heads": 32,
    },
    extra_keys={
        **DEEPSEEK_V32.extra_keys,
        "indexer_types": (None,),
        "index_topk_pattern": (None,),
        "index_topk_freq": (1,),
        "index_skip_topk_offset": (2,),
    },
    read_extra=_glm_dsa,
)

FAMILIES = (GLM, GLM4, GLM4_MOE, GLM4_LITE, GLM_DSA)
"""The families of this module."""
