"""State spaces: Mamba, whose features have a state each, and Mamba 2, whose heads have one.

Shapes: B sequences of S tokens of width d; m features (Mamba), or heads y wide (Mamba 2); states z
high.

Source: Gu and Dao 2023, "Mamba"; Dao and Gu 2024, "Transformers are SSMs"; transformers,
``models/mamba``, ``models/jamba`` and ``models/mamba2``.
"""

from typing import NamedTuple

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.scores import Attended
from gpt2calc.model.linear import Linear
from gpt2calc.model.mixers.mixers import READ_AND_WRITTEN, CausalConv, MixerSizes, Rates, recurrence
from gpt2calc.model.norms import Norm
from gpt2calc.model.part import Part
from gpt2calc.tape.elementwise import mul, of_input
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import split


class NormsOfMamba(NamedTuple):
    """Jamba's norms: of what the step is made of, of what is written and of what is read."""

    step: Norm
    written: Norm
    read: Norm


class Mamba(Part[[Tensor, LayerContext], Attended]):
    """Mamba: a state of each feature decays by numbers that the token gives.

    Args:
        inner: makes the features and their gates.
        conv: of the features.
        rates: makes, of the features, what the steps are made of, what is written and read.
        step: makes a step for each feature.
        decay: a number for each number of a state.
        skip: a number for each feature.
        out: the output projection.
        sizes: of the states.
        norms: of what ``rates`` makes, or None.

    """

    role = "attention"

    def __init__(
        self,
        inner: Linear,
        *,
        conv: CausalConv,
        rates: Linear,
        step: Linear,
        decay: Rates,
        skip: Rates,
        out: Linear,
        sizes: MixerSizes,
        norms: NormsOfMamba | None,
    ) -> None:
        self.inner = inner
        self.conv = conv
        self.rates = rates
        self.step = step
        self.decay = decay
        self.skip = skip
        self.out = out
        self.sizes = sizes
        nothing: tuple[Norm | None, ...] = (None, None, None)
        self.step_norm, self.written_norm, self.read_norm = nothing if norms is None else norms

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Mix the tokens of (B, S, d)."""
        features, state = self.sizes.heads, self.sizes.state
        x, gate = split(self.inner(x), (features, features))
        x = of_input("silu", self.conv.after(x, context))
        rank = self.step.weight.shape[1]
        step, written, read = split(self.rates(x), (rank, state, state))
        step = step if self.step_norm is None else self.step_norm(step)
        written = written if self.written_norm is None else self.written_norm(written)
        read = read if self.read_norm is None else self.read_norm(read)
        inputs = (x, self.step(step), written, read)
        output = recurrence(inputs, self.sizes, READ_AND_WRITTEN, context)
        return self.out(mul(output, of_input("silu", gate))), None


class Mamba2(Part[[Tensor, LayerContext], Attended]):
    """Mamba 2: a state of each head decays by a number that the token gives.

    Args:
        inner: makes gates, values, what is written and read, and the steps.
        conv: of the values, and of what is written and read.
        step, decay, skip: a number for each head.
        norm: of the outcome, or None.
        out: the output projection.
        sizes: of the states.

    """

    role = "attention"

    def __init__(
        self,
        inner: Linear,
        *,
        conv: CausalConv,
        step: Rates,
        decay: Rates,
        skip: Rates,
        norm: Norm | None,
        out: Linear,
        sizes: MixerSizes,
    ) -> None:
        self.inner = inner
        self.conv = conv
        self.step = step
        self.decay = decay
        self.skip = skip
        self.norm = norm
        self.out = out
        self.sizes = sizes

    def forward(self, x: Tensor, context: LayerContext) -> Attended:
        """Mix the tokens of (B, S, d)."""
        sizes = self.sizes
        mixed_width = sizes.values + 2 * sizes.keys
        gate, mixed, rates = split(self.inner(x), (sizes.values, mixed_width, sizes.heads))
        mixed = of_input("silu", self.conv.after(mixed, context))
        values, b, c = split(mixed, (sizes.values, sizes.keys, sizes.keys))
        output = recurrence((values, b, c, rates), sizes, READ_AND_WRITTEN, context)
        output = mul(output, of_input("silu", gate))
        return self.out(output if self.norm is None else self.norm(output)), None
