"""Cohere's families.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import NORMED, Architecture
from gpt2calc.model.attention.projections import NormedBeforeTransposing
from gpt2calc.model.attention.rotary import CohereRotary
from gpt2calc.model.blocks.parallel import CohereBlock
from gpt2calc.model.decoders.llamas import Cohere2Decoder, ScaledLogitsDecoder
from gpt2calc.model.families.config_keys import LAYER_TYPES, MLP_LAYER_TYPES
from gpt2calc.model.families.expert_layers import read_mlp_types, read_shared
from gpt2calc.model.families.family import Contents, Fields, sizes
from gpt2calc.model.families.layers import read_window, whole_number, without_rope_where_full
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import (
    ATTENTION,
    EXPERTS_JOINED,
    MLP,
    NORMS_OF_HEADS,
    ONE_BY_ONE,
    ROUTER,
    SHARED,
    names,
)
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import ChosenFirst
from gpt2calc.model.norms import CohereNorm


def _cohere(said: Contents, fields: Fields) -> Fields:
    return fields | ({"qk_norm": "heads"} if said["use_qk_norm"] else {})


COHERE = LLAMA.but(
    name="cohere",
    words="Cohere",
    class_name="CohereForCausalLM",
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
    defaults=sizes(256_000, 8_192, 8_192, 40, 64) | {"n_inner": 22_528, "tie_embeddings": True},
    names=names(ATTENTION, NORMS_OF_HEADS, MLP, {"attention_norm": "input_layernorm"}),
    keys={"mlp_bias": ()},
    extra_keys={"use_qk_norm": (False, True)},
    read_extra=_cohere,
)


def without_rope(said: Contents, fields: Fields) -> Fields:
    """Read Cohere 2's windows: layers without a window have no rotary positions either."""
    return without_rope_where_full(read_window(said, fields))


COHERE2 = COHERE.but(
    name="cohere2",
    words="Cohere 2",
    class_name="Cohere2ForCausalLM",
    architecture=replace(COHERE.architecture, decoder=Cohere2Decoder),
    switches={"full_every": 4, "no_rope_every": 4},
    defaults={"window": 4_096},
    keys={
        "window": ("sliding_window",),
        "full_every": ("sliding_window_pattern",),
    },
    extra_keys=LAYER_TYPES,
    read_extra=without_rope,
)


def _cohere2_moe(said: Contents, fields: Fields) -> Fields:
    if fields.get("n_inner") is None:
        fields = fields | {"n_inner": fields["n_inner_expert"]}
    fields = read_shared(said, without_rope(said, fields), "num_shared_experts")
    return read_mlp_types(said, fields, whole_number(said, "first_k_dense_replace"))


COHERE2_MOE = COHERE2.but(
    name="cohere2_moe",
    words="Cohere 2 MoE",
    class_name="Cohere2MoeForCausalLM",
    inferable=False,
    architecture=replace(
        COHERE2.architecture,
        memory_is_proven=False,
        decoder=Cohere2Decoder,
        router=ChosenFirst,
        experts=SharedLast,
    ),
    switches={"shared_gate": False},
    defaults={
        "head_dim": 128,
        "n_inner": None,
        "n_inner_expert": 22_528,
        "n_expert": 8,
        "n_expert_active": 2,
    },
    names=names(
        ATTENTION, ROUTER, EXPERTS_JOINED, SHARED, MLP, {"attention_norm": "input_layernorm"}
    ),
    keys={
        "n_expert": ("num_experts",),
        "n_expert_active": ("num_experts_per_tok",),
        "n_inner": ("prefix_dense_intermediate_size",),
        "n_inner_expert": ("intermediate_size",),
    },
    extra_keys={
        **COHERE2.extra_keys,
        "num_shared_experts": (0,),
        "first_k_dense_replace": (0,),
        **MLP_LAYER_TYPES,
    },
    read_extra=_cohere2_moe,
    hub=ONE_BY_ONE,
)

FAMILIES = (COHERE, COHERE2, COHERE2_MOE)
"""The families of this module."""
