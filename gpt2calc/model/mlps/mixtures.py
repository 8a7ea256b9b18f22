"""Mixtures of experts: a router, the experts that it chooses, and the shared expert beside them.

Source: transformers, ``models/mixtral/modeling_mixtral.py`` and
``models/qwen2_moe/modeling_qwen2_moe.py``.
"""

from gpt2calc.model.linear import Linear
from gpt2calc.model.mlps.experts import Experts
from gpt2calc.model.mlps.routers import Router
from gpt2calc.model.part import HiddenToHidden, Part
from gpt2calc.tape.elementwise import add, mul, of_output
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import reshape, view


class NarrowedExperts(Part[[Tensor, Tensor, Tensor], Tensor]):
    """Nemotron 3's: experts that work in a latent, narrower than the model."""

    def __init__(self, narrow: Linear, experts: Experts, widen: Linear) -> None:
        self.narrow = narrow
        self.experts = experts
        self.widen = widen

    def forward(self, x: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
        """Apply to tokens (tokens, width) the experts chosen (tokens, experts_per_token)."""
        return self.widen(self.experts(self.narrow(x), chosen, weights))


class MixtureOfExperts(HiddenToHidden):
    """A router and its experts, in the place of an MLP."""

    role = "mlp"

    def __init__(self, router: Router, experts: Experts | NarrowedExperts) -> None:
        self.router = router
        self.experts = experts

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        batch, seq, width = x.shape
        x = view(x, -1, width)
        _, weights, chosen = self.router(x)
        x = self.experts(x, chosen, weights)
        return reshape(x, batch, seq, width)


class SharedMixtureOfExperts(MixtureOfExperts):
    """Qwen's: beside the experts there may be an MLP for every token, times a gate of its own."""

    def __init__(
        self,
        router: Router,
        experts: Experts | NarrowedExperts,
        shared: HiddenToHidden | None,
        gate: Linear | None,
    ) -> None:
        super().__init__(router, experts)
        self.shared = shared
        self.shared_router = gate

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        batch, seq, width = x.shape
        rows = view(x, -1, width)
        beside = None if self.shared is None else self.shared(rows)
        _, weights, chosen = self.router(rows)
        out = self.experts(rows, chosen, weights)
        if beside is not None:
            beside = self._through_gate(rows, beside)
            out = add(out, beside)
        return reshape(out, batch, seq, width)

    def _through_gate(self, x: Tensor, beside: Tensor) -> Tensor:
        """Return what the shared MLP made of tokens, times its gate, if it has one."""
        if self.shared_router is None:
            return beside
        return mul(of_output("sigmoid", self.shared_router(x)), beside)


class SharedLast(SharedMixtureOfExperts):
    """DeepSeek's: the shared MLP, which has no gate as published, comes after the experts."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        batch, seq, width = x.shape
        _, weights, chosen = self.router(x)
        rows = view(x, -1, width)
        out = view(self.experts(rows, chosen, weights), batch, seq, width)
        if self.shared is None:
            return out
        beside = self._through_gate(x, self.shared(x))
        return add(out, beside)


class MLPBesideExperts(HiddenToHidden):
    """Gemma 4's: an MLP and experts, each with a norm of its outcome, which are added.

    Args:
        mlp: the MLP.
        mlp_norm: of its outcome.
        experts: the router and its experts.
        norm: of what goes into the experts.
        experts_norm: of their outcome.

    """

    def __init__(
        self,
        mlp: HiddenToHidden,
        mlp_norm: HiddenToHidden,
        experts: HiddenToHidden,
        norm: HiddenToHidden,
        experts_norm: HiddenToHidden,
    ) -> None:
        self.mlp = mlp
        self.mlp_norm = mlp_norm
        self.norm = norm
        self.experts = experts
        self.experts_norm = experts_norm

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Apply the MLP to ``x`` (batch, tokens, width), experts to ``residual`` or else ``x``."""
        beside = self.mlp_norm(self.mlp(x))
        chosen = self.experts(self.norm(x if residual is None else residual))
        return add(beside, self.experts_norm(chosen))


class NormedExperts(HiddenToHidden):
    """A.X-K1's: a norm of what experts return."""

    def __init__(self, experts: HiddenToHidden, norm: HiddenToHidden) -> None:
        self.experts = experts
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """Apply to (batch, tokens, width)."""
        return self.norm(self.experts(x))
