"""Builder of a layer's attention from a config: its projections, its scores, its sizes."""

from gpt2calc.model.attention.attention import Additions, Attention, Lambdas, LayerContext
from gpt2calc.model.attention.falcon import FalconAlibiAttention, FalconAttention
from gpt2calc.model.attention.heads import Heads
from gpt2calc.model.attention.joint_projections import JointProjection, JointWithGate
from gpt2calc.model.attention.partial_rotary import PartialRotary
from gpt2calc.model.attention.projections import (
    NormedWithGate,
    Projection,
    SeparateProjection,
    WithOwnGate,
)
from gpt2calc.model.attention.rotary import Rotary
from gpt2calc.model.attention.scores import Attended, Scores, Sinks, SinkScores
from gpt2calc.model.attention.shared_keys import KeysAndValues, SharingAttention
from gpt2calc.model.builders.latent import latent_attention
from gpt2calc.model.builders.norm import norm_over, qk_norms
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.linear import Matrix
from gpt2calc.model.part import HiddenToHidden, Identity, Part
from gpt2calc.tape.tensor import Tensor


class AttentionBuilder:
    """Makes the attention of layers of one model.

    d is the width of the model, q that of the queries of all heads together, kv that of the keys,
    and of the values.
    """

    def __init__(self, config: ModelConfig) -> None:
        self.config = config
        self.family = config.of_family
        self.architecture = config.architecture
        self.linear = config.architecture.linear
        self.d = config.n_embd
        self.heads = heads_of(config)
        self.q, self.kv = self.heads.query_width, self.heads.kv_width

    def build(
        self,
        *,
        has_rope: bool,
        has_indexer: bool = False,
        is_full: bool = False,
        sharing: object = None,
        takes_keys: bool = False,
    ) -> Part[[Tensor, LayerContext], Attended]:
        """Return the attention of a layer.

        Args:
            has_rope: whether it has rotary positions.
            has_indexer: whether it has an indexer of its own.
            is_full: whether it is a layer without a window, where such layers have sizes of their
                own.
            sharing: a key, equal in layers that share keys and values; None where each layer has
                its own.
            takes_keys: whether keys and values are an earlier layer's.

        """
        architecture, config = self.architecture, self.config
        if config.is_latent:
            rotary = self._rotary_of_latents() if has_rope else None
            return latent_attention(config, self.heads, rotary, has_indexer=has_indexer)
        has_value = not (is_full and config.full_values_are_keys)
        has_sinks = config.attention_sinks and (config.full_sinks or not is_full)
        norms_values = architecture.value_norm is not None and not config.attention_gate
        if norms_values or config.v_head_dim is not None or sharing or not has_value:
            makes = None if takes_keys else self._keys_and_values(has_value=has_value)
            return self._sharing_attention(
                makes, has_rope=has_rope, has_sinks=has_sinks, sharing=sharing
            )
        if architecture.style == "falcon" and self._is_plain:
            return self._falcon_attention(has_rope=has_rope)
        return self._standard_attention(has_rope=has_rope, has_sinks=has_sinks)

    @property
    def _is_plain(self) -> bool:
        """Whether a config asks for nothing that Falcon's own attention cannot have."""
        config = self.config
        has_more = (
            config.attention_gate
            or config.attention_sinks
            or config.sub_norms
            or config.differential_attention
        )
        is_usual = config.norm_place in ("before", "shared") and config.qk_norm == "none"
        return is_usual and not has_more

    def _falcon_attention(self, *, has_rope: bool) -> FalconAttention:
        kind = self.architecture.rotary if self.config.rotary_dim is None else PartialRotary
        rotary = kind(self.heads) if has_rope else None
        is_alibi = self.config.positions == "alibi"
        falcon = FalconAlibiAttention if is_alibi else FalconAttention
        groups_qkv = self.architecture.groups_qkv
        return falcon(self.qkv(), self.out(), rotary, self.heads, groups_qkv=groups_qkv)

    def _sharing_attention(
        self, makes: KeysAndValues | None, *, has_rope: bool, has_sinks: bool, sharing: object
    ) -> SharingAttention:
        """Return attention whose keys and values need not be two matrices of its own."""
        heads, bias = self.heads, self.config.biased
        mixed = self.q if heads.value_dim is None else heads.query * heads.value_dim
        sinks = Sinks(heads.query) if has_sinks else None
        norms = qk_norms(self.config, self.heads)
        attention = SharingAttention(
            self.linear("query", self.d, self.q, bias("qkv_bias")),
            norms[0] if norms else None,
            makes,
            Scores(self.heads) if sinks is None else SinkScores(self.heads, sinks),
            self.linear("attention_out", mixed, self.d, bias("attn_proj_bias")),
            sinks,
            has_rope=has_rope,
            norms_whole=self.config.qk_norm == "width",
            has_halves=self.turns_as_its_family and self.architecture.rotary.transposes,
            kind=sharing,
        )
        attention.sub_norm = self._sub_norm(mixed)
        return attention

    def _keys_and_values(self, *, has_value: bool) -> KeysAndValues:
        """Return what makes keys and values."""
        heads = self.heads
        values = self.kv if heads.value_dim is None else heads.kv * heads.value_dim
        bias, norms = self.config.biased("qkv_bias"), qk_norms(self.config, self.heads)
        value_norm = self.architecture.value_norm
        return KeysAndValues(
            self.linear("key", self.d, self.kv, bias),
            self.linear("value", self.d, values, bias) if has_value else None,
            self.heads,
            norms[1] if norms else None,
            None if value_norm is None else value_norm("value_norm"),
            norms_whole=self.config.qk_norm == "width",
            has_halves=self.turns_as_its_family and self.architecture.rotary.transposes,
        )

    def _rotary_of_latents(self) -> Rotary:
        rotary = self.architecture.rotary if self.turns_as_its_family else PartialRotary
        return rotary(self.heads)

    def _standard_attention(self, *, has_rope: bool, has_sinks: bool) -> Attention:
        architecture = self.architecture
        rotary = None
        if has_rope:
            turned = architecture.rotary if self.turns_as_its_family else PartialRotary
            if self.config.rotary_dim is not None and not turned.rotates_part:
                turned = PartialRotary
            rotary = turned(self.heads)
        sinks = Sinks(self.heads.query) if has_sinks else None
        kind, scores = architecture.attention, architecture.scores(self.heads)
        if not kind.takes(self._additions):
            kind, scores = Attention, Scores(self.heads)
        if sinks is not None:
            scores = SinkScores(self.heads, sinks)
        attention = kind(self._projection(has_rope=has_rope), rotary, scores, self.out(), sinks)
        attention.is_gated = self.config.attention_gate
        if self.config.differential_attention:
            width = self.config.head_width
            assert width is not None
            attention.lambdas = Lambdas(width)
        attention.sub_norm = self._sub_norm(self.q)
        return attention

    def _sub_norm(self, width: int) -> HiddenToHidden:
        """Return a norm of what goes into the output projection, where there is one."""
        if not self.config.sub_norms:
            return Identity()
        return norm_over(self.config, "attention_sub_norm", (width,))

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
        """Whether the family's rotation fits the projection: GPT-J's exchanges heads and tokens."""
        if self.config.is_latent:
            return not self.architecture.rotary.transposes
        kind: type[Projection]
        kind = self._joint_kind(True) if self.family.joins_qkv else self._separate_kind(True)
        return self.architecture.rotary.transposes != kind.transposes

    def _projection(self, *, has_rope: bool) -> Projection:
        norms = qk_norms(self.config, self.heads)
        if self.family.joins_qkv:
            joint = self._joint_kind(has_rope)(self.qkv(), self.q, self.kv, self.heads, *norms)
            return self._with_gate(joint)
        bias, linear, d = self.config.biased("qkv_bias"), self.linear, self.d
        query, key = linear("query", d, self._queries, bias), linear("key", d, self.kv, bias)
        value = linear("value", d, self.kv, bias)
        projection = self._separate_kind(has_rope)(query, key, value, self.heads, *norms)
        return self._with_gate(projection)

    @property
    def _queries(self) -> int:
        """How wide queries are, with their gate where the same matrix makes both."""
        has_both = self.config.attention_gate and not self.config.separate_gate
        return 2 * self.q if has_both else self.q

    def _with_gate(self, projection: Projection) -> Projection:
        """Return a projection with a gate, where that has a matrix of its own."""
        if not (self.config.attention_gate and self.config.separate_gate):
            return projection
        width = self.heads.query if self.config.gate_per_head else self.q
        return WithOwnGate(projection, self.linear("attention_gate", self.d, width, False))

    def _joint_kind(self, has_rope: bool) -> type[JointProjection]:
        joint, shares_kv = self.architecture.joint, self.config.n_kv_head is not None
        if self.config.attention_gate and not self.config.separate_gate:
            return JointWithGate
        is_turned = joint.transposes or has_rope
        is_own = is_turned and (joint.can_share_kv or not shares_kv)
        return joint if is_own else JointProjection

    def _separate_kind(self, has_rope: bool) -> type[SeparateProjection]:
        config, separate = self.config, self.architecture.separate
        if config.attention_gate and not config.separate_gate:
            return NormedWithGate
        if config.qk_norm != "none":
            return self.architecture.separate_with_norms[config.qk_norm]
        is_turned = separate.transposes or has_rope
        return separate if is_turned else SeparateProjection

    def qkv(self) -> Matrix:
        """Return the one matrix of queries, keys and values."""
        bias = self.config.biased("qkv_bias")
        return self.linear("qkv", self.d, self._queries + 2 * self.kv, bias)

    def out(self) -> Matrix:
        """Return the output projection."""
        bias = self.config.biased("attn_proj_bias")
        return self.linear("attention_out", self.q, self.d, bias)


def heads_of(config: ModelConfig) -> Heads:
    """Return how attention is cut into heads; one head where nothing says how many there are."""
    known = config.heads
    heads = 1 if known is None else known
    shares = config.n_kv_head is not None
    return Heads(
        heads,
        config.n_kv_head if shares else heads,  # type: ignore[arg-type]
        config.query_width,
        config.kv_width if shares else config.query_width,
        config.qk_rope_head_dim if config.is_latent else config.rotary_dim,
        config.architecture.rotary_part,
        None if config.is_latent else config.v_head_dim,
    )
