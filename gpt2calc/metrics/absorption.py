"""What latent attention takes where keys and values are never made of the cached latents.

Transformers makes the keys and values of all tokens seen anew at every step. Engines multiply the
matrix that makes them into the queries, and what is mixed, instead: scores are then of latents.

Source: DeepSeek-AI 2024, "DeepSeek-V2", section 2.1.2.
"""

from gpt2calc.metrics.matmuls import terms
from gpt2calc.quantity.case import Case

REPLACED = ("kv_up", "scores", "mix")
"""The products that are done in another way."""


def absorbed_flops(case: Case) -> int:
    """Return the FLOPs of a forward pass with the matrix of keys and values absorbed.

    B sequences of S tokens, which meet K; h heads of width n without rotary positions and r with
    them, values v wide, and a latent of c.

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
