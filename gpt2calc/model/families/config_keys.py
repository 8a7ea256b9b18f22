"""Keys of a ``config.json`` that several families share, and values of these.

Source: ``models/*/configuration_*.py`` of transformers 5.
"""

from gpt2calc.model.families.family import Called

EXPERT_KEYS: Called = {
    "n_expert": ("num_experts",),
    "n_expert_active": ("num_experts_per_tok",),
    "n_inner_expert": ("moe_intermediate_size",),
}
"""What Qwen and others call the experts."""
ROUTED_KEYS: Called = {**EXPERT_KEYS, "n_expert": ("n_routed_experts", "num_local_experts")}
"""What DeepSeek and others call the experts."""
LAYER_TYPES: dict[str, tuple[object, ...]] = {"layer_types": (None,)}
"""``Family.extra_keys`` where a list may name what each layer has in the place of attention."""
OF_QWENS: dict[str, tuple[object, ...]] = {
    "use_sliding_window": (False, True),
    "max_window_layers": (28,),
    **LAYER_TYPES,
}
"""``Family.extra_keys`` of Qwen 2 and 3."""
OF_ROPE: dict[str, tuple[object, ...]] = {
    "partial_rotary_factor": (None,),
    "rope_parameters": (None,),
}
"""``Family.extra_keys`` where a share of each head may be rotated."""
MLP_LAYER_TYPES: dict[str, tuple[object, ...]] = {"mlp_layer_types": (None,)}
"""``Family.extra_keys`` where a list may say which layers have experts."""
SPARSE: dict[str, tuple[object, ...]] = {"decoder_sparse_step": (1,), "mlp_only_layers": ((),)}
"""``Family.extra_keys`` where two keys say which layers have experts."""
SHARED_NUMBER = ("n_shared_experts", "num_shared_experts")
"""What some families call the number of shared experts; the second name is an alias, which wins."""
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
HEAD_KEYS = {"n_kv_head": ("num_key_value_heads",), "head_dim": ("head_dim",)}
ONE_BIAS_KEY = {"qkv_bias": ("attention_bias",), "attn_proj_bias": ("attention_bias",)}
MAMBA_KEYS: Called = {
    "mixer_heads": ("mamba_n_heads",),
    "mixer_key_heads": ("mamba_n_groups",),
    "mixer_state_dim": ("mamba_d_state",),
    "mixer_kernel": ("mamba_d_conv",),
    "mixer_conv_bias": ("mamba_conv_bias",),
    "mixer_bias": ("mamba_proj_bias",),
}
"""What Granite 4, Bamba and Falcon-H1 call the sizes of Mamba 2."""
MAMBA_SIZES = {
    "mixer_heads": 128,
    "mixer_key_heads": 1,
    "mixer_state_dim": 256,
    "mixer_kernel": 4,
    "mixer_conv_bias": True,
    "mixer_bias": False,
}
"""Their sizes of it."""
OF_EXPANSION: dict[str, tuple[object, ...]] = {
    "mamba_expand": (2,),
    "mamba_d_head": ("auto",),
}
"""``Family.extra_keys`` where the width of Mamba's heads follows from the model's."""
