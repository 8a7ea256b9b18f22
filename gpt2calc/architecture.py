"""The forward pass, operation by operation: the only place where a size is put to use.

One list for GPT-2 and all its descendants: a switch of the config adds an operation, leaves one out
or changes its sizes. Source: Radford et al. 2019 and ``models/*/modeling_*.py`` of Hugging Face
transformers, which fix names, order and shapes.
"""

from collections.abc import Iterator
from typing import TypeAlias

from gpt2calc.attention import Mix, Rotation, Scores, Softmax
from gpt2calc.config import GPT2Config
from gpt2calc.mlp import Experts, experts_of, one_mlp
from gpt2calc.norms import Norm, norm, qk_norms
from gpt2calc.operations import Activation, Dropout, Embedding, Head, Linear, Loss
from gpt2calc.terms import Tensor

Operation: TypeAlias = (
    Embedding
    | Rotation
    | Dropout
    | Norm
    | Linear
    | Scores
    | Softmax
    | Mix
    | Activation
    | Experts
    | Head
    | Loss
)


def forward(config: GPT2Config) -> tuple[Operation, ...]:
    """List the operations of a forward pass in order, a block's operations once.

    L is the number of blocks, d the width of the model, V the vocabulary and T the context.
    """
    L, d, V = config.n_layer, config.n_embd, config.vocab
    place = config.norm_place
    return (
        Embedding("token_embedding", "token_embedding", V, d, tied=config.tie_embeddings),
        *_positions(config),
        *((norm(config, "embedding_norm"),) if config.embedding_norm else ()),
        Dropout("embedding_dropout", "token_embedding", d),
        *((norm(config, "attention_norm", L),) if place != "after" else ()),
        *_attention(config),
        *((norm(config, "attention_norm", L),) if place == "after" else ()),
        *((norm(config, "attention_post_norm", L),) if place == "both" else ()),
        *((norm(config, "mlp_norm", L),) if place in ("before", "both") else ()),
        *_mlp(config),
        *((norm(config, "mlp_norm", L),) if place == "after" else ()),
        *((norm(config, "mlp_post_norm", L),) if place == "both" else ()),
        *((norm(config, "final_norm"),) if config.final_norm else ()),
        Head("head", "lm_head", V, d, tied=config.tie_embeddings, bias=config.head_bias),
        Loss("loss", "loss", V),
    )


def _positions(config: GPT2Config) -> tuple[Operation, ...]:
    """List what tells a token its place: ALiBi's slopes are no operation of their own."""
    role = "position_embedding"
    if config.positions == "learned":
        rows = config.n_ctx + (config.position_offset or 0)
        return (Embedding(role, role, rows, config.n_embd, of_positions=True),)
    if config.positions == "rotary":
        return (Rotation("rotation", role, config.head_width),)
    return ()


def _attention(config: GPT2Config) -> Iterator[Operation]:
    """List attention: q is the width of all queries, kv that of all keys, and of all values."""
    L, d, q, kv = config.n_layer, config.n_embd, config.query_width, config.kv_width
    bias, turned = config.biased("qkv_bias"), config.of_family.outputs_first
    if config.of_family.joins_qkv:
        yield Linear("qkv", "attention", d, q + 2 * kv, bias, L, turned)
    else:
        yield Linear("query", "attention", d, q, bias, L, turned)
        yield Linear("key", "attention", d, kv, bias, L, turned, same_input=True)
        yield Linear("value", "attention", d, kv, bias, L, turned, same_input=True)
    if config.qk_norm != "none":
        yield from qk_norms(config)
    yield Scores("scores", "scores", q, L)
    yield Softmax("softmax", "scores", q, L)
    yield Mix("mix", "scores", q, L)
    out_bias = config.biased("attn_proj_bias")
    yield Linear("attention_out", "attention", q, d, out_bias, L, turned, joins=True)
    yield Dropout("attention_dropout", "attention", d, L)


def _mlp(config: GPT2Config) -> Iterator[Operation]:
    """List the MLP, the experts, or both, where the layers differ."""
    L, dense = config.n_layer, len(config.dense_layers)
    if config.n_expert is None:
        yield from one_mlp(config, config.mlp_width, L)
    else:
        yield from experts_of(config, L - dense)
        if dense:
            yield from one_mlp(config, config.mlp_width, dense)
    yield Dropout("mlp_dropout", "mlp", config.n_embd, L)


def tensors(config: GPT2Config) -> tuple[Tensor, ...]:
    """List every parameter tensor of the model, a block's tensors once.

    In PyTorch's order for GPT-2; another family's is in that of :func:`named_shapes`.
    """
    return tuple([tensor for operation in forward(config) for tensor in operation.tensors()])


def active_tensors(config: GPT2Config) -> tuple[Tensor, ...]:
    """List the same, of the experts no more than a token goes through."""
    active = [one.active() if isinstance(one, Experts) else one for one in forward(config)]
    return tuple([tensor for operation in active for tensor in operation.tensors()])
