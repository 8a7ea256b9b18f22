"""From a config to its network: the only place where a size is put to use.

Sizes are plain arithmetic, so that a config whose fields are SymPy symbols or NumPy arrays gives a
network whose parameters are counted in them.
"""

from functools import partial

from gpt2calc.model.attention import Attended, Attention, LayerContext
from gpt2calc.model.attention_variants import BloomAttention, FalconAttention, MPTAttention
from gpt2calc.model.blocks import MPTMLP, BloomBlock, BloomMLP, Layer, MPTBlock
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.decoder import (
    BloomDecoder,
    Decoder,
    Embeddings,
    GPT2Decoder,
    Head,
    MPTDecoder,
)
from gpt2calc.model.experts import (
    ExpertMatrices,
    Experts,
    MixtureOfExperts,
    Router,
    SharedMixtureOfExperts,
)
from gpt2calc.model.heads import Heads
from gpt2calc.model.linear import Conv1D, Embedding, Linear
from gpt2calc.model.mlp import MLP, GatedMLP, JointGatedMLP
from gpt2calc.model.network import BlockPart, LayerGroup, Network, Tables
from gpt2calc.model.norms import ParameterFreeNorm
from gpt2calc.model.part import Identity, Leaf, Part
from gpt2calc.model.projections import JointProjection, Projection, SeparateProjection
from gpt2calc.model.rotary import GPTJTables, PartialRotary, RotaryTables
from gpt2calc.tape.tensor import Tensor

MLP_ROLES = ("mlp_gate", "mlp_in", "mlp_out")
SHARED_ROLES = ("shared_gate", "shared_in", "shared_out")
"""The roles of an MLP's matrices, and of the expert's that every token goes through."""


def network(config: ModelConfig) -> Network:
    """Return the network of a model.

    L is the number of layers, d the width of the model, V the vocabulary and T the context.
    """
    L, d, V, T = config.n_layer, config.n_embd, config.vocab, config.n_ctx
    tokens = config.architecture.embedding("token_embedding", V, d)
    positions = None
    if config.positions == "learned":
        positions = Embedding("position_embedding", T + (config.position_offset or 0), d)
    return Network(
        embeddings=Embeddings(
            tokens, positions, _norm(config, "embedding_norm") if config.embedding_norm else None
        ),
        groups=_groups(config, L),
        final_norm=_norm(config, "final_norm") if config.final_norm else Identity(),
        head=Head(tokens, V, d, tied=config.tie_embeddings, bias=config.head_bias),
        tables=_tables(config),
        decoder=partial(_decoder, config),
    )


def _groups(config: ModelConfig, depth: int) -> tuple[LayerGroup, ...]:
    """Return the groups of layers that are alike: with experts, and without."""
    dense = config.dense_layers
    if config.n_expert is None:
        return (LayerGroup(partial(_block, config, has_experts=False), depth),)
    with_experts = LayerGroup(partial(_block, config, has_experts=True), depth - len(dense))
    if not dense:
        return (with_experts,)
    return (with_experts, LayerGroup(partial(_block, config, has_experts=False), len(dense), dense))


