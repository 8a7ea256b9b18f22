"""From a config to its network: embeddings, groups of layers that are alike, the head.

In the modules of this folder sizes of a config become shapes of parameters. They are plain
arithmetic, so that a config whose fields are SymPy symbols or NumPy arrays gives a network whose
parameters are counted in them.
"""

from functools import partial

from gpt2calc.model.attention.rotary import GPTJTables, RotaryTables
from gpt2calc.model.blocks.altup import OneOfStreams, Streams
from gpt2calc.model.blocks.blocks import BlockPart
from gpt2calc.model.blocks.per_layer import PerLayerEmbeddings
from gpt2calc.model.builders.attention import AttentionBuilder
from gpt2calc.model.builders.layer import LayerBuilder
from gpt2calc.model.builders.norm import norm_over
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.decoders.decoder import Decoder
from gpt2calc.model.decoders.embeddings import Embeddings, Head, NormedAndProjected
from gpt2calc.model.decoders.gpts import (
    BloomDecoder,
    FalconAlibiDecoder,
    FalconDecoder,
    GPT2Decoder,
    MPTDecoder,
    SinusoidalDecoder,
)
from gpt2calc.model.families.layers import DEEPEST
from gpt2calc.model.kinds import Kinds, LayerKind, kind_of, kinds_of
from gpt2calc.model.linear import Embedding, Linear
from gpt2calc.model.mlps.experts import Implementation
from gpt2calc.model.network import LayerGroup, Network, Tables
from gpt2calc.model.part import HiddenToHidden, Identity


def network(
    config: ModelConfig,
    *,
    fuses_gelu: bool = False,
    experts_implementation: Implementation = "grouped_mm",
    kinds: Kinds | None = None,
) -> Network:
    """Return the network of a model.

    Args:
        config: the model.
        fuses_gelu: whether GELU is one kernel where the class writes it out.
        experts_implementation: how the products of experts are computed, as transformers calls it.
        kinds: of the layers, where the config's sizes are symbols; None for those of the config.

    L is the number of layers, d the width of the model, V the vocabulary and T the context.
    """
    L, d, V, T = config.n_layer, config.n_embd, config.vocab, config.n_ctx
    layer = LayerBuilder(config, fuses_gelu, experts_implementation)
    e = d if config.token_width is None else config.token_width
    tokens = layer.architecture.embedding("token_embedding", V, e)
    positions = None
    if config.positions == "learned":
        positions = Embedding("position_embedding", T + (config.position_offset or 0), d)
    return Network(
        embeddings=Embeddings(
            tokens,
            positions,
            layer.norm("embedding_norm") if config.embedding_norm else None,
            None if config.token_width is None else Linear("project_in", e, d),
            _per_layer(config, layer),
            None if config.altup_inputs is None else Streams(d, config.altup_inputs),
        ),
        groups=_groups(config, layer, L) if kinds is None else groups_of(layer, L, kinds),
        final_norm=_ending(config, layer),
        head=Head(tokens, V, e, tied=config.tie_embeddings, bias=config.head_bias),
        tables=_tables(layer.attention) if _has_tables(config) else None,
        decoder=partial(_decoder, config),
    )


def _per_layer(config: ModelConfig, layer: LayerBuilder) -> PerLayerEmbeddings | None:
    """Return the embeddings that each layer has for itself, if there are some, each p wide."""
    L, d, p, rows = config.n_layer, config.n_embd, config.per_layer_dim, config.per_layer_rows
    if p is None:
        return None
    assert rows is not None
    return PerLayerEmbeddings(
        layer.architecture.embedding("per_layer_embedding", rows, L * p),
        Linear("per_layer_projection", d, L * p),
        norm_over(config, "per_layer_norm", (p,)),
        L,
    )


def _ending(config: ModelConfig, layer: LayerBuilder) -> HiddenToHidden:
    """Return what comes between the last block and the head."""
    norm: HiddenToHidden = layer.norm("final_norm") if config.final_norm else Identity()
    if config.altup_inputs is not None:
        norm = OneOfStreams(config.n_embd, config.altup_inputs, norm)
    if config.token_width is None:
        return norm
    return NormedAndProjected(norm, Linear("project_out", config.n_embd, config.token_width))


def _groups(config: ModelConfig, layer: LayerBuilder, depth: int) -> tuple[LayerGroup, ...]:
    """Return the groups of layers that are alike."""
    if _differ_in_window_or_rope(config) and type(depth) is int and depth <= DEEPEST:
        return _groups_by_kind(config, layer, depth)
    return groups_of(layer, depth, kinds_of(config))


def groups_of(layer: LayerBuilder, depth: int, kinds: Kinds) -> tuple[LayerGroup, ...]:
    """Return groups of layers: the usual ones, and those of other kinds by their places.

    Layers that take keys come last, so that others have made them where one of each group runs.
    """
    usual, others = kinds
    rest = depth - sum(len(places) for _, places in others)
    groups = [
        LayerGroup(partial(layer.block, kind), kind, len(places), places) for kind, places in others
    ]
    if type(rest) is not int or rest > 0:
        groups.insert(0, LayerGroup(partial(layer.block, usual), usual, rest))
    return tuple(sorted(groups, key=lambda group: group.kind.keys == "taken"))


def _differ_in_window_or_rope(config: ModelConfig) -> bool:
    fields = (config.window, config.no_rope_every, config.no_rope_layers)
    return any(field is not None for field in fields)


def _groups_by_kind(config: ModelConfig, layer: LayerBuilder, depth: int) -> tuple[LayerGroup, ...]:
    places: dict[LayerKind, list[int]] = {}
    for number in range(depth):
        kind = kind_of(config, number)._replace(
            has_rope=config.has_rope(number), window=config.window_of(number)
        )
        places.setdefault(kind, []).append(number)
    (usual, most), *others = sorted(places.items(), key=lambda each: -len(each[1]))
    return (
        LayerGroup(partial(layer.block, usual), usual, len(most)),
        *(LayerGroup(partial(layer.block, kind), kind, len(n), tuple(n)) for kind, n in others),
    )


def _has_tables(config: ModelConfig) -> bool:
    """Tell whether tables of rotary positions are made; Falcon makes them beside ALiBi, too."""
    is_falcon = config.architecture.decoder is FalconDecoder
    return config.positions == "rotary" or (is_falcon and config.positions == "alibi")


def _tables(layer: AttentionBuilder) -> Tables:
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
    final_norm: HiddenToHidden,
    head: Head,
) -> Decoder:
    kind = config.architecture.decoder
    if config.positions not in kind.positions:
        others = {"learned": GPT2Decoder, "sinusoidal": SinusoidalDecoder}
        kind = others.get(config.positions, Decoder)
    elif kind is FalconDecoder and config.positions == "alibi":
        kind = FalconAlibiDecoder
    decoder = kind(embeddings, blocks, tables, final_norm, head)
    decoder.window = config.window
    if tables is not None and config.has_full_sizes:
        decoder.full_tables = _tables(AttentionBuilder(config.in_full_layers()))
    if isinstance(decoder, BloomDecoder | MPTDecoder | FalconAlibiDecoder):
        decoder.heads = config.heads or 1
    if isinstance(decoder, MPTDecoder):
        decoder.n_ctx = config.n_ctx
    return decoder
