"""Writes a config as the ``config.json`` of its family, of which transformers builds its class."""

from collections.abc import Callable
from itertools import pairwise, product

from gpt2calc.errors import UserError
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families import dbrx
from gpt2calc.model.families.family import NOT_SAID, Family
from gpt2calc.model.families.layers import CHUNKED, FULL, SLIDING
from gpt2calc.model.families.table import family_called
from gpt2calc.model.sources.config_json import from_contents

OF_HEADS = ("n_head", "n_kv_head", "head_dim")
"""Fields that no shape depends on where the number of heads is not known."""

MAY_BE_NULL = ("window", "q_lora_rank")
"""Sizes that a class has by default, and that a null takes away."""


def in_their_words(config: ModelConfig) -> dict[str, object]:
    """Return what a ``config.json`` of the model's family says of it.

    Raises:
        UserError: no config of the family describes such a model.

    """
    family = config.of_family
    base = family_called(family.model_type)
    keys = {
        name: names[0]
        for name, names in base.keys.items()
        if names and (getattr(config, name) is not None or base.defaults.get(name) is not None)
    }
    values = {name: config.value(name) for name in keys}
    for key in base.keys["n_head"][:1]:
        keys["n_head"] = key
        values["n_head"] = config.heads or 1  # where it is not known, no shape depends on it
    contents: dict[str, object] = {"model_type": family.model_type}
    if config.is_latent:  # a word of the class that changes no tensor, and must fit
        contents["num_key_value_heads"] = config.heads
    contents |= {
        keys[name]: value
        for name, value in values.items()
        if value is not None or (name in MAY_BE_NULL and keys[name] not in base.required_not_null)
    }
    for chosen in product(*base.extra_keys.values()):
        extra = dict(zip(base.extra_keys, chosen, strict=True)) | _numbers(base, config)
        given = {key: value for key, value in extra.items() if value not in (None, NOT_SAID)}
        said = contents | given
        try:
            read = from_contents(said, family.words)
        except UserError:
            continue
        if not _differing(read, config):
            return said | {"model_type": family.built_as or family.model_type}
    plain = from_contents(contents | _numbers(base, config), family.words)
    first = next((config.said(name) or name for name in _differing(plain, config)), "such layers")
    raise UserError(
        f"transformers' {family.words} cannot be built with {first}, and compared: verify the same "
        "model as its family has it"
    )


def _numbers(family: Family, config: ModelConfig) -> dict[str, object]:
    """Return those of the family's extra keys whose values follow from the config alone."""
    told: dict[str, Callable[[], object]] = {
        "num_kv_heads": lambda: config.value("n_kv_head"),
        "num_key_value_heads": lambda: config.full_n_kv_head or _half_of_kv_heads(config),
        "global_head_dim": lambda: config.full_head_dim or config.head_width,
        "num_global_key_value_heads": lambda: config.full_n_kv_head or config.value("n_kv_head"),
        "num_kv_shared_layers": lambda: len(config.shared_kv_layers or ()),
        "hidden_size_per_layer_input": lambda: config.per_layer_dim or 0,
        "num_attention_heads_per_layer": lambda: _heads_by_layer(config),
        "altup_num_inputs": lambda: config.altup_inputs,
        "enable_moe_block": lambda: config.n_expert is not None,
        "mlp_only_layers": lambda: _dense_layers(config),
        "word_embed_proj_dim": lambda: config.token_width or config.n_embd,
        "attention_types": lambda: [[[kind], 1] for kind in _kinds(config, "global", "local")],
        "layer_types": lambda: _layer_types(config),
        "mamba_d_head": lambda: config.mixer_head_dim,
        "mamba_expand": lambda: _expansion(config),
        "intermediate_size": lambda: config.mixer_heads,
        "mamba_d_ssm": lambda: (config.mixer_heads or 0) * (config.mixer_head_dim or 0),
        "projectors_bias": lambda: config.mixer_bias,
        "expand": lambda: _expansion(config),
        "layers_block_type": lambda: _block_types(config),
        "time_step_rank": lambda: config.mixer_rank,
        "mamba_dt_rank": lambda: config.mixer_rank,
        "attn_layer_period": lambda: _turns(_attention_layers(config), config)[0],
        "attn_layer_offset": lambda: _turns(_attention_layers(config), config)[1],
        "expert_layer_period": lambda: _turns(_sparse_layers(config), config)[0],
        "expert_layer_offset": lambda: _turns(_sparse_layers(config), config)[1],
        "attn_layer_indices": lambda: _attention_layers(config),
        "num_dense_layers": lambda: _first_dense(config),
        "position_embedding_type": lambda: "rope" if config.positions == "rotary" else None,
        "block_auto_adjust_ff_dim": lambda: False,
        "use_sliding_window": lambda: config.window is not None,
        "no_rope_layers": lambda: [int(config.has_rope(n)) for n in range(config.n_layer)],
        "rope_parameters": lambda: _rope_parameters(config),
        "indexer_types": lambda: _indexer_types(config),
        "attn_config": lambda: _attn_config(config),
        "ffn_config": lambda: _ffn_config(config),
        "n_group": lambda: 1,
        "topk_group": lambda: 1,
        "index_topk_freq": lambda: 1,
        "index_skip_topk_offset": lambda: 2,
        "max_window_layers": lambda: config.n_layer,
        "n_shared_experts": lambda: _shared_experts(config),
        "num_shared_experts": lambda: _shared_experts(config),
        "moe_num_shared_experts": lambda: _shared_experts(config),
        "first_k_dense_replace": lambda: _first_dense(config),
        "mlp_layer_types": lambda: _mlp_types(config),
        "moe_layers": lambda: _sparse_layers(config),
        "moe_layer_start_index": lambda: min(_sparse_layers(config), default=config.n_layer),
        "moe_layer_end_index": lambda: max(_sparse_layers(config), default=config.n_layer),
        "moe_layer_interval": lambda: _interval(_sparse_layers(config)),
    }
    return {key: tell() for key, tell in told.items() if key in family.extra_keys}