def _decoder(
    config: ModelConfig,
    embeddings: Embeddings,
    blocks: tuple[BlockPart, ...],
    tables: Tables | None,
    final_norm: Part[[Tensor], Tensor],
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


# ---- blocks ----------------------------------------------------------------------------------


def _block(config: ModelConfig, *, has_experts: bool) -> BlockPart:
    style = config.architecture.style
    if style in ("bloom", "mpt") and not has_experts and _has_plain_blocks(config):
        return _bloom_block(config) if style == "bloom" else _mpt_block(config)
    if style == "falcon" and config.norm_place in ("before", "shared"):
        return _standard_block(config, _falcon_attention(config), has_experts=has_experts)
    return _standard_block(config, _attention(config), has_experts=has_experts)


def _has_plain_blocks(config: ModelConfig) -> bool:
    """Tell whether nothing was changed that BLOOM's and MPT's own blocks have not."""
    changed = (config.gated_mlp, config.has_own_heads, config.qk_norm != "none")
    is_plain = config.norm_place == "before" and config.positions == "alibi"
    return is_plain and not any(changed)


def _standard_block(
    config: ModelConfig, attention: Part[[Tensor, LayerContext], Attended], *, has_experts: bool
) -> BlockPart:
    """Put the norms about attention and MLP, in the order of the forward pass."""
    place = config.norm_place
    after_attention = after_mlp = None
    if place == "after":
        after_attention, after_mlp = _norm(config, "attention_norm"), _norm(config, "mlp_norm")
    elif place == "both":
        after_attention = _norm(config, "attention_post_norm")
        after_mlp = _norm(config, "mlp_post_norm")
    return config.architecture.block(place)(
        attention,
        _experts(config) if has_experts else _mlp(config, config.mlp_width),
        norm1=None if place == "after" else _norm(config, "attention_norm"),
        post_norm1=after_attention,
        norm2=_norm(config, "mlp_norm") if place in ("before", "both") else None,
        post_norm2=after_mlp,
        residual_is_scaled=config.architecture.residual_is_scaled,
    )


def _bloom_block(config: ModelConfig) -> BlockPart:
    return BloomBlock(
        BloomAttention(*_joint_matrices(config), _heads(config)),
        BloomMLP(*_mlp_matrices(config), config.architecture.activation),
        norm1=_norm(config, "attention_norm"),
        norm2=_norm(config, "mlp_norm"),
    )


def _mpt_block(config: ModelConfig) -> BlockPart:
    return MPTBlock(
        MPTAttention(*_joint_matrices(config), _heads(config)),
        MPTMLP(*_mlp_matrices(config), config.architecture.activation),
        norm1=_norm(config, "attention_norm"),
        norm2=_norm(config, "mlp_norm"),
    )


# ---- attention -------------------------------------------------------------------------------


def _attention(config: ModelConfig) -> Attention:
    """Return attention: q is the width of all queries, kv that of all keys, and of all values."""
    architecture, d, q = config.architecture, config.n_embd, config.query_width
    out = architecture.linear("attention_out", q, d, config.biased("attn_proj_bias"))
    heads, rotary = _heads(config), None
    projection = _projection(config, heads)
    if config.positions == "rotary":
        is_own = architecture.rotary.transposes != projection.transposes
        kind = architecture.rotary if is_own else PartialRotary
        rotary = kind(heads, architecture.rotary_part)
    return architecture.attention(projection, rotary, architecture.scores(heads), out)


def _heads(config: ModelConfig) -> Heads:
    """Return how attention is cut: into one head, where nothing says how many there are."""
    query = 1 if config.heads is None else config.heads
    kv = query if config.n_kv_head is None else config.n_kv_head
    return Heads(query, kv, config.query_width)


def _projection(config: ModelConfig, heads: Heads) -> Projection:
    architecture, d = config.architecture, config.n_embd
    q, kv = config.query_width, config.kv_width
    bias, linear, norms = config.biased("qkv_bias"), architecture.linear, _qk_norms(config)
    if config.of_family.joins_qkv:
        joint, shares_kv = architecture.joint, config.n_kv_head is not None
        is_turned = joint.transposes or config.positions == "rotary"
        if not is_turned or (shares_kv and not joint.can_share_kv):
            joint = JointProjection
        return joint(linear("qkv", d, q + 2 * kv, bias), q, kv, heads, *norms)
    separate = architecture.separate
    if not separate.transposes and config.positions != "rotary":
        separate = SeparateProjection
    if norms and config.qk_norm != "none":
        separate = architecture.separate_with_norms[config.qk_norm]
    query, key = linear("query", d, q, bias), linear("key", d, kv, bias)
    return separate(query, key, linear("value", d, kv, bias), heads, *norms)


def _falcon_attention(config: ModelConfig) -> FalconAttention:
    heads, architecture = _heads(config), config.architecture
    rotary = architecture.rotary(heads, architecture.rotary_part)
    return FalconAttention(*_joint_matrices(config), rotary, heads)


def _joint_matrices(config: ModelConfig) -> tuple[Linear | Conv1D, Linear | Conv1D]:
    """Return the joint matrix of queries, keys and values, and that of the output."""
    linear, d, q = config.architecture.linear, config.n_embd, config.query_width
    qkv = linear("qkv", d, q + 2 * config.kv_width, config.biased("qkv_bias"))
    return qkv, linear("attention_out", q, d, config.biased("attn_proj_bias"))


def _tables(config: ModelConfig) -> Tables | None:
    if config.positions != "rotary":
        return None
    kind, part = config.architecture.tables, config.architecture.rotary_part
    if kind == "gptj":
        return GPTJTables(_heads(config), part)
    return RotaryTables(
        _heads(config),
        part,
        interleaved=kind == "interleaved",
        stays_float32=kind == "float32",
    )


# ---- MLPs and experts ------------------------------------------------------------------------


def _mlp(
    config: ModelConfig, width: int, roles: tuple[str, str, str] = MLP_ROLES
) -> MLP | GatedMLP | JointGatedMLP:
    """Return an MLP: into its hidden layer, an activation, and out of it; gated or not."""
    d, bias, linear = config.n_embd, config.biased("mlp_bias"), config.architecture.linear
    activation = config.architecture.activation
    gate, up, down = roles
    out = linear(down, width, d, bias)
    if not config.gated_mlp:
        return MLP(linear(up, d, width, bias), out, activation)
    if config.of_family.joins_gate and roles == MLP_ROLES:
        joint = linear("mlp_gate_in", d, 2 * width, bias)
        return JointGatedMLP(joint, out, width, activation)
    return GatedMLP(linear(gate, d, width, bias), linear(up, d, width, bias), out, activation)


def _mlp_matrices(config: ModelConfig) -> tuple[Linear | Conv1D, Linear | Conv1D]:
    d, width, bias = config.n_embd, config.mlp_width, config.biased("mlp_bias")
    linear = config.architecture.linear
    return linear("mlp_in", d, width, bias), linear("mlp_out", width, d, bias)


def _experts(config: ModelConfig) -> Layer:
    """Return a router, its experts, and the MLP beside them that every token takes, if any.

    E is the number of experts, A how many are chosen, x the width of each.
    """
    d, bias, architecture = config.n_embd, config.biased("mlp_bias"), config.architecture
    E, A, x = config.n_expert, config.chosen_experts, config.expert_width
    assert E is not None
    assert A is not None
    assert x is not None
    router = Router(
        d,
        E,
        A,
        normalized=architecture.router_normalizes,
        casts_back=architecture.router_casts_back,
    )
    experts = Experts(
        ExpertMatrices("experts_in", E, d, 2 * x if config.gated_mlp else x, bias, A),
        ExpertMatrices("experts_out", E, x, d, bias, A),
        architecture.activation,
    )
    if architecture.rebinds_expert_input and config.n_inner_shared is None:
        return MixtureOfExperts(router, experts)
    shared = None
    if config.n_inner_shared is not None:
        shared = _mlp(config, config.n_inner_shared, SHARED_ROLES)
    return SharedMixtureOfExperts(router, experts, shared, d)


# ---- norms -----------------------------------------------------------------------------------


def _norm(config: ModelConfig, role: str) -> Leaf:
    """Return a norm over the model's whole width."""
    return _norm_of(config, role, (config.n_embd,), config.biased("norm_bias"))


def _norm_of(config: ModelConfig, role: str, shape: tuple[int, ...], shift: bool) -> Leaf:
    if config.norm == "none":
        return ParameterFreeNorm(role)
    architecture = config.architecture
    kind = architecture.layer_norm if config.norm == "layer" else architecture.rms_norm
    return kind(role, shape, shift)


def _qk_norms(config: ModelConfig) -> tuple[Leaf, ...]:
    """Return the norms of queries and keys: of every head, with one scale or many; or of all."""
    if config.qk_norm == "none":
        return ()
    width, query_heads = config.head_width, config.heads
    assert width is not None
    assert query_heads is not None
    if config.qk_norm == "heads" and config.norm != "none":
        per_head = config.architecture.norm_per_head
        kv_heads = query_heads if config.n_kv_head is None else config.n_kv_head
        return (
            per_head("query_norm", (query_heads, width)),
            per_head("key_norm", (kv_heads, width)),
        )
    shift = config.biased("norm_bias") and config.qk_norm != "heads"
    widths = (config.query_width, config.kv_width)
    query, key = widths if config.qk_norm == "width" else (width, width)
    return (
        _norm_of(config, "query_norm", (query,), shift),
        _norm_of(config, "key_norm", (key,), shift),
    )
