"""Meta's families: Llama, Llama 4 and CWM.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.decoders.llamas import BothMasksDecoder
from gpt2calc.model.families.config_keys import HEAD_KEYS, LAYER_TYPES, ONE_BIAS_KEY
from gpt2calc.model.families.expert_layers import with_dense_layers
from gpt2calc.model.families.family import HIDDEN, Contents, Family, Fields, sizes
from gpt2calc.model.families.layers import (
    CHUNKED,
    SLIDING,
    depth_of,
    read_no_rope_list,
    read_window,
    whole_number,
)
from gpt2calc.model.families.module_names import ATTENTION, FEED_FORWARD, MLP, TWO_NORMS, names

LLAMA = Family(
    name="llama",
    words="Llama",
    class_name="LlamaForCausalLM",
    switches={"positions": "rotary", "norm": "rms", "gated_mlp": True, "bias": False},
    defaults=sizes(32_000, 2_048, 4_096, 32, 32) | {"n_inner": 11_008, "tie_embeddings": False},
    names=names(ATTENTION, MLP, TWO_NORMS),
    keys=HIDDEN | HEAD_KEYS | ONE_BIAS_KEY | {"mlp_bias": ("mlp_bias",)},
)


def _cwm(said: Contents, fields: Fields) -> Fields:
    """Read the windows of CWM, where a window of 0 is none."""
    return read_window(said, fields | {"window": fields["window"] or None}, first=0)


CWM = LLAMA.but(
    name="cwm",
    words="CWM",
    class_name="CwmForCausalLM",
    architecture=Architecture(decoder=BothMasksDecoder),
    switches={"full_every": 4},
    defaults=sizes(128_256, 131_072, 6_144, 64, 48)
    | {"n_kv_head": 8, "head_dim": 128, "n_inner": 21_504, "window": 8_192},
    keys={
        "qkv_bias": (),
        "attn_proj_bias": (),
        "window": ("sliding_window",),
    },
    extra_keys=LAYER_TYPES,
    read_extra=_cwm,
    begins_with_full_layer=True,
    required_not_null=("num_key_value_heads", "head_dim"),
)


def _in_chunks(types: object, fields: Fields) -> Fields:
    """Read which layers see a chunk of the tokens; those without rotary positions see all.

    A chunk is read as a window: transformers caches as many tokens of one as of the other.
    """
    if fields["window"] is None:
        return fields | {"full_every": None}
    fields = fields | {"full_every": fields["no_rope_every"]}
    if isinstance(types, list | tuple):
        words = [SLIDING if kind == CHUNKED else kind for kind in types]
        return read_window({"layer_types": words}, fields)
    return fields | {"full_layers": fields.get("no_rope_layers")}


def _llama4(said: Contents, fields: Fields) -> Fields:
    """Read Llama 4: experts in some layers, whose width is another one than that of the MLPs."""
    fields = read_no_rope_list(said, fields) | {"n_inner_shared": fields["n_inner_expert"]}
    fields = _in_chunks(said["layer_types"], fields)
    listed, depth = said["moe_layers"], depth_of(fields)
    if listed is None:
        step = whole_number(said, "interleave_moe_layer_step", 1)
        listed = range(step - 1, depth, step)
    if not isinstance(listed, list | tuple | range):
        raise ValueError(f"moe_layers is {listed!r}: it must be a list of layers")
    dense = [layer for layer in range(depth) if layer not in listed]
    return with_dense_layers(fields, dense)


LLAMA4 = LLAMA.but(
    name="llama4_text",
    words="Llama 4",
    class_name="Llama4ForCausalLM",
    inferable=False,
    architecture=Architecture(
        memory_is_proven=False,
        attends_in_chunks=True,
        runs_all_experts=True,
        decoder=BothMasksDecoder,
        experts_outputs_first=False,
    ),
    switches={
        "shared_gate": False,
        "no_rope_every": 4,
        "full_every": 4,
    },
    family_defaults={"n_inner_shared": 8_192},
    defaults=sizes(202_048, 131_072, 5_120, 48, 40)
    | {
        "window": 8_192,
        "n_kv_head": 8,
        "head_dim": 128,
        "n_inner": 16_384,
        "n_inner_expert": 8_192,
        "n_expert": 16,
        "n_expert_active": 1,
    },
    names=names(
        ATTENTION,
        {
            "experts_in": "feed_forward.experts.gate_up_proj",
            "experts_out": "feed_forward.experts.down_proj",
            "router": "feed_forward.router",
            "shared_gate": "feed_forward.shared_expert.gate_proj",
            "shared_in": "feed_forward.shared_expert.up_proj",
            "shared_out": "feed_forward.shared_expert.down_proj",
            **FEED_FORWARD,
        },
        TWO_NORMS,
    ),
    keys={
        "n_inner": ("intermediate_size_mlp",),
        "n_inner_expert": ("intermediate_size",),
        "n_expert": ("num_local_experts",),
        "n_expert_active": ("num_experts_per_tok",),
        "mlp_bias": (),
        "no_rope_every": ("no_rope_layer_interval",),
        "window": ("attention_chunk_size",),
    },
    extra_keys={
        "moe_layers": (None,),
        "interleave_moe_layer_step": (1,),
        "no_rope_layers": (None,),
        "layer_types": (None,),
    },
    read_extra=_llama4,
)

FAMILIES = (LLAMA, CWM, LLAMA4)
"""The families of this module."""
