"""The layers of a model: which parts a block has, and their sizes."""

from typing import NamedTuple, TypeAlias

from gpt2calc.model.attention import Attended, LayerContext
from gpt2calc.model.attention_layer import AttentionBuilder
from gpt2calc.model.attention_variants import BloomAttention, MPTAttention
from gpt2calc.model.block_variants import MPTMLP, BloomBlock, BloomMLP, MPTBlock
from gpt2calc.model.blocks import BlockPart, Layer, MixerBlock, MLPBlock
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.experts import (
    ExpertMatrices,
    Experts,
    Implementation,
    MixtureOfExperts,
    NarrowedExperts,
)
from gpt2calc.model.linear import Conv1D, Linear
from gpt2calc.model.mixer_layer import MixerBuilder
from gpt2calc.model.mixers import SideBySide
from gpt2calc.model.mlp import MLP, GatedMLP, JointGatedMLP
from gpt2calc.model.norm_layer import norm
from gpt2calc.model.part import Leaf, Part
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

    d is the width of the model.
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
        self.mlp_bias = config.biased("mlp_bias")
        self.attention = AttentionBuilder(config)

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
            BloomAttention(self.attention.qkv(), self.attention.out(), self.attention.heads),
            BloomMLP(*self._up_and_down(), self.activation),
            norm1=self.norm("attention_norm"),
            norm2=self.norm("mlp_norm"),
        )

    def _mpt_block(self) -> BlockPart:
        return MPTBlock(
            MPTAttention(self.attention.qkv(), self.attention.out(), self.attention.heads),
            MPTMLP(*self._up_and_down(), self.activation),
            norm1=self.norm("attention_norm"),
            norm2=self.norm("mlp_norm"),
        )

    def _attention(self, layer: LayerKind) -> Part[[Tensor, LayerContext], Attended]:
        """Return what mixes the tokens of a layer."""
        if layer.mixer != "attention":
            return MixerBuilder(self.config).build(layer.mixer)
        attention = self.attention.build(has_rope=layer.has_rope, has_indexer=layer.has_indexer)
        if layer.beside == "none":
            return attention
        return SideBySide(attention, MixerBuilder(self.config).build(layer.beside))

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

    def norm(self, role: str) -> Leaf:
        """Return a norm over the model's whole width."""
        return norm(self.config, role)
