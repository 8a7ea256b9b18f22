"""FLOPs of latent attention (MLA) with the up-projection of keys and values absorbed.

Transformers makes the keys and values of all cached tokens anew at every step. Engines multiply
their up-projection into the queries and into attention's output instead: scores are then products
of queries with the cached latents.

Source: DeepSeek-AI 2024, "DeepSeek-V2", section 2.1.2.
"""

from gpt2calc.metrics.matmuls import terms
from gpt2calc.quantity.case import Case

REPLACED = ("kv_up", "scores", "mix")
"""Roles of the products that absorption replaces."""


def absorbed_flops(case: Case) -> int:
    """Return the FLOPs of a forward pass with the up-projection of keys and values absorbed.

    Each of S tokens in B sequences attends to K tokens; each of h heads has n features without
    rotary positions and r with them, and values of width v; a latent has the width c. The full
    square of scores is counted, whether or not the case is causal.

    Args:
        case: a model with latent attention, and a forward pass of it.

    """
    model = case.model
    c, n, r = model.kv_lora_rank, model.qk_nope_head_dim, model.qk_rope_head_dim
    v, h = model.v_head_dim, model.heads
    assert c is not None
    assert n is not None
    assert r is not None
    assert v is not None
    assert h is not None
    B, S, K = case.batch, case.q_len, case.kv_len
    kept = sum(each.amount for each in terms(case) if each.role not in REPLACED)
    of_a_head = n * c + (c + r) * K + c * K + c * v
    return int(kept + model.attentions * 2 * B * S * h * of_a_head)