def _attn_config(config: ModelConfig) -> dict[str, object] | None:
    """Return DBRX's config of attention; MPT's says nothing that changes a tensor."""
    if config.of_family.name != "dbrx":
        return None
    numbers = {word: config.value(name) for word, name in dbrx.OF_ATTENTION.items()}
    return numbers | {"clip_qkv": 8, "rope_theta": 10_000.0}


def _ffn_config(config: ModelConfig) -> dict[str, object]:
    return {word: config.value(name) for word, name in dbrx.OF_EXPERTS.items()}


def _heads_by_layer(config: ModelConfig) -> list[int | None]:
    full = config.n_head if config.full_n_head is None else config.full_n_head
    layers = range(config.n_layer)
    return [full if config.window_of(layer) is None else config.n_head for layer in layers]


def _half_of_kv_heads(config: ModelConfig) -> int | None:
    """Return the KV heads as MiMo-V2 says them: layers with a window have twice as many."""
    groups = config.n_kv_head
    return groups if groups is None or config.window is None else groups // 2


def _layer_types(config: ModelConfig) -> list[str]:
    """Return what each layer is called, in the words of the family's class."""
    if config.mlp_layers is not None:
        return _block_types(config)
    if config.mixer == "attention":
        return _kinds(config, FULL, CHUNKED if config.family == "llama4_text" else SLIDING)
    other = "conv" if config.mixer == "short_conv" else "linear_attention"
    if config.window is not None:
        kinds = _kinds(config, FULL, SLIDING)
        mixers = map(config.mixer_of, range(config.n_layer))
        return [
            kind if mixer == "attention" else other
            for kind, mixer in zip(kinds, mixers, strict=True)
        ]
    mixers = map(config.mixer_of, range(config.n_layer))
    return [FULL if mixer == "attention" else other for mixer in mixers]


def _attention_layers(config: ModelConfig) -> list[int]:
    return [n for n in range(config.n_layer) if config.mixer_of(n) == "attention"]


def _expansion(config: ModelConfig) -> int:
    """Return the width of all heads of the mixer together, as a multiple of the model's width.

    Without a mixer it changes no tensor, and must only fit the class's default number of heads.
    """
    if config.mixer_heads is None:
        return 128
    return config.mixer_heads * (config.mixer_head_dim or 1) // config.n_embd


def _block_types(config: ModelConfig) -> list[str]:
    """Return what each block is, where each has one part: a mixer, attention, an MLP or experts."""
    kinds = {"attention": FULL, "none": "moe"}
    dense = _dense_layers(config)
    return [
        "mlp" if mixer == "none" and layer in dense else kinds.get(mixer, "linear_attention")
        for layer, mixer in enumerate(map(config.mixer_of, range(config.n_layer)))
    ]


def _turns(layers: list[int], config: ModelConfig) -> tuple[int, int]:
    """Return the period at which the layers of a list follow each other, and the first of them."""
    first = layers[0] if layers else config.n_layer
    if len(layers) > 1:
        return layers[1] - first, first
    return max(first + 1, config.n_layer - first), first


def _kinds(config: ModelConfig, full: str, windowed: str) -> list[str]:
    """Return the word for each layer: that for one without a window, or with it."""
    layers = range(config.n_layer)
    return [full if config.window_of(layer) is None else windowed for layer in layers]


def _rope_parameters(config: ModelConfig) -> dict[str, object] | None:
    """Return the key that says how much of a head is rotated; None for the family's share."""
    if config.rotary_dim is None or config.head_width is None:
        return None
    share = (config.rotary_dim + 0.01) / config.head_width
    return {"rope_type": "default", "rope_theta": 10_000.0, "partial_rotary_factor": share}


def _dense_layers(config: ModelConfig) -> list[int]:
    return list(range(config.n_layer) if config.n_expert is None else config.dense_layers)


def _indexer_types(config: ModelConfig) -> list[str]:
    layers = range(config.n_layer)
    return ["full" if config.has_indexer(layer) else "shared" for layer in layers]


def _sparse_layers(config: ModelConfig) -> list[int]:
    return [layer for layer in range(config.n_layer) if layer not in _dense_layers(config)]


def _mlp_types(config: ModelConfig) -> list[str]:
    dense = _dense_layers(config)
    return ["dense" if layer in dense else "sparse" for layer in range(config.n_layer)]


def _first_dense(config: ModelConfig) -> int:
    """Return how many layers have no experts, if these are the first ones; else 0."""
    dense = _dense_layers(config)
    return len(dense) if dense == list(range(len(dense))) else 0


def _shared_experts(config: ModelConfig) -> int:
    """Return the width of the MLP that every token goes through, in widths of an expert."""
    if config.n_expert is None:
        return 1
    return (config.n_inner_shared or 0) // (config.expert_width or 1)


def _interval(sparse: list[int]) -> int:
    """Return the step between layers with experts."""
    between = {later - earlier for earlier, later in pairwise(sparse)}
    return min(between, default=sparse[0] + 1 if sparse else 1)


def _differing(one: ModelConfig, other: ModelConfig) -> list[str]:
    """Return the fields in which two configs differ; heads that are not known are the same."""
    return [
        name
        for name in ModelConfig.known
        if one.value(name) != other.value(name) and (other.heads or name not in OF_HEADS)
    ]
