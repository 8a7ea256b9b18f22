"""From a config to its network: embeddings, groups of layers that are alike, the head.

Here and in :mod:`gpt2calc.model.layer` every size is put to use, and nowhere else. Sizes are plain
arithmetic, so that a config whose fields are SymPy symbols or NumPy arrays gives a network whose
parameters are counted in them.
"""

from functools import partial

from gpt2calc.model.blocks import BlockPart
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.decoder import Decoder, Embeddings, GPT2Decoder, Head
from gpt2calc.model.decoder_variants import (
    BloomDecoder,
    FalconAlibiDecoder,
    FalconDecoder,
    MPTDecoder,
)
from gpt2calc.model.experts import Implementation
from gpt2calc.model.families.layers import DEEPEST
from gpt2calc.model.layer import LayerBuilder, LayerKind
from gpt2calc.model.linear import Embedding
from gpt2calc.model.network import LayerGroup, Network, Norm, Tables
from gpt2calc.model.part import Identity
from gpt2calc.model.rotary import GPTJTables, RotaryTables


def network(
    config: ModelConfig,
    *,
    fuses_gelu: bool = False,
    experts_implementation: Implementation = "grouped_mm",
) -> Network:
    """Return the network of a model.

    Args:
        config: the model.
        fuses_gelu: whether GELU is one kernel where the class writes it out.
        experts_implementation: how the products of experts are computed, as transformers calls it.

    L is the number of layers, d the width of the model, V the vocabulary and T the context.
    """
    L, d, V, T = config.n_layer, config.n_embd, config.vocab, config.n_ctx
    layer = LayerBuilder(config, fuses_gelu, experts_implementation)
    tokens = layer.architecture.embedding("token_embedding", V, d)
    positions = None
    if config.positions == "learned":
        positions = Embedding("position_embedding", T + (config.position_offset or 0), d)
    return Network(
        embeddings=Embeddings(
            tokens, positions, layer.norm("embedding_norm") if config.embedding_norm else None
        ),
        groups=_groups(config, layer, L),
        final_norm=layer.norm("final_norm") if config.final_norm else Identity(),
        head=Head(tokens, V, d, tied=config.tie_embeddings, bias=config.head_bias),
        tables=_tables(layer) if _has_tables(config) else None,
        decoder=partial(_decoder, config),
    )


def _groups(config: ModelConfig, layer: LayerBuilder, depth: int) -> tuple[LayerGroup, ...]:
    """Return the groups of layers that are alike; the first has those that no other one has."""
    if _differ_in_more_than_experts(config) and type(depth) is int and depth <= DEEPEST:
        return _groups_by_kind(config, layer, depth)
    dense, has_rope = config.dense_layers, config.positions == "rotary"
    usual = LayerKind(config.n_expert is not None, has_rope)
    most = LayerGroup(partial(layer.block, usual), depth - len(dense))
    if not dense:
        return (most,)
    return (most, LayerGroup(partial(layer.block, LayerKind(False, has_rope)), len(dense), dense))


def _differ_in_more_than_experts(config: ModelConfig) -> bool:
    fields = (config.window, config.no_rope_every, config.no_rope_layers)
    return any(field is not None for field in fields)


def _groups_by_kind(config: ModelConfig, layer: LayerBuilder, depth: int) -> tuple[LayerGroup, ...]:
    places: dict[LayerKind, list[int]] = {}
    dense = set(config.dense_layers)
    for number in range(depth):
        has_experts = config.n_expert is not None and number not in dense
        kind = LayerKind(has_experts, config.has_rope(number), config.window_of(number))
        places.setdefault(kind, []).append(number)
    (usual, most), *others = sorted(places.items(), key=lambda each: -len(each[1]))
    return (
        LayerGroup(partial(layer.block, usual), len(most)),
        *(LayerGroup(partial(layer.block, kind), len(n), tuple(n)) for kind, n in others),
    )


def _has_tables(config: ModelConfig) -> bool:
    """Tell whether tables of rotary positions are made; Falcon makes them beside ALiBi, too."""
    is_falcon = config.architecture.decoder is FalconDecoder
    return config.positions == "rotary" or (is_falcon and config.positions == "alibi")


def _tables(layer: LayerBuilder) -> Tables:
    kind = layer.architecture.tables
    if kind in ("gptj", "codegen") and layer.turns_as_its_family:
        return GPTJTables(layer.heads, stays_float32=kind == "codegen")
    return RotaryTables(
        layer.heads, interleaved=kind == "interleaved", stays_float32=kind == "float32"
    )


def _decoder(
    config: ModelConfig,
    embeddings: Embeddings,
    blocks: tuple[BlockPart, ...],
    tables: Tables | None,
    final_norm: Norm,
    head: Head,
) -> Decoder:
    kind = config.architecture.decoder
    if config.positions not in kind.positions:
        kind = GPT2Decoder if config.positions == "learned" else Decoder
    elif kind is FalconDecoder and config.positions == "alibi":
        kind = FalconAlibiDecoder
    decoder = kind(embeddings, blocks, tables, final_norm, head)
    decoder.window = config.window
    if isinstance(decoder, BloomDecoder | MPTDecoder | FalconAlibiDecoder):
        decoder.heads = config.heads or 1
    if isinstance(decoder, MPTDecoder):
        decoder.n_ctx = config.n_ctx
    return decoder
