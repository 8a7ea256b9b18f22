"""Other families of latent attention: MiniCPM 3, Youtu-LLM and A.X-K1.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.decoders.llamas import ScaledLogitsDecoder
from gpt2calc.model.families.config_keys import LATENT_KEYS, LATENT_SIZES, MLP_LAYER_TYPES
from gpt2calc.model.families.deepseek import DEEPSEEK_V3, LATENT
from gpt2calc.model.families.expert_layers import read_mlp_types, read_shared, with_dense_layers
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import depth_of, whole_number
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import (
    EXPERTS_JOINED,
    LATENT_ATTENTION,
    MLP,
    ROUTER,
    SHARED,
    TWO_NORMS,
    names,
)
from gpt2calc.model.linear import ScaledEmbedding


def _minicpm3(_: Contents, fields: Fields) -> Fields:
    """Read the width of a head's values: ``n_embd / n_head`` where ``v_head_dim`` is not given."""
    width, heads = fields["n_embd"], fields["n_head"]
    if fields.get("v_head_dim") or type(width) is not int or type(heads) is not int or heads < 1:
        return fields
    return fields | {"v_head_dim": width // heads}


MINICPM3 = LLAMA.but(
    name="minicpm3",
    words="MiniCPM 3",
    class_name="MiniCPM3ForCausalLM",
    inferable=False,
    architecture=replace(
        LATENT,
        decoder=ScaledLogitsDecoder,
        embedding=ScaledEmbedding,
        residual_is_scaled=True,
    ),
    family_defaults={"v_head_dim": 64},
    defaults=sizes(73_448, 32_768, 2_560, 62, 40)
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
    keys=LATENT_KEYS,
    read_extra=_minicpm3,
)
YOUTU = LLAMA.but(
    name="youtu",
    words="Youtu-LLM",
    class_name="YoutuForCausalLM",
    inferable=False,
    architecture=LATENT,
    defaults=sizes(128_256, 131_072, 2_048, 32, 16)
    | {"n_inner": 6_144, "tie_embeddings": True, **LATENT_SIZES},
    names=names(LATENT_ATTENTION, MLP, TWO_NORMS),
    keys=LATENT_KEYS | {"mlp_bias": ()},
)


def _axk1(said: Contents, fields: Fields) -> Fields:
    first = whole_number(said, "first_k_dense_replace")
    step = whole_number(said, "moe_layer_freq", 1)
    fields = read_shared(said, fields, "n_shared_experts")
    if said["mlp_layer_types"] is not None:
        return read_mlp_types(said, fields)
    return with_dense_layers(fields, [n for n in range(depth_of(fields)) if n < first or n % step])


AXK1 = DEEPSEEK_V3.but(
    name="axk1",
    words="A.X-K1",
    class_name="AXK1ForCausalLM",
    switches={"norm_after_experts": True},
    family_defaults={"dense_layers": (0,)},
    defaults=sizes(163_840, 32_768, 7_168, 61, 64) | {"n_expert": 192},
    names=names(
        LATENT_ATTENTION,
        EXPERTS_JOINED,
        ROUTER,
        SHARED,
        {"experts_post_norm": "mlp.post_mlp_layernorm"},
        MLP,
        TWO_NORMS,
    ),
    extra_keys={
        **DEEPSEEK_V3.extra_keys,
        "first_k_dense_replace": (1,),
        "moe_layer_freq": (1,),
        **MLP_LAYER_TYPES,
    },
    read_extra=_axk1,
    required_not_null=("q_lora_rank",),
)

FAMILIES = (MINICPM3, YOUTU, AXK1)
"""The families of this module."""
