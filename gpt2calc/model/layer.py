"""The layers of a model: which parts a block has, and their sizes."""

from typing import TypeAlias

from gpt2calc.model.alibi_attention import BloomAttention, MPTAttention
from gpt2calc.model.altup import AltUp, Gemma3nBlock, Laurel
from gpt2calc.model.attention import LayerContext
from gpt2calc.model.attention_layer import AttentionBuilder
from gpt2calc.model.block_variants import (
    MPTMLP,
    BloomBlock,
    BloomMLP,
    MLPBesideExperts,
    MPTBlock,
    NormedExperts,
)
from gpt2calc.model.blocks import BlockPart, Layer, MixerBlock, MLPBlock
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.experts import (
    ExpertMatrices,
    Experts,
    Implementation,
    MixtureOfExperts,
    NarrowedExperts,
    SeparateExperts,
    StackedMatrices,
)
from gpt2calc.model.kinds import LayerKind
from gpt2calc.model.linear import Conv1D, Linear
from gpt2calc.model.mixer_layer import MixerBuilder
from gpt2calc.model.mixers import SideBySide
from gpt2calc.model.mlp import MLP, Activation, GatedMLP, JointGatedMLP, LearnedActivation
from gpt2calc.model.norm_layer import norm, norm_over
from gpt2calc.model.part import Leaf, Part, varied
from gpt2calc.model.per_layer import BlockWithEmbedding, GatedPerLayerEmbedding
from gpt2calc.model.routers import Router, ScaledRouter
from gpt2calc.model.scores import Attended
from gpt2calc.tape.tensor import Tensor

Matrix: TypeAlias = Linear | Conv1D

MLP_ROLES = ("mlp_gate", "mlp_in", "mlp_out")


SHARED_ROLES = ("shared_gate", "shared_in", "shared_out")
"""The roles of the matrices of an MLP, and of the MLP beside experts (the shared expert)."""
JOINT_ROLES = {MLP_ROLES: "mlp_gate_in", SHARED_ROLES: "shared_gate_in"}
"""The role of the matrix that makes both the gate and the hidden layer, in families with one."""


