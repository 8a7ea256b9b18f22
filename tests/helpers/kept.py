"""What a layer keeps of a token, read off the shapes of its matrices."""

from gpt2calc.model.config import ModelConfig
from gpt2calc.model.tensors import layers_tensors


def numbers_of_a_token(config: ModelConfig, layer: int) -> int:
    """Return how many numbers of keys and values a layer with attention keeps of a token.

    They are as many as the rows of the matrices that make them. Keys without values of their own
    are kept twice; a layer that has neither keeps none.
    """
    if config.is_latent:
        return config.kv_lora_rank + config.qk_rope_head_dim
    listed = layers_tensors(config)[layer]
    if any(tensor.role == "qkv" for tensor in listed):
        heads = config.heads
        return 2 * (config.n_kv_head or heads) * (config.head_dim or config.n_embd // heads)
    rows = {each.role: each.shape[0] for each in listed if each.kind == "weight"}
    return rows.get("key", 0) + rows.get("value", rows.get("key", 0))
