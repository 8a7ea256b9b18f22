"""Builds, from a config, what mixes tokens in place of attention or beside it."""

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.scores import Attended
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.linear import Linear
from gpt2calc.model.mixers.linear_attention import Apart, GatedDelta, KimiDelta, Lightning, Narrowed
from gpt2calc.model.mixers.mixers import CausalConv, MixerSizes, Rates, ShortConv
from gpt2calc.model.mixers.state_spaces import Mamba, Mamba2, NormsOfMamba
from gpt2calc.model.norms import RMSNorm
from gpt2calc.model.part import Part
from gpt2calc.tape.tensor import Tensor


class MixerBuilder:
    """Makes the mixers of one model.

    d is the width of the model; m heads of values y wide, k heads of keys z wide, a convolution
    over u tokens, and a step of rank t.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self.d = config.n_embd
        self.bias = config.mixer_bias
        sizes = (
            config.mixer_heads,
            config.mixer_key_heads,
            config.mixer_head_dim,
            config.mixer_state_dim,
        )
        self.sizes = MixerSizes(*(1 if size is None else size for size in sizes))

    def build(self, kind: str) -> Part[[Tensor, LayerContext], Attended]:
        """Return a mixer of a kind, as ``mixer`` of a config calls it."""
        makes = {
            "gated_delta": self._gated_delta,
            "kda": self._kimi_delta,
            "lightning": self._lightning,
            "mamba": self._mamba,
            "mamba2": self._mamba2,
            "short_conv": self._short_conv,
        }
        return makes[kind]()

    def _conv(self, features: int) -> CausalConv:
        u = self.config.mixer_kernel
        assert u is not None
        return CausalConv(features, u, bias=self.config.mixer_conv_bias)

    def _inner(self, width: int) -> Linear:
        return Linear("mixer_in", self.d, width, self.bias)

    def _out(self, width: int) -> Linear:
        return Linear("mixer_out", width, self.d, self.bias)

    def _short_conv(self) -> ShortConv:
        d = self.d
        return ShortConv(self._inner(3 * d), self._conv(d), self._out(d))

    def _mamba(self) -> Mamba:
        m, z, t = self.sizes.heads, self.sizes.state, self.config.mixer_rank
        assert t is not None
        norms = None
        if self.config.mixer_norm:
            norms = NormsOfMamba(
                RMSNorm("mixer_step_norm", (t,)),
                RMSNorm("mixer_write_norm", (z,)),
                RMSNorm("mixer_read_norm", (z,)),
            )
        return Mamba(
            self._inner(2 * m),
            conv=self._conv(m),
            rates=Linear("mixer_selection", m, t + 2 * z),
            step=Linear("mixer_step_up", t, m, True),
            decay=Rates("mixer_log_decay", m, z),
            skip=Rates("mixer_skip", m),
            out=self._out(m),
            sizes=self.sizes,
            norms=norms,
        )

    def _mamba2(self) -> Mamba2:
        sizes, m = self.sizes, self.sizes.heads
        is_normed = self.config.mixer_norm
        return Mamba2(
            self._inner(2 * sizes.values + 2 * sizes.keys + m),
            conv=self._conv(sizes.values + 2 * sizes.keys),
            step=Rates("mixer_step", m),
            decay=Rates("mixer_log_decay", m),
            skip=Rates("mixer_skip", m),
            norm=RMSNorm("mixer_norm", (sizes.values,)) if is_normed else None,
            out=self._out(sizes.values),
            sizes=sizes,
        )

    def _gated_delta(self) -> GatedDelta:
        d, sizes, m = self.d, self.sizes, self.sizes.heads
        width = 2 * sizes.keys + sizes.values
        is_joint = "mixer_rates" in self.config.names.modules
        inner: Linear | Apart = Linear("mixer_in", d, width + sizes.values if is_joint else width)
        if "mixer_query" in self.config.names.modules and not is_joint:
            inner = Apart(
                Linear("mixer_query", d, sizes.keys),
                Linear("mixer_key", d, sizes.keys),
                Linear("mixer_value", d, sizes.values),
            )
        gate = None if is_joint else Linear("mixer_gate_in", d, sizes.values)
        rates = (
            (Linear("mixer_rates", d, 2 * m),)
            if is_joint
            else (Linear("mixer_beta", d, m), Linear("mixer_decay", d, m))
        )
        return GatedDelta(
            inner,
            gate,
            rates,
            conv=self._conv(width),
            step=Rates("mixer_step", m),
            decay=Rates("mixer_log_decay", m),
            norm=RMSNorm("mixer_norm", (sizes.width,)),
            out=self._out(sizes.values),
            sizes=sizes,
        )

    def _kimi_delta(self) -> KimiDelta:
        d, sizes, y = self.d, self.sizes, self.sizes.width
        return KimiDelta(
            Linear("mixer_query", d, sizes.keys),
            Linear("mixer_key", d, sizes.keys),
            Linear("mixer_value", d, sizes.values),
            conv=self._conv(2 * sizes.keys + sizes.values),
            decay=Narrowed(
                Linear("mixer_decay_down", d, y), Linear("mixer_decay_up", y, sizes.keys)
            ),
            beta=Linear("mixer_beta", d, sizes.heads),
            gate=Narrowed(
                Linear("mixer_gate_down", d, y), Linear("mixer_gate_up", y, sizes.values)
            ),
            step=Rates("mixer_step", sizes.keys),
            log_decay=Rates("mixer_log_decay", 1, 1, sizes.heads, 1),
            norm=RMSNorm("mixer_norm", (y,)),
            out=self._out(sizes.values),
            sizes=sizes,
        )

    def _lightning(self) -> Lightning:
        d, sizes = self.d, self.sizes
        return Lightning(
            self._inner(2 * sizes.keys + sizes.values),
            Linear("mixer_gate_in", d, sizes.values),
            norm=RMSNorm("mixer_norm", (sizes.values,)),
            out=self._out(sizes.values),
            sizes=sizes,
        )
