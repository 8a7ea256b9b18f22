"""Builder of a layer's MLP from a config, or of its router and experts."""

from gpt2calc.model.builders.norm import norm, norm_over
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.kinds import LayerKind
from gpt2calc.model.linear import Linear, Matrix
from gpt2calc.model.mlps.experts import (
    ExpertMatrices,
    Experts,
    Implementation,
    SeparateExperts,
    StackedMatrices,
)
from gpt2calc.model.mlps.mixtures import (
    MixtureOfExperts,
    MLPBesideExperts,
    NarrowedExperts,
    NormedExperts,
)
from gpt2calc.model.mlps.mlp import MLP, Activation, GatedMLP, JointGatedMLP, LearnedActivation
from gpt2calc.model.mlps.routers import Router, ScaledRouter
from gpt2calc.model.part import HiddenToHidden, varied

MLP_ROLES = ("mlp_gate", "mlp_in", "mlp_out")
SHARED_ROLES = ("shared_gate", "shared_in", "shared_out")
"""The roles of the matrices of an MLP, and of the MLP beside experts (the shared expert)."""
JOINT_ROLES = {MLP_ROLES: "mlp_gate_in", SHARED_ROLES: "shared_gate_in"}
"""The role of the matrix that makes both the gate and the hidden layer, in families with one."""


class MLPBuilder:
    """Makes the MLPs and experts of one model.

    Args:
        config: the model; d is its width.
        activation: the operation between the matrices of an MLP.
        experts_implementation: how the products of experts are computed, as transformers calls it.

    """

    def __init__(
        self, config: ModelConfig, activation: str, experts_implementation: Implementation
    ) -> None:
        self.config = config
        self.family = config.of_family
        self.architecture = config.architecture
        self.linear = config.architecture.linear
        self.activation = activation
        self.experts_implementation = experts_implementation
        self.d = config.n_embd
        self.mlp_bias = config.biased("mlp_bias")

    def build(self, kind: LayerKind) -> HiddenToHidden:
        """Return the MLP, or the experts, of a layer."""
        if not kind.has_experts:
            return self._mlp_of(kind)
        if self.config.mlp_beside_experts:
            return self._beside(self._mlp_of(kind))
        if self.config.norm_after_experts:
            return NormedExperts(self._experts(), norm(self.config, "experts_post_norm"))
        return self._experts()

    def _mlp_of(self, kind: LayerKind) -> HiddenToHidden:
        """Return the MLP of a layer; ``double_wide_mlp`` widens it where keys are taken over."""
        width = self.config.mlp_width
        if kind.keys == "taken" and self.config.double_wide_mlp:
            return varied(self._mlp(2 * width), "wide")
        return self._mlp(width)

    def _beside(self, mlp: HiddenToHidden) -> MLPBesideExperts:
        """Return an MLP and experts, whose outcomes are added, each after a norm."""
        mixture = self._experts()
        return MLPBesideExperts(
            mlp,
            norm(self.config, "mlp_own_post_norm"),
            mixture,
            norm(self.config, "experts_norm"),
            norm(self.config, "experts_post_norm"),
        )

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

    def up_and_down(self) -> tuple[Matrix, Matrix]:
        """Return the two matrices of a plain MLP."""
        d, width, bias = self.d, self.config.mlp_width, self.mlp_bias
        return self.linear("mlp_in", d, width, bias), self.linear("mlp_out", width, d, bias)

    def _experts(self) -> HiddenToHidden:
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

    def _mixture(self, router: Router, experts: Experts | NarrowedExperts) -> HiddenToHidden:
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
