"""The layers of a model: which parts a block has, and their sizes."""

from typing import NamedTuple, TypeAlias

from gpt2calc.errors import UserError
from gpt2calc.model.attention import (
    Additions,
    Attended,
    Attention,
    LayerContext,
    Scores,
    Sinks,
    SinkScores,
)
from gpt2calc.model.attention_variants import (
    BloomAttention,
    FalconAlibiAttention,
    FalconAttention,
    MPTAttention,
)
from gpt2calc.model.block_variants import MPTMLP, BloomBlock, BloomMLP, MPTBlock
from gpt2calc.model.blocks import BlockPart, Layer, MixerBlock, MLPBlock
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.derived import HEAD_WIDTH
from gpt2calc.model.experts import (
    ExpertMatrices,
    Experts,
    Implementation,
    MixtureOfExperts,
    NarrowedExperts,
)
from gpt2calc.model.heads import Heads
from gpt2calc.model.latent import Indexer, LatentAttention, LatentQuery, LatentSizes
from gpt2calc.model.linear import Conv1D, Linear
from gpt2calc.model.mixer_layer import MixerBuilder
from gpt2calc.model.mixers import SideBySide
from gpt2calc.model.mlp import MLP, GatedMLP, JointGatedMLP
from gpt2calc.model.norms import LayerNorm
from gpt2calc.model.part import Leaf, Part
from gpt2calc.model.projections import (
    JointProjection,
    JointWithGate,
    NormedWithGate,
    Projection,
    SeparateProjection,
)
from gpt2calc.model.rotary import PartialRotary
from gpt2calc.model.routers import Router
from gpt2calc.tape.tensor import Tensor

Matrix: TypeAlias = Linear | Conv1D

MLP_ROLES = ("mlp_gate", "mlp_in", "mlp_out")


class LayerKind(NamedTuple):
    """In what the layers of one model may differ."""

    has_experts: bool
    has_rope: bool
    window: int | None = None
    has_indexer: bool = False
    mixer: str = "attention"
    """What mixes tokens, or ``"none"``."""
    has_mlp: bool = True
    """Whether there is an MLP, or experts."""
    beside: str = "none"
    """What mixes tokens beside attention."""


SHARED_ROLES = ("shared_gate", "shared_in", "shared_out")
"""The roles of an MLP's matrices, and of the expert's that every token goes through."""
JOINT_ROLES = {MLP_ROLES: "mlp_gate_in", SHARED_ROLES: "shared_gate_in"}
"""The role of the one matrix of gate and hidden layer, in families that join them."""


