"""Gemma, Gemma 2 and 3, and VaultGemma.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from dataclasses import replace

from gpt2calc.model.architecture import NORMED, Architecture
from gpt2calc.model.attention.projections import NormedAfterTransposing
from gpt2calc.model.attention.scores import CappedScores
from gpt2calc.model.decoders.llamas import Gemma2Decoder, Gemma3Decoder
from gpt2calc.model.families.config_keys import LAYER_TYPES
from gpt2calc.model.families.family import sizes
from gpt2calc.model.families.layers import read_window
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import ATTENTION, FOUR_NORMS, MLP, NORMS_OF_HEADS, names
from gpt2calc.model.linear import GemmaEmbedding
from gpt2calc.model.norms import RMSNormPlusOne

_GEMMA = Architecture(embedding=GemmaEmbedding, rms_norm=RMSNormPlusOne, activation="gelu")
GEMMA = LLAMA.but(
    name="gemma",
    words="Gemma",
    class_name="GemmaForCausalLM",
    architecture=_GEMMA,
    defaults=sizes(256_000, 8_192, 3_072, 28, 16)
    | {"n_kv_head": 16, "head_dim": 256, "n_inner": 24_576, "tie_embeddings": True},
    keys={"mlp_bias": ()},
    required_not_null=("num_key_value_heads", "head_dim"),
)
GEMMA2 = GEMMA.but(
    name="gemma2",
    words="Gemma 2",
    class_name="Gemma2ForCausalLM",
    architecture=replace(_GEMMA, decoder=Gemma2Decoder, scores=CappedScores, has_sdpa=False),
    switches={"norm_place": "both", "full_every": 2},
    defaults={
        "n_embd": 2_304,
        "n_layer": 26,
        "n_head": 8,
        "n_kv_head": 4,
        "n_inner": 9_216,
        "window": 4_096,
    },
    keys={"window": ("sliding_window",)},
    extra_keys=LAYER_TYPES,
    read_extra=read_window,
    names=names(ATTENTION, MLP, FOUR_NORMS),
)
GEMMA3 = GEMMA2.but(
    name="gemma3_text",
    words="Gemma 3",
    class_name="Gemma3ForCausalLM",
    architecture=replace(
        _GEMMA,
        decoder=Gemma3Decoder,
        separate_with_norms={**NORMED, "head": NormedAfterTransposing},
    ),
    switches={"qk_norm": "head", "full_every": 6},
    defaults={"vocab": 262_208, "n_ctx": 131_072},
    keys={"full_every": ("sliding_window_pattern",)},
    names=names(ATTENTION, NORMS_OF_HEADS, MLP, FOUR_NORMS),
)
VAULTGEMMA = GEMMA2.but(
    name="vaultgemma",
    words="VaultGemma",
    class_name="VaultGemmaForCausalLM",
    switches={"norm_place": "before"},
    names=names(
        ATTENTION,
        MLP,
        {name: FOUR_NORMS[name] for name in ("attention_norm", "mlp_norm")},
    ),
)

FAMILIES = (GEMMA, GEMMA2, GEMMA3, VAULTGEMMA)
"""The families of this module."""
