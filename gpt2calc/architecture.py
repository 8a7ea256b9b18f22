"""The forward pass, operation by operation: the only place where a size is put to use.

One list for GPT-2 and all its descendants: a switch of the config adds an operation, leaves one out
or changes its sizes. Source: Radford et al. 2019 and ``models/*/modeling_*.py`` of Hugging Face
transformers, which fix names, order and shapes.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from gpt2calc.attention import Mix, Rotation, Scores, Softmax
from gpt2calc.mlp import Activation, Experts
from gpt2calc.norms import Norm
from gpt2calc.number import Number
from gpt2calc.operations import Dropout, Embedding, Head, Linear, Loss

Config: TypeAlias = Any
"""A model, in any arithmetic."""
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

MLP_ROLES = ("mlp_gate", "mlp_in", "gelu", "mlp_out")
"""The operations of an MLP: its gate, into and out of its hidden layer, and what is between."""
SHARED_ROLES = ("shared_gate", "shared_in", "shared_act", "shared_out")
"""The same of the expert that every token goes through."""


def forward(config: Config) -> tuple[Operation, ...]:
    """List the operations of a forward pass in order, a block's operations once.

    L is the number of blocks, d the width of the model, V the vocabulary and T the context.
    """
    L, d, V = config.n_layer, config.n_embd, config.vocab
    place = config.norm_place
    return (
        Embedding("token_embedding", "token_embedding", V, d, tied=config.tie_embeddings),
        *_positions(config),
        *((_norm(config, "embedding_norm"),) if config.embedding_norm else ()),
        Dropout("embedding_dropout", "token_embedding", d),
        *((_norm(config, "attention_norm", L),) if place != "after" else ()),
        *_attention(config),
        *((_norm(config, "attention_norm", L),) if place == "after" else ()),
        *((_norm(config, "attention_post_norm", L),) if place == "both" else ()),
        *((_norm(config, "mlp_norm", L),) if place in ("before", "both") else ()),
        *_mlp(config),
        *((_norm(config, "mlp_norm", L),) if place == "after" else ()),
        *((_norm(config, "mlp_post_norm", L),) if place == "both" else ()),
        *((_norm(config, "final_norm"),) if config.final_norm else ()),
        Head("head", "lm_head", V, d, tied=config.tie_embeddings, bias=config.head_bias),
        Loss("loss", "loss", V),
    )


def _positions(config: Config) -> tuple[Operation, ...]:
    """List what tells a token its place: ALiBi's slopes are no operation of their own."""
    role = "position_embedding"
    if config.positions == "learned":
        rows = config.n_ctx + (config.position_offset or 0)
        return (Embedding(role, role, rows, config.n_embd, of_positions=True),)
    if config.positions == "rotary":
        return (Rotation("rotation", role, config.head_width),)
    return ()


def _attention(config: Config) -> Iterator[Operation]:
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
        yield from _qk_norms(config)
    yield Scores("scores", "scores", q, L)
    yield Softmax("softmax", "scores", q, L)
    yield Mix("mix", "scores", q, L)
    out_bias = config.biased("attn_proj_bias")
    yield Linear("attention_out", "attention", q, d, out_bias, L, turned, joins=True)
    yield Dropout("attention_dropout", "attention", d, L)


def _mlp(config: Config) -> Iterator[Operation]:
    """List the MLP, the experts, or both, where the layers differ."""
    L, dense = config.n_layer, len(config.dense_layers)
    if config.n_expert is None:
        yield from _one_mlp(config, config.mlp_width, L)
    else:
        yield from _experts(config, L - dense)
        if dense:
            yield from _one_mlp(config, config.mlp_width, dense)
    yield Dropout("mlp_dropout", "mlp", config.n_embd, L)


def _one_mlp(
    config: Config, width: Number, copies: Number, roles: tuple[str, ...] = MLP_ROLES
) -> Iterator[Linear | Activation]:
    """List an MLP: into its hidden layer, an activation, and out of it; with a gate or without."""
    d, bias, turned = config.n_embd, config.biased("mlp_bias"), config.of_family.outputs_first
    gate, into, activation, out = roles
    if config.gated_mlp and config.of_family.joins_gate and roles == MLP_ROLES:
        yield Linear("mlp_gate_in", "mlp", d, 2 * width, bias, copies, turned)
    else:
        if config.gated_mlp:
            yield Linear(gate, "mlp", d, width, bias, copies, turned)
        yield Linear(into, "mlp", d, width, bias, copies, turned, same_input=config.gated_mlp)
    yield Activation(activation, "mlp", width, copies, config.gated_mlp)
    yield Linear(out, "mlp", width, d, bias, copies, turned, joins=True)


def _experts(config: Config, copies: Number) -> Iterator[Linear | Activation | Experts]:
    """List a router, its experts, and the MLP beside them that every token takes, if there is one.

    E is the number of experts, A how many are chosen, x the width of each.
    """
    d, bias = config.n_embd, config.biased("mlp_bias")
    E, A, x = config.n_expert, config.chosen_experts, config.expert_width
    into = 2 * x if config.gated_mlp else x
    yield Linear("router", "mlp", d, E, False, copies, outputs_first=True)
    yield Experts("experts_in", "mlp", E, A, d, into, bias, copies)
    yield Activation("experts_act", "mlp", x, copies, config.gated_mlp, A)
    yield Experts("experts_out", "mlp", E, A, x, d, bias, copies)
    if config.n_inner_shared is not None:
        yield from _one_mlp(config, config.n_inner_shared, copies, SHARED_ROLES)
        yield Linear("shared_router", "mlp", d, 1, False, copies, outputs_first=True)


def _norm(config: Config, role: str, copies: Number = 1) -> Norm:
    """Return a norm over the model's whole width."""
    width = config.n_embd
    shift = config.biased("norm_bias")
    return Norm(role, "layer_norm", width, (width,), config.norm, shift, copies)


def _qk_norms(config: Config) -> tuple[Norm, Norm]:
    """Return the norms of queries and keys: of every head, with one scale or many; or of all."""
    return (
        _qk_norm(config, "query_norm", config.query_width, config.heads),
        _qk_norm(config, "key_norm", config.kv_width, config.value("n_kv_head")),
    )


def _qk_norm(config: Config, role: str, width: Number, heads: Number) -> Norm:
    kind, shift, L = config.norm, config.biased("norm_bias"), config.n_layer
    if config.qk_norm == "width":
        return Norm(role, "layer_norm", width, (width,), kind, shift, L)
    if config.qk_norm == "heads":
        each = (heads, config.head_width)
        return Norm(role, "layer_norm", width, each, kind, False, L, heads)
    return Norm(role, "layer_norm", width, (config.head_width,), kind, shift, L, heads)