class LayerBuilder:
    """Makes layers of one model. What all of their parts need is read from the config once.

    d is the width of the model, q that of the queries of all heads together, kv that of the keys,
    and of the values.
    """

    def __init__(
        self, config: ModelConfig, fuses_gelu: bool, experts_implementation: Implementation
    ) -> None:
        family = config.of_family
        self.config = config
        self.experts_implementation = experts_implementation
        self.family = family
        self.architecture = architecture = family.architecture
        self.linear = architecture.linear
        self.activation = "gelu" if fuses_gelu else architecture.activation
        self.d = config.n_embd
        self.q = q = config.query_width
        self.kv = q if config.n_kv_head is None else config.kv_width
        self.shift = config.biased("norm_bias")
        self.mlp_bias = config.biased("mlp_bias")
        self.is_layer_norm = config.norm == "layer"
        known = config.heads
        heads = 1 if known is None else known  # where nothing says how many there are
        kv_heads = heads if config.n_kv_head is None else config.n_kv_head
        rotary_dim = config.qk_rope_head_dim if config.is_latent else config.rotary_dim
        self.heads = Heads(heads, kv_heads, q, rotary_dim, architecture.rotary_part)

    # ---- blocks ------------------------------------------------------------------------------

    def block(self, kind: LayerKind) -> BlockPart:
        """Return a layer of a kind."""
        style = self.architecture.style
        if style in ("bloom", "mpt") and self._has_plain_blocks:
            return self._bloom_block() if style == "bloom" else self._mpt_block()
        block = self._block_of_one_part(kind) or self._block(self._mlp_or_experts(kind), kind)
        block.window = kind.window
        return block

    def _mlp_or_experts(self, kind: LayerKind) -> Layer:
        return self._experts() if kind.has_experts else self._mlp(self.config.mlp_width)

    def _block_of_one_part(self, kind: LayerKind) -> BlockPart | None:
        """Return a block of an MLP alone, or of what mixes tokens alone; None for one of both."""
        if kind.mixer == "none":
            return MLPBlock(self.norm("mlp_norm"), self._mlp_or_experts(kind))
        if not kind.has_mlp:
            return MixerBlock(self.norm("attention_norm"), self._attention(kind))
        return None

    @property
    def _has_plain_blocks(self) -> bool:
        """Whether nothing was changed that BLOOM's and MPT's own blocks have not."""
        config = self.config
        changed = (
            config.gated_mlp,
            config.has_own_heads,
            config.qk_norm != "none",
            config.parallel_residual,
            config.n_expert is not None,
            config.attention_gate,
            config.attention_sinks,
            config.is_latent,
            config.mixer != "attention",
        )
        is_plain = config.norm_place == "before" and config.positions == "alibi"
        return is_plain and not any(changed)

    def _block(self, mlp: Layer, layer: LayerKind) -> BlockPart:
        """Put the norms about attention and MLP."""
        place, norm = self.config.norm_place, self.norm
        after_attention = after_mlp = None
        if place == "after":
            after_attention, after_mlp = norm("attention_norm"), norm("mlp_norm")
        elif place == "both":
            after_attention, after_mlp = norm("attention_post_norm"), norm("mlp_post_norm")
        kind = self.architecture.block(place, is_parallel=self.config.parallel_residual)
        return kind(
            self._attention(layer),
            mlp,
            norm1=None if place == "after" else norm("attention_norm"),
            post_norm1=after_attention,
            norm2=norm("mlp_norm") if place in ("before", "both") else None,
            post_norm2=after_mlp,
            residual_is_scaled=self.architecture.residual_is_scaled,
        )

    def _bloom_block(self) -> BlockPart:
        return BloomBlock(
            BloomAttention(self._qkv(), self._attention_out(), self.heads),
            BloomMLP(*self._up_and_down(), self.activation),
            norm1=self.norm("attention_norm"),
            norm2=self.norm("mlp_norm"),
        )

    def _mpt_block(self) -> BlockPart:
        return MPTBlock(
            MPTAttention(self._qkv(), self._attention_out(), self.heads),
            MPTMLP(*self._up_and_down(), self.activation),
            norm1=self.norm("attention_norm"),
            norm2=self.norm("mlp_norm"),
        )

    # ---- attention ---------------------------------------------------------------------------

    def _attention(self, layer: LayerKind) -> Part[[Tensor, LayerContext], Attended]:
        architecture, config = self.architecture, self.config
        if layer.mixer != "attention":
            return MixerBuilder(config).build(layer.mixer)
        if layer.beside != "none":
            alone = self._attention(layer._replace(beside="none"))
            return SideBySide(alone, MixerBuilder(config).build(layer.beside))
        if config.is_latent:
            return self._latent_attention(has_indexer=layer.has_indexer)
        is_plain = config.norm_place in ("before", "shared") and config.qk_norm == "none"
        is_plain = is_plain and not (config.attention_gate or config.attention_sinks)
        if architecture.style == "falcon" and is_plain:
            kind = architecture.rotary if self.config.rotary_dim is None else PartialRotary
            rotary = kind(self.heads)
            falcon = FalconAlibiAttention if config.positions == "alibi" else FalconAttention
            return falcon(
                self._qkv(),
                self._attention_out(),
                rotary,
                self.heads,
                groups_qkv=architecture.groups_qkv,
            )
        return self._standard_attention(self._projection(), layer.has_rope)

    def _latent_attention(self, *, has_indexer: bool) -> LatentAttention:
        """Return attention whose keys and values are made of a latent.

        c and q are the widths of the latents of keys and values, and of queries; n, r and v those
        of a head without rotary positions, with them, and of its values; h the number of heads.
        """
        config, d, linear = self.config, self.d, Linear
        c, q, h = config.kv_lora_rank, config.q_lora_rank, self.heads.query
        n, r, v = config.qk_nope_head_dim, config.qk_rope_head_dim, config.v_head_dim
        assert c is not None
        assert n is not None
        assert r is not None
        assert v is not None
        rotary = self.architecture.rotary if self.turns_as_its_family else PartialRotary
        bias = config.biased("qkv_bias")
        if q is None:
            query = LatentQuery(None, None, linear("query", d, h * (n + r)))
        else:
            query = LatentQuery(
                linear("query_down", d, q, bias),
                self.architecture.rms_norm("query_latent_norm", (q,)),
                linear("query_up", q, h * (n + r)),
            )
        return LatentAttention(
            query,
            linear("kv_down", d, c + r, bias),
            self.architecture.rms_norm("kv_latent_norm", (c,)),
            linear("kv_up", c, h * (n + v)),
            linear("attention_out", h * v, d, config.biased("attn_proj_bias")),
            rotary=rotary(self.heads),
            scores=self.architecture.scores(self.heads),
            sizes=LatentSizes(h, c, n, r, v),
            indexer=self._indexer() if has_indexer else None,
        )

    def _indexer(self) -> Indexer:
        config, d = self.config, self.d
        q, i, j = config.q_lora_rank, config.index_n_heads, config.index_head_dim
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

    def _standard_attention(self, projection: Projection, has_rope: bool) -> Attention:
        architecture = self.architecture
        rotary = None
        if has_rope:
            turned = architecture.rotary if self.turns_as_its_family else PartialRotary
            if self.config.rotary_dim is not None and not turned.rotates_part:
                turned = PartialRotary
            rotary = turned(self.heads)
        sinks = Sinks(self.heads.query) if self.config.attention_sinks else None
        kind, scores = architecture.attention, architecture.scores(self.heads)
        if not kind.takes(self._additions):
            kind, scores = Attention, Scores(self.heads)
        if sinks is not None:
            scores = SinkScores(self.heads, sinks)
        attention = kind(projection, rotary, scores, self._attention_out(), sinks)
        attention.is_gated = self.config.attention_gate
        return attention

    @property
    def _additions(self) -> Additions:
        config = self.config
        return Additions(
            qk_norm=config.qk_norm,
            has_rotary=config.positions == "rotary",
            has_gate=config.attention_gate,
            has_sinks=config.attention_sinks,
        )

    @property
    def turns_as_its_family(self) -> bool:
        """Whether the family's rotation fits: one of them exchanges heads and tokens as well."""
        if self.config.is_latent:
            return not self.architecture.rotary.transposes
        joins = self.family.joins_qkv
        kind = self._joint_kind() if joins else self._separate_kind()
        return self.architecture.rotary.transposes != kind.transposes

    def _projection(self) -> Projection:
        norms = self._qk_norms()
        if self.family.joins_qkv:
            return self._joint_kind()(self._qkv(), self.q, self.kv, self.heads, *norms)
        bias, linear, d = self.config.biased("qkv_bias"), self.linear, self.d
        queries = 2 * self.q if self.config.attention_gate else self.q
        query, key = linear("query", d, queries, bias), linear("key", d, self.kv, bias)
        value = linear("value", d, self.kv, bias)
        return self._separate_kind()(query, key, value, self.heads, *norms)

    def _joint_kind(self) -> type[JointProjection]:
        joint, shares_kv = self.architecture.joint, self.config.n_kv_head is not None
        if self.config.attention_gate:
            return JointWithGate
        is_turned = joint.transposes or self.config.positions == "rotary"
        is_own = is_turned and (joint.can_share_kv or not shares_kv)
        return joint if is_own else JointProjection

    def _separate_kind(self) -> type[SeparateProjection]:
        config, separate = self.config, self.architecture.separate
        if config.attention_gate:
            return NormedWithGate
        if config.qk_norm != "none":
            return self.architecture.separate_with_norms[config.qk_norm]
        is_turned = separate.transposes or config.positions == "rotary"
        return separate if is_turned else SeparateProjection

    def _qkv(self) -> Matrix:
        queries = 2 * self.q if self.config.attention_gate else self.q
        return self.linear("qkv", self.d, queries + 2 * self.kv, self.config.biased("qkv_bias"))

    def _attention_out(self) -> Matrix:
        bias = self.config.biased("attn_proj_bias")
        return self.linear("attention_out", self.q, self.d, bias)

    # ---- MLPs and experts --------------------------------------------------------------------

    def _mlp(
        self, width: int, roles: tuple[str, str, str] = MLP_ROLES
    ) -> MLP | GatedMLP | JointGatedMLP:
        """Return an MLP: into its hidden layer, an activation, and out of it; gated or not."""
        mlp = self._plain_or_gated(width, roles)
        mlp.drops_outcome = self.architecture.mlp_drops_outcome
        return mlp

    def _plain_or_gated(
        self, width: int, roles: tuple[str, str, str]
    ) -> MLP | GatedMLP | JointGatedMLP:
        d, bias, linear = self.d, self.mlp_bias, self.linear
        activation = self.activation
        gate, up, down = roles
        out = linear(down, width, d, bias)
        if not self.config.gated_mlp:
            return MLP(linear(up, d, width, bias), out, activation)
        joint = JOINT_ROLES[roles]
        if joint in self.family.names.modules:
            return JointGatedMLP(linear(joint, d, 2 * width, bias), out, width, activation)
        return GatedMLP(linear(gate, d, width, bias), linear(up, d, width, bias), out, activation)

    def _up_and_down(self) -> tuple[Matrix, Matrix]:
        d, width, bias = self.d, self.config.mlp_width, self.mlp_bias
        return self.linear("mlp_in", d, width, bias), self.linear("mlp_out", width, d, bias)

    def _experts(self) -> Layer:
        """Return a router, its experts, and the MLP beside them that every token takes, if any.

        E is the number of experts, A how many are chosen, x the width of each.
        """
        config, architecture, d = self.config, self.architecture, self.d
        E, A, x = config.n_expert, config.chosen_experts, config.expert_width
        assert E is not None
        assert A is not None
        assert x is not None
        bias = config.biased("expert_bias")
        first = architecture.experts_outputs_first
        router = architecture.router(
            d,
            E,
            A,
            normalized=architecture.router_normalizes,
            casts_back=architecture.router_casts_back,
            bias=config.router_bias,
            choice_bias=config.choice_bias,
        )
        width = 2 * x if config.gated_mlp else x
        o = d if config.expert_latent_dim is None else config.expert_latent_dim
        experts = Experts(
            ExpertMatrices("experts_in", E, o, width, bias, A, outputs_first=first),
            ExpertMatrices("experts_out", E, x, o, bias, A, outputs_first=first),
            self.activation,
            self.experts_implementation,
            is_gated=config.gated_mlp,
        )
        return self._mixture(router, self._narrowed(experts))

    def _narrowed(self, experts: Experts) -> Experts | NarrowedExperts:
        o = self.config.expert_latent_dim
        if o is None:
            return experts
        narrow = Linear("experts_narrow", self.d, o, self.mlp_bias)
        return NarrowedExperts(narrow, experts, Linear("experts_widen", o, self.d, self.mlp_bias))

    def _mixture(self, router: Router, experts: Experts | NarrowedExperts) -> Layer:
        """Put beside a router and its experts the MLP that every token takes, if there is one."""
        width, architecture = self.config.n_inner_shared, self.architecture
        if architecture.rebinds_expert_input and width is None:
            return MixtureOfExperts(router, experts)
        shared = gate = None
        if width is not None:
            shared = self._mlp(width, SHARED_ROLES)
            gate = Linear("shared_router", self.d, 1) if self.config.shared_gate else None
        kind = architecture.experts
        return kind(router, experts, shared, gate)

    # ---- norms -------------------------------------------------------------------------------

    def norm(self, role: str) -> Leaf:
        """Return a norm over the model's whole width."""
        return self._norm_of(role, (self.d,), self.shift)

    def _norm_of(self, role: str, shape: tuple[int, ...], shift: bool) -> Leaf:
        if self.is_layer_norm:
            return self.architecture.layer_norm(role, shape, shift)
        if self.config.norm == "rms":
            return self.architecture.rms_norm(role, shape, shift)
        return self.architecture.parameter_free_norm(role)

    def _qk_norms(self) -> tuple[Leaf, ...]:
        """Return the norms of queries and keys: of every head, one scale or many; or of all."""
        config = self.config
        if config.qk_norm == "none":
            return ()
        if config.norm == "none":
            return self.norm("query_norm"), self.norm("key_norm")
        width = config.head_width
        if width is None:
            raise UserError(
                f"n_embd {config.n_embd} is no multiple of {HEAD_WIDTH}, a head's usual width, and "
                "queries are normed head by head: give n_head"
            )
        if config.qk_norm == "heads":
            per_head = self.architecture.norm_per_head
            return (
                per_head("query_norm", (self.heads.query, width)),
                per_head("key_norm", (self.heads.kv, width)),
            )
        shift = self.shift
        query, key = (self.q, self.kv) if config.qk_norm == "width" else (width, width)
        return (
            self._norm_of("query_norm", (query,), shift),
            self._norm_of("key_norm", (key,), shift),
        )
