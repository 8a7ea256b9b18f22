"""Builder of latent attention (MLA) from a config, with the indexer of sparse attention."""

from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.attention.latent import Indexer, LatentAttention, LatentQuery, LatentSizes
from gpt2calc.model.attention.rotary import Rotary
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.linear import Linear
from gpt2calc.model.norms import LayerNorm


def latent_attention(
    config: ModelConfig, heads: Heads, rotary: Rotary | None, *, has_indexer: bool
) -> LatentAttention:
    """Return attention whose keys and values are made of a latent.

    c and q are the widths of the latents of keys and values, and of queries; n, r and v those of a
    head without rotary positions, with them, and of its values; h the number of heads.
    """
    architecture, d = config.architecture, config.n_embd
    c, h = config.kv_lora_rank, heads.query
    n, r, v = config.qk_nope_head_dim, config.qk_rope_head_dim, config.v_head_dim
    assert c is not None
    assert n is not None
    assert r is not None
    assert v is not None
    bias = config.biased("qkv_bias")
    return LatentAttention(
        _query(config, h * (n + r)),
        Linear("kv_down", d, c + r, bias),
        architecture.rms_norm("kv_latent_norm", (c,)),
        Linear("kv_up", c, h * (n + v)),
        Linear("attention_out", h * v, d, config.biased("attn_proj_bias")),
        rotary=rotary,
        scores=architecture.scores(heads),
        sizes=LatentSizes(h, c, n, r, v),
        indexer=_indexer(config) if has_indexer else None,
    )


def _query(config: ModelConfig, width: int) -> LatentQuery:
    """Return what makes the queries of all heads together, so wide: of a latent, if it has one."""
    d, q = config.n_embd, config.q_lora_rank
    if q is None:
        return LatentQuery(None, None, Linear("query", d, width))
    return LatentQuery(
        Linear("query_down", d, q, config.biased("qkv_bias")),
        config.architecture.rms_norm("query_latent_norm", (q,)),
        Linear("query_up", q, width),
    )


def _indexer(config: ModelConfig) -> Indexer:
    """Return an indexer of i heads, each j wide, whose queries are made of the queries' latent."""
    d, q, i, j = config.n_embd, config.q_lora_rank, config.index_n_heads, config.index_head_dim
    assert q is not None
    assert i is not None
    assert j is not None
    return Indexer(
        Linear("index_query", q, i * j),
        Linear("index_key", d, j),
        LayerNorm("index_key_norm", (j,), shift=True),
        Linear("index_weights", d, i),
        j,
    )
