"""From a config to its network: embeddings, groups of layers that are alike, the head.

Here and in :mod:`gpt2calc.model.layer` every size is put to use, and nowhere else. Sizes are plain
arithmetic, so that a config whose fields are SymPy symbols or NumPy arrays gives a network whose
parameters are counted in them.
"""

from functools import partial

from gpt2calc.model.config import ModelConfig
from gpt2calc.model.decoder import Decoder, Embeddings, GPT2Decoder, Head
from gpt2calc.model.decoder_variants import BloomDecoder, MPTDecoder
from gpt2calc.model.layer import LayerBuilder
from gpt2calc.model.linear import Embedding
from gpt2calc.model.network import BlockPart, LayerGroup, Network, Norm, Tables
from gpt2calc.model.part import Identity
from gpt2calc.model.rotary import GPTJTables, RotaryTables


def network(config: ModelConfig) -> Network:
    """Return the network of a model.

    L is the number of layers, d the width of the model, V the vocabulary and T the context.
    """
    L, d, V, T = config.n_layer, config.n_embd, config.vocab, config.n_ctx
    layer = LayerBuilder(config)
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
        tables=_tables(layer) if config.positions == "rotary" else None,
        decoder=partial(_decoder, config),
    )


def _groups(config: ModelConfig, layer: LayerBuilder, depth: int) -> tuple[LayerGroup, ...]:
    """Return the groups of layers that are alike: with experts, and without."""
    dense = config.dense_layers
    if config.n_expert is None:
        return (LayerGroup(layer.block, depth),)
    with_experts = LayerGroup(layer.block_with_experts, depth - len(dense))
    return (with_experts, LayerGroup(layer.block, len(dense), dense)) if dense else (with_experts,)


def _tables(layer: LayerBuilder) -> Tables:
    kind, part = layer.architecture.tables, layer.architecture.rotary_part
    if kind == "gptj" and layer.turns_as_its_family:
        return GPTJTables(layer.heads, part)
    return RotaryTables(
        layer.heads, part, interleaved=kind == "interleaved", stays_float32=kind == "float32"
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
    decoder = kind(embeddings, blocks, tables, final_norm, head)
    if isinstance(decoder, BloomDecoder | MPTDecoder):
        decoder.heads = config.heads or 1
    if isinstance(decoder, MPTDecoder):
        decoder.n_ctx = config.n_ctx
    return decoder
