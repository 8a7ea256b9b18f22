"""Routers: which experts a token goes through, and how much each of them counts.

Source: transformers, ``models/*/modeling_*.py``, the classes of the routers.
"""

from gpt2calc.model.linear import Linear, Scale
from gpt2calc.model.norms import L2Norm
from gpt2calc.model.part import Leaf, Part
from gpt2calc.tape.elementwise import cast, elementwise, mul, of_output, scale
from gpt2calc.tape.indexing import gather, index
from gpt2calc.tape.inplace import div_
from gpt2calc.tape.matmul import linear
from gpt2calc.tape.reductions import softmax, sum_last, topk
from gpt2calc.tape.tensor import Parameter, Tensor
from gpt2calc.tape.views import reshape

Routed = tuple[Tensor, Tensor, Tensor]
"""The scores of all experts (tokens, experts), then weights and indices of those chosen."""


class ChoiceBias(Leaf):
    """A number for each expert, which is added to its score where experts are chosen."""

    weight: Parameter

    def __init__(self, n_expert: int, *, is_row: bool = True) -> None:
        self.role = "choice_bias"
        self.weight = Parameter((1, n_expert) if is_row else (n_expert,), "float32")

    def forward(self, x: Tensor) -> Tensor:
        """Add to scores (tokens, experts)."""
        return elementwise("add", x, self.weight)


class Router(Part[[Tensor], Routed]):
    """Chooses ``experts_per_token`` experts for each token.

    Args:
        width: of a token.
        n_expert: experts to choose from.
        experts_per_token: how many are chosen.
        normalized: whether the chosen probabilities are divided by their sum.
        casts_back: whether they are cast to the dtype of the logits.
        bias: whether the scores have a bias.
        choice_bias: whether scores are shifted, by a parameter, where experts are chosen.
        choice_bias_is_row: whether that parameter is a matrix of one row.

    """

    role = "router"

    def __init__(
        self,
        width: int,
        n_expert: int,
        experts_per_token: int,
        *,
        normalized: bool = True,
        casts_back: bool = False,
        bias: bool = False,
        choice_bias: bool = False,
        choice_bias_is_row: bool = True,
    ) -> None:
        self.linear = Linear("router", width, n_expert, bias)
        self.choice_bias = None
        if choice_bias:
            self.choice_bias = ChoiceBias(n_expert, is_row=choice_bias_is_row)
        self.experts_per_token = experts_per_token
        self.normalized = normalized
        self.casts_back = casts_back

    def forward(self, x: Tensor) -> Routed:
        """Return the logits of all experts, and weights and numbers of those chosen."""
        x = reshape(x, -1, x.shape[-1])
        logits = self.logits(x)
        probabilities = softmax(logits, "float32")
        weights, chosen = topk(probabilities, self.experts_per_token)
        if self.normalized:
            weights = div_(weights, sum_last(weights))
        if self.casts_back:
            weights = cast(weights, logits.dtype)
        return logits, weights, chosen

    def logits(self, x: Tensor) -> Tensor:
        """Score all experts for each token."""
        return linear(x, self.linear.weight, self.linear.bias)


class ChosenFirst(Router):
    """gpt-oss's router: the softmax is of the scores of the chosen experts alone."""

    def forward(self, x: Tensor) -> Routed:
        """Return the logits of all experts, and weights and numbers of those chosen."""
        logits = self.logits(x)
        values, chosen = topk(logits, self.experts_per_token)
        return logits, softmax(values), chosen


class GraniteRouter(ChosenFirst):
    """Granite's router: as gpt-oss's, with scores that are cast to float32."""

    def forward(self, x: Tensor) -> Routed:
        """Return the logits of all experts, and weights and numbers of those chosen."""
        logits = cast(self.logits(x), "float32")
        values, chosen = topk(logits, self.experts_per_token)
        return logits, cast(softmax(values), x.dtype), chosen


class SigmoidRouter(Router):
    """MiniMax-M2's router: scores are sigmoids; a buffer shifts them where experts are chosen."""

    def forward(self, x: Tensor) -> Routed:
        """Return the logits of all experts, and weights and numbers of those chosen."""
        x = reshape(x, -1, x.shape[-1])
        logits = self.logits(x)
        scores = of_output("sigmoid", cast(logits, "float32"))
        shifted = elementwise("add", scores)
        _, chosen = topk(shifted, self.experts_per_token)
        weights = gather(scores, chosen)
        if self.normalized:
            weights = div_(weights, sum_last(weights))
        return logits, weights, chosen


class GroupedRouter(Router):
    """DeepSeek-V3's and GLM-4.5's router: sigmoids; the best experts of the best groups."""

    def forward(self, x: Tensor) -> Routed:
        """Return the logits of all experts, and weights and numbers of those chosen."""
        x = reshape(x, -1, x.shape[-1])
        logits = linear(cast(x, "float32"), cast(self.linear.weight, "float32"))
        scores = of_output("sigmoid", logits)
        shifted = elementwise("add", scores)
        _, chosen = topk(elementwise("masked_fill", shifted), self.experts_per_token)
        weights = gather(scores, chosen)
        if self.normalized:
            weights = div_(weights, elementwise("add", sum_last(weights)))
        weights = scale(weights)
        return logits, weights, chosen


class ErnieRouter(Router):
    """ERNIE 4.5's router: the softmax, shifted by a parameter where experts are chosen."""

    def forward(self, x: Tensor) -> Routed:
        """Return the logits of all experts, and weights and numbers of those chosen."""
        logits = linear(cast(x, "float32"), cast(self.linear.weight, "float32"))
        scores = softmax(logits, "float32")
        shifted = scores if self.choice_bias is None else self.choice_bias(scores)
        _, chosen = topk(shifted, self.experts_per_token)
        weights = gather(scores, chosen)
        weights = mul(weights, elementwise("reciprocal", sum_last(weights)))
        return logits, cast(weights, x.dtype), chosen


class ScaledRouter(Router):
    """Gemma 4's router: tokens are normed and scaled before it, weights of experts after it."""

    def __init__(
        self, width: int, n_expert: int, experts_per_token: int, *, bias: bool = False
    ) -> None:
        super().__init__(width, n_expert, experts_per_token, bias=bias)
        self.norm = L2Norm("router_norm")
        self.scale = Scale("router_scale", width)
        self.expert_scale = Scale("expert_scale", n_expert)

    def forward(self, x: Tensor) -> Routed:
        """Return the logits of all experts, and weights and numbers of those chosen."""
        logits = self.logits(scale(self.scale(self.norm(reshape(x, -1, x.shape[-1])))))
        weights, chosen = topk(softmax(logits, "float32"), self.experts_per_token)
        weights = div_(weights, sum_last(weights))
        return logits, mul(weights, index(self.expert_scale.weight, chosen, chosen.shape)), chosen
