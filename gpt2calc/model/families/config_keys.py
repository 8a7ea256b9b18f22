"""Keys of a ``config.json`` that several families share.

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
