"""Architectures: the classes that a family's parts are of, which its config does not say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from gpt2calc.model.attention.attention import Attention
from gpt2calc.model.attention.joint_projections import JointProjection
from gpt2calc.model.attention.projections import (
    NormedAfterTransposing,
    NormedPerHead,
    NormedWhole,
    SeparateProjection,
)
from gpt2calc.model.attention.rotary import Rotary, WholeRotary
from gpt2calc.model.attention.scores import Scores
from gpt2calc.model.blocks.blocks import Block
from gpt2calc.model.blocks.parallel import NeoXBlock, ParallelBlock
from gpt2calc.model.decoders.decoder import Decoder
from gpt2calc.model.linear import Conv1D, Embedding, Linear
from gpt2calc.model.mlps.mixtures import SharedMixtureOfExperts
from gpt2calc.model.mlps.routers import Router
from gpt2calc.model.norms import LayerNorm, Norm, NormPerHead, ParameterFreeNorm, RMSNorm

NormPlace = Literal["before", "shared", "after", "both"]
NORMED: dict[str, type[SeparateProjection]] = {
    "head": NormedPerHead,
    "heads": NormedAfterTransposing,
    "width": NormedWhole,
}
"""The projection by ``qk_norm``: it says where the norms of queries and keys stand."""
ALL_DROPOUT = frozenset({"embedding_dropout", "softmax", "attention_dropout", "mlp_dropout"})
"""GPT-2's dropouts: of embeddings, of probabilities, and of what attention and MLP return."""
BLOCK_DROPOUT = ALL_DROPOUT - {"embedding_dropout"}
"""Dropout inside blocks alone: none of embeddings."""


@dataclass(frozen=True)
class Architecture:
    """The classes of one family's parts; the defaults are Llama's.

    A config may combine options that the family's class in transformers lacks. Then another
    family's part is used: the parameter count is the same, and the forward pass is a plausible one.
    """

    decoder: type[Decoder] = Decoder
    embedding: type[Embedding] = Embedding
    linear: type[Linear] | type[Conv1D] = Linear
    layer_norm: type[Norm] = LayerNorm
    rms_norm: type[Norm] = RMSNorm
    parameter_free_norm: type[ParameterFreeNorm] = ParameterFreeNorm
    norm_per_head: type[Norm] = NormPerHead
    """The norm of queries and keys where each head has a scale of its own."""
    blocks: Mapping[NormPlace, type[Block]] = field(default_factory=dict, hash=False)
    """Block classes by the place of their norms, where they are not the usual ones. The hash leaves
    mappings out, since a dict has none."""
    norms_after_attention: bool = False
    """Whether norms of layers with attention come after it and the MLP, those of others before."""
    parallel_block: type[Block] = NeoXBlock
    """The block where attention and MLP, each with a norm before it, are added at once."""
    attention: type[Attention] = Attention
    mlp_drops_outcome: bool = True
    """Whether the MLP applies dropout to its output; else the block does."""
    separate: type[SeparateProjection] = SeparateProjection
    separate_with_norms: Mapping[str, type[SeparateProjection]] = field(
        default_factory=lambda: NORMED, hash=False
    )
    """Projections of queries and keys that are normed, by the config's ``qk_norm``."""
    joint: type[JointProjection] = JointProjection
    value_norm: type[ParameterFreeNorm] | None = None
    """The norm of values, which has no scale; None where values are not normed."""
    scores: type[Scores] = Scores
    rotary: type[Rotary] = WholeRotary
    rotary_part: Fraction = Fraction(1)
    """How much of a head is rotated, where a config does not say it."""
    tables: Literal["halves", "interleaved", "float32", "gptj", "codegen"] = "halves"
    """How tables of rotary positions are made: each angle twice, in halves or side by side, and in
    which dtype; GPT-J and CodeGen cut rows from a buffer."""
    bounded_positions: frozenset[str] = frozenset({"learned"})
    """The kinds of positions that the class looks up in a table of ``n_ctx`` rows, so that it runs
    no token beyond them."""
    activation: str = "silu"
    attends_in_chunks: bool = False
    """Whether a window is a chunk of the sequence, the same for all its tokens, and does not slide
    along (Llama 4)."""
    has_sdpa: bool = True
    """Whether the class supports ``attn_implementation="sdpa"``."""
    memory_is_proven: bool = True
    """Whether a run allocates what the class does byte by byte, as tests prove; else activations
    are those of the same operations, and may be let go of a little earlier or later."""
    runs_all_experts: bool = False
    """Whether the class multiplies a token by all experts, where servers take those chosen."""
    residual_is_scaled: bool = False
    """Whether what attention and MLP return is multiplied by a number (Granite)."""
    router: type[Router] = Router
    choice_bias_is_row: bool = True
    """Whether ``choice_bias`` is a matrix of one row, (1, experts), and not a vector."""
    experts: type[SharedMixtureOfExperts] = SharedMixtureOfExperts
    stacks_experts: bool = False
    """Whether experts are stacked in matrices (experts * rows, columns), their gate in its own."""
    experts_outputs_first: bool = True
    """Whether the matrices of experts are stored outputs first."""
    rebinds_expert_input: bool = False
    """Whether MoE code without a shared expert rebinds its input (``x = self.experts(x)``), so
    that the input is freed earlier."""
    router_normalizes: bool = True
    """Whether the probabilities of the experts chosen are divided by their sum."""
    router_casts_back: bool = False
    """Whether those probabilities are cast to the dtype of the router's logits."""
    dropout: frozenset[str] = frozenset({"softmax"})
    """The roles of the dropouts that the family's classes have."""
    style: Literal["standard", "bloom", "mpt", "falcon"] = "standard"
    """Selects attention and block classes that BLOOM, MPT or Falcon alone have; ``"standard"``
    for all others."""
    groups_qkv: bool = False
    """Whether QKV is stored in groups of queries with their key and value: Falcon's new decoder."""

    def block(self, place: NormPlace, *, is_parallel: bool = False) -> type[Block]:
        """Return the class of a block whose norms stand in a place."""
        if is_parallel and place == "before":
            return self.parallel_block
        usual = ParallelBlock if place == "shared" else Block
        return self.blocks.get(place, usual)


LLAMA = Architecture()