class LayerBuilder:
    """Makes the layers of one model.

    Args:
        config: the model; d is its width.
        fuses_gelu: whether GELU is one kernel where the class writes it out.
        experts_implementation: how the products of experts are computed, as transformers calls it.

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
        config = self.config
        if config.altup_inputs is not None or config.laurel_rank is not None:
            block: BlockPart = self._gemma3n_block(kind)
        else:
            block = self._with_embedding(self._block_of(kind))
        block.window = kind.window
        block.is_full = kind.is_full
        block.caches = kind.mixer == "attention" and kind.keys != "taken"
        return block

    def _block_of(self, kind: LayerKind) -> BlockPart:
        style = self.architecture.style
        is_own = kind.keys == "own" and not kind.is_full
        of_one_part = self._block_of_one_part(kind)
        if of_one_part is not None:
            return of_one_part
        if style in ("bloom", "mpt") and is_own and self._has_plain_blocks:
            return self._bloom_block() if style == "bloom" else self._mpt_block()
        return self._block(self._mlp_or_experts(kind), kind)

    def _with_embedding(self, block: BlockPart) -> BlockPart:
        """Return a block that adds the layer's own embedding, where layers have one."""
        embedding = self._own_embedding()
        return block if embedding is None else BlockWithEmbedding(block, embedding)

    def _own_embedding(self) -> GatedPerLayerEmbedding | None:
        d, p = self.d, self.config.per_layer_dim
        if p is None:
            return None
        gate, out = Linear("per_layer_gate", d, p), Linear("per_layer_out", p, d)
        return GatedPerLayerEmbedding(gate, self.activation, out, self.norm("per_layer_post_norm"))

    def _gemma3n_block(self, kind: LayerKind) -> Gemma3nBlock:
        """Return a block with several residual streams (AltUp) or a low-rank residual (LAuReL).

        r is that rank, a the number of streams.
        """
        d, r, a = self.d, self.config.laurel_rank, self.config.altup_inputs
        laurel = altup = None
        if r is not None:
            down, up = Linear("laurel_down", d, r), Linear("laurel_up", r, d)
            laurel = Laurel(down, up, self.norm("laurel_norm"))
        if a is not None:
            altup = AltUp(d, a, self.norm("altup_norm"))
        return Gemma3nBlock(
            self._attention(kind),
            self._mlp_or_experts(kind),
            norm1=self.norm("attention_norm"),
            norm2=self.norm("mlp_norm"),
            post_norm1=self.norm("attention_post_norm"),
            post_norm2=self.norm("mlp_post_norm"),
            altup=altup,
            laurel=laurel,
            embedding=self._own_embedding(),
        )

    def _mlp_or_experts(self, kind: LayerKind) -> Layer:
        if not kind.has_experts:
            return self._mlp_of(kind)
        if self.config.mlp_beside_experts:
            return self._beside(self._mlp_of(kind))
        if self.config.norm_after_experts:
            return NormedExperts(self._experts(), self.norm("experts_post_norm"))
        return self._experts()

    def _mlp_of(self, kind: LayerKind) -> Layer:
        """Return the MLP of a layer; ``double_wide_mlp`` widens it where keys are taken over."""
        width = self.config.mlp_width
        if kind.keys == "taken" and self.config.double_wide_mlp:
            return varied(self._mlp(2 * width), "wide")
        return self._mlp(width)

    def _beside(self, mlp: Layer) -> MLPBesideExperts:
        """Return an MLP and experts, whose outcomes are added, each after a norm."""
        mixture = self._experts()
        return MLPBesideExperts(
            mlp,
            self.norm("mlp_own_post_norm"),
            mixture,
            self.norm("experts_norm"),
            self.norm("experts_post_norm"),
        )

    def _block_of_one_part(self, kind: LayerKind) -> BlockPart | None:
        """Return a block of an MLP alone, or of what mixes tokens alone; None for one of both."""
        if kind.mixer == "none":
            return MLPBlock(self.norm("mlp_norm"), self._mlp_or_experts(kind))
        if not kind.has_mlp:
            return MixerBlock(self.norm("attention_norm"), self._attention(kind))
        return None

    @property
    def _has_plain_blocks(self) -> bool:
        """Whether a config asks for nothing that BLOOM's and MPT's own blocks cannot have."""
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
            config.v_head_dim is not None,
            config.sub_norms,
            config.differential_attention,
            config.learned_activation,
        )
        is_plain = config.norm_place == "before" and config.positions == "alibi"
        return is_plain and not any(changed)

    def _block(self, mlp: Layer, layer: LayerKind) -> BlockPart:
        """Return a block of attention and an MLP, with norms where ``norm_place`` puts them."""
        place, norm = self.config.norm_place, self.norm
        after_attention = after_mlp = None
        is_after = self.architecture.norms_after_attention and layer.mixer == "attention"
        if is_after and place == "before":
            place = "after"
            after_attention, after_mlp = norm("attention_post_norm"), norm("mlp_post_norm")
        elif place == "after":
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
        builder = self.attention
        if layer.is_full and self.config.has_full_sizes:
            builder = AttentionBuilder(self.config.in_full_layers())
        attention = builder.build(
            has_rope=layer.has_rope,
            has_indexer=layer.has_indexer,
            is_full=layer.is_full,
            sharing=None if layer.keys == "own" else (layer.window, layer.is_full),
            takes_keys=layer.keys == "taken",
        )
        if builder is not self.attention:
            varied(attention, "full")
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
        gate, up, down = roles
        out, act = linear(down, width, d, bias), Activation(self.activation)
        is_shared = roles == SHARED_ROLES
        if self.config.learned_activation and not is_shared:
            act = LearnedActivation()
        has_norm = self.config.sub_norms and not is_shared
        sub_norm = norm_over(self.config, "mlp_sub_norm", (width,)) if has_norm else None
        if not self.config.gated_mlp:
            return MLP(linear(up, d, width, bias), out, act, sub_norm)
        joint = JOINT_ROLES[roles]
        if joint in self.family.names.modules:
            return JointGatedMLP(linear(joint, d, 2 * width, bias), out, width, act, sub_norm)
        return GatedMLP(
            linear(gate, d, width, bias), linear(up, d, width, bias), out, act, sub_norm
        )

    def _up_and_down(self) -> tuple[Matrix, Matrix]:
        d, width, bias = self.d, self.config.mlp_width, self.mlp_bias
        return self.linear("mlp_in", d, width, bias), self.linear("mlp_out", width, d, bias)

    def _experts(self) -> Layer:
        """Return a router, its experts, and the MLP beside them that every token takes, if any."""
        n_expert, chosen = self.config.n_expert, self.config.chosen_experts
        assert n_expert is not None
        assert chosen is not None
        router = self._router(n_expert, chosen)
        return self._mixture(router, self._narrowed(self._experts_alone(n_expert, chosen)))

    def _experts_alone(self, E: int, A: int) -> Experts:
        """Return E experts, A of which are chosen; each of width x, between vectors of width o."""
        config, is_gated = self.config, self.config.gated_mlp
        x, bias = config.expert_width, config.biased("expert_bias")
        assert x is not None
        o = self.d if config.expert_latent_dim is None else config.expert_latent_dim
        run = self.activation, self.experts_implementation
        up: ExpertMatrices
        down: ExpertMatrices
        if self.architecture.stacks_experts:
            up = StackedMatrices("experts_in", E, o, x, bias, A)
            down = StackedMatrices("experts_out", E, x, o, bias, A, outputs_first=False)
            if not is_gated:
                return Experts(up, down, *run, is_gated=False)
            return SeparateExperts(
                StackedMatrices("experts_gate", E, o, x, bias, A), up, down, *run
            )
        first, width = self.architecture.experts_outputs_first, 2 * x if is_gated else x
        up = ExpertMatrices("experts_in", E, o, width, bias, A, outputs_first=first)
        down = ExpertMatrices("experts_out", E, x, o, bias, A, outputs_first=first)
        return Experts(up, down, *run, is_gated=is_gated)

    def _router(self, n_expert: int, chosen: int) -> Router:
        config, architecture = self.config, self.architecture
        if config.mlp_beside_experts:
            return ScaledRouter(self.d, n_expert, chosen, bias=config.router_bias)
        return architecture.router(
            self.d,
            n_expert,
            chosen,
            normalized=architecture.router_normalizes,
            casts_back=architecture.router_casts_back,
            bias=config.router_bias,
            choice_bias=config.choice_bias,
            choice_bias_is_row=architecture.choice_bias_is_row,
        )

    def _narrowed(self, experts: Experts) -> Experts | NarrowedExperts:
        o = self.config.expert_latent_dim
        if o is None:
            return experts
        narrow = Linear("experts_narrow", self.d, o, self.mlp_bias)
        return NarrowedExperts(narrow, experts, Linear("experts_widen", o, self.d, self.mlp_bias))

    def _mixture(self, router: Router, experts: Experts | NarrowedExperts) -> Layer:
        """Return a router and its experts, with the MLP that every token takes, if there is one."""
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
