"""MLPs and experts."""

from typing import Annotated

from gpt2calc.model.fields.known import Known, Layers, Size
from gpt2calc.model.fields.mixers import MixerFields
from gpt2calc.tape.numeric import is_numeric, smaller


class MLPFields(MixerFields):
    """The MLP of a layer, or its experts and their router."""

    n_inner: Annotated[
        Size | None,
        Known(
            "MLP width {}",
            "Width of the MLP's hidden layer. If left out: 4 * n_embd.",
            letter="f",
            place=10,
            rule="mlp_width",
            follows=("n_embd",),
            example=3072,
        ),
    ] = None
    gated_mlp: Annotated[bool, Known("no gated MLP", "A gate in the MLP: a third matrix.")] = False
    learned_activation: Annotated[
        bool,
        Known(
            "no xIELU with learned parameters",
            "Two numbers for each MLP, that shape its activation (xIELU).",
        ),
    ] = False
    double_wide_mlp: Annotated[
        bool,
        Known(
            "no MLP twice as wide in layers with keys of earlier ones",
            "An MLP twice as wide in shared_kv_layers.",
        ),
    ] = False
    n_expert: Annotated[
        Size | None,
        Known(
            "{} experts",
            "MLPs of a block, of which a router chooses some for each token.",
            letter="E",
            place=4,
            example=8,
        ),
    ] = None
    n_expert_active: Annotated[
        Size | None,
        Known(
            "{} active",
            "Experts that a token goes through. If left out: 2, or the only one.",
            letter="A",
            place=5,
            rule="chosen_experts",
            follows=("n_expert",),
            always_said=True,
            example=2,
        ),
    ] = None
    n_inner_expert: Annotated[
        Size | None,
        Known(
            "experts of width {}",
            "Width of an expert's hidden layer. If left out: n_inner.",
            letter="x",
            place=11,
            rule="expert_width",
            follows=("n_inner", "n_embd", "n_expert"),
            echoes=True,
            example=768,
        ),
    ] = None
    expert_latent_dim: Annotated[
        Size | None,
        Known(
            "experts in a latent {} wide",
            "Width of what experts make of a token and return, between two matrices of the whole "
            "width. If left out: n_embd, and there are none.",
            letter="o",
            place=27,
            example=2048,
        ),
    ] = None
    n_inner_shared: Annotated[
        Size | None,
        Known(
            "a shared expert of width {}",
            "Width of an expert that every token goes through, beside those chosen for it.",
            letter="s",
            place=12,
            example=5632,
        ),
    ] = None
    shared_gate: Annotated[
        bool,
        Known(
            "no gate of the shared expert",
            "A gate of the shared expert: one number for each token, by which its outcome is "
            "multiplied.",
        ),
    ] = True
    router_bias: Annotated[
        bool, Known("no bias of the router", "A bias in the router's scores of the experts.")
    ] = False
    choice_bias: Annotated[
        bool,
        Known(
            "no bias of the experts' choice",
            "A number for each expert that is added to its score where experts are chosen, and "
            "is a parameter.",
        ),
    ] = False
    expert_bias: Annotated[
        bool | None,
        Known(
            "no biases of experts",
            "Biases in the experts. If left out: as mlp_bias.",
            rule="experts_biased",
            follows=("mlp_bias", "bias"),
            echoes=True,
        ),
    ] = None
    norm_after_experts: Annotated[
        bool,
        Known(
            "no norm after experts",
            "A norm of what experts return, in each layer with experts (A.X-K1).",
        ),
    ] = False
    mlp_beside_experts: Annotated[
        bool,
        Known(
            "no MLP beside the experts",
            "An MLP beside the experts, in each layer with experts, with norms of both.",
        ),
    ] = False
    dense_layers: Annotated[
        Layers,
        Known("no experts in layers {}", "Layers that have one MLP and no experts, from 0 on."),
    ] = ()

    @property
    def mlp_width(self) -> int:
        """Width of the MLP's hidden layer: ``n_inner``, or four times the model's width."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    @property
    def expert_width(self) -> int | None:
        """Width of an expert's hidden layer; None without experts."""
        if self.n_expert is None:
            return None
        return self.mlp_width if self.n_inner_expert is None else self.n_inner_expert

    @property
    def chosen_experts(self) -> int | None:
        """Experts that a token goes through: two, or the only one; None without experts."""
        if self.n_expert_active is not None or self.n_expert is None:
            return self.n_expert_active
        return smaller(2, self.n_expert) if is_numeric(self.n_expert) else 2
