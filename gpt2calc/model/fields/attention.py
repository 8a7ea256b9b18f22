"""Kinds of attention: latent (MLA), sparse by an indexer, gated, with sinks, differential."""

from typing import Annotated

from gpt2calc.model.fields.known import Known, Layers, Size
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.model.fields.windows import WindowFields
from gpt2calc.tape.numeric import exact_quotient


class AttentionFields(WindowFields):
    """Fields of attention other than the number of heads, and the widths that follow from them."""

    kv_lora_rank: Annotated[
        Size | None,
        Known(
            "latent attention of rank {}",
            "Latent attention (MLA): width of the latent that keys and values are made of, and "
            "that is cached in their place. If left out: no latents.",
            letter="c",
            place=13,
            example=512,
        ),
    ] = None
    q_lora_rank: Annotated[
        Size | None,
        Known(
            "queries of rank {}",
            "Width of the latent that queries are made of, in latent attention. If left out: "
            "queries are made of the token's vector.",
            letter="q",
            place=14,
            example=1536,
        ),
    ] = None
    qk_nope_head_dim: Annotated[
        Size | None,
        Known(
            "heads of {} features without rotary positions",
            "Features of a query or key without rotary positions, in latent attention.",
            letter="n",
            place=15,
            example=128,
        ),
    ] = None
    qk_rope_head_dim: Annotated[
        Size | None,
        Known(
            "{} with rotary positions",
            "Rotary features of each query head, in latent attention; all heads share the key's.",
            letter="r",
            place=16,
            example=64,
        ),
    ] = None
    v_head_dim: Annotated[
        Size | None,
        Known(
            "values of width {}",
            "Width of a head's values. If left out: head_dim; latent attention has it always.",
            letter="v",
            place=17,
            example=128,
        ),
    ] = None
    index_n_heads: Annotated[
        Size | None,
        Known(
            "an indexer of {} heads",
            "Heads of the indexer that picks the tokens to attend to (sparse attention).",
            letter="i",
            place=18,
            example=64,
        ),
    ] = None
    index_head_dim: Annotated[
        Size | None,
        Known(
            "indexer heads of width {}",
            "Width of the indexer's heads; they share one key a token, which is cached.",
            letter="j",
            place=19,
            example=128,
        ),
    ] = None
    indexer_layers: Annotated[
        Layers | None,
        Known(
            "indexers in layers {}",
            "Layers with an indexer of their own, from 0 on. If left out: all, where there is one.",
        ),
    ] = None
    attention_gate: Annotated[
        bool,
        Known(
            "no gate of attention's output",
            "A gate of attention's output, made by the matrix of the queries unless separate_gate.",
        ),
    ] = False
    separate_gate: Annotated[
        bool,
        Known(
            "no separate matrix for the gate",
            "A matrix of its own, without a bias, for the gate of attention's output (AFMoE).",
        ),
    ] = False
    gate_per_head: Annotated[
        bool,
        Known(
            "no gate of one number a head",
            "One number for each head, and not for each feature, in the gate of separate_gate "
            "(Laguna, LFM3).",
        ),
    ] = False
    attention_sinks: Annotated[
        bool,
        Known(
            "no attention sinks",
            "A learned logit for each head that enters the softmax's denominator and has no value "
            "vector (as in gpt-oss).",
        ),
    ] = False
    differential_attention: Annotated[
        bool,
        Known(
            "no differential attention",
            "Attention that subtracts the output of one half of the heads, times a learned "
            "factor, from that of the other half (DiffLlama).",
        ),
    ] = False

    @property
    def is_latent(self) -> bool:
        """Whether attention is latent: keys and values are made of a latent, which is cached."""
        return self.kv_lora_rank is not None

    @property
    def head_width(self) -> int | None:
        """Width of one head: ``head_dim``, or the heads' part of the model's width."""
        if self.is_latent:
            return self.qk_nope_head_dim + self.qk_rope_head_dim  # type: ignore[operator]
        if self.head_dim is not None:
            return self.head_dim
        if self.n_head is None:
            return HEAD_WIDTH if self.heads is not None else None
        return exact_quotient(self.n_embd, self.n_head)

    @property
    def query_width(self) -> int:
        """Width of the queries of all heads together."""
        if self.is_latent and self.heads is not None and self.head_width is not None:
            return self.heads * self.head_width
        if self.head_dim is None or self.heads is None:
            return self.n_embd
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Width of the keys of all KV heads together."""
        if self.n_kv_head is None or self.head_width is None:
            return self.query_width
        return self.n_kv_head * self.head_width

    @property
    def value_width(self) -> int | None:
        """Width of a head's values: ``v_head_dim``, or that of its keys."""
        return self.head_width if self.v_head_dim is None else self.v_head_dim
