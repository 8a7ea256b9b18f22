"""Names of modules that several families share, by role.

Source: ``models/*/modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.names import Names

ATTENTION = {
    "query": "self_attn.q_proj",
    "key": "self_attn.k_proj",
    "value": "self_attn.v_proj",
    "attention_out": "self_attn.o_proj",
}
NORMS_OF_HEADS = {"query_norm": "self_attn.q_norm", "key_norm": "self_attn.k_norm"}
MLP = {"mlp_gate": "mlp.gate_proj", "mlp_in": "mlp.up_proj", "mlp_out": "mlp.down_proj"}
TWO_NORMS = {"attention_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"}
FOUR_NORMS = {
    "attention_norm": "input_layernorm",
    "attention_post_norm": "post_attention_layernorm",
    "mlp_norm": "pre_feedforward_layernorm",
    "mlp_post_norm": "post_feedforward_layernorm",
}
NORMS_AFTER = {
    "attention_norm": "post_attention_layernorm",
    "mlp_norm": "post_feedforward_layernorm",
}
"""OLMo 2's names of norms that stand behind attention and MLP."""
SINKS = {"sinks": "self_attn.sinks"}
FEED_FORWARD = {
    "mlp_gate": "feed_forward.gate_proj",
    "mlp_in": "feed_forward.up_proj",
    "mlp_out": "feed_forward.down_proj",
}
POST_NORMS = {
    "attention_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "attention_post_norm": "post_self_attn_layernorm",
    "mlp_post_norm": "post_mlp_layernorm",
}
"""GLM-4's names of a block's four norms."""


def names(*parts: dict[str, str]) -> Names:
    """Return the names of a model built like Llama; give a block's parts in PyTorch's order."""
    modules = {"token_embedding": "embed_tokens"}
    for part in parts:
        modules |= part
    return Names("model.", "layers.*.", modules | {"final_norm": "norm", "head": "lm_head"})


def with_final_norm(called: Names, module: str) -> Names:
    """Return the names with ``module`` for the norm after the last block."""
    return called._replace(modules={**called.modules, "final_norm": module})


ROUTER = {"router": "mlp.gate"}
EXPERTS_JOINED = {"experts_in": "mlp.experts.gate_up_proj", "experts_out": "mlp.experts.down_proj"}
SHARED_ONE = {
    "shared_gate": "mlp.shared_expert.gate_proj",
    "shared_in": "mlp.shared_expert.up_proj",
    "shared_out": "mlp.shared_expert.down_proj",
}
"""Qwen's names of the expert that every token goes through."""
SHARED_ROUTER = {"shared_router": "mlp.shared_expert_gate"}
"""Qwen's name of that expert's gate."""
SHARED = {
    "shared_gate": "mlp.shared_experts.gate_proj",
    "shared_in": "mlp.shared_experts.up_proj",
    "shared_out": "mlp.shared_experts.down_proj",
}
"""DeepSeek's names of the experts that every token goes through, which are one MLP."""
ONE_BY_ONE = {
    "experts_in": (
        "layers.*.mlp.experts.*.gate_proj.weight",
        "layers.*.mlp.experts.*.up_proj.weight",
    ),
    "experts_out": ("layers.*.mlp.experts.*.down_proj.weight",),
}
"""``Family.hub`` where checkpoints have the matrices of each expert by themselves."""
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
INDEXER = {
    "index_query": "self_attn.indexer.wq_b",
    "index_key": "self_attn.indexer.wk",
    "index_key_norm": "self_attn.indexer.k_norm",
    "index_weights": "self_attn.indexer.weights_proj",
}
UNGATED_MLP = {"mlp_in": "mlp.up_proj", "mlp_out": "mlp.down_proj"}
JOINT_MLP = {"mlp_gate_in": "mlp.gate_up_proj", "mlp_out": "mlp.down_proj"}
MAMBA_NAMES = {
    "mixer_step": "mamba.dt_bias",
    "mixer_log_decay": "mamba.A_log",
    "mixer_skip": "mamba.D",
    "mixer_conv": "mamba.conv1d",
    "mixer_in": "mamba.in_proj",
    "mixer_norm": "mamba.norm",
    "mixer_out": "mamba.out_proj",
}
FEED_FORWARD_NORMS = {"attention_norm": "input_layernorm", "mlp_norm": "pre_ff_layernorm"}
