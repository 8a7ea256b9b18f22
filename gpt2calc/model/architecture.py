"""Which classes of parts a family is built of, beside what its config says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from gpt2calc.model.attention import Attention, Scores
from gpt2calc.model.blocks import Block, NeoXBlock, ParallelBlock
from gpt2calc.model.decoder import Decoder
from gpt2calc.model.experts import SharedMixtureOfExperts
from gpt2calc.model.linear import Conv1D, Embedding, Linear
from gpt2calc.model.norms import LayerNorm, Norm, NormPerHead, ParameterFreeNorm, RMSNorm
from gpt2calc.model.projections import (
    JointProjection,
    NormedAfterTransposing,
    NormedPerHead,
    NormedWhole,
    SeparateProjection,
)
from gpt2calc.model.rotary import Rotary, WholeRotary
from gpt2calc.model.routers import Router

NormPlace = Literal["before", "shared", "after", "both"]
NORMED: dict[str, type[SeparateProjection]] = {
    "head": NormedPerHead,
    "heads": NormedAfterTransposing,
    "width": NormedWhole,
}
"""Where norms of queries and keys stand, by what they are of."""


ALL_DROPOUT = frozenset({"embedding_dropout", "softmax", "attention_dropout", "mlp_dropout"})
"""GPT-2's: of embeddings, of probabilities, and of what attention and MLP add to the stream."""
BLOCK_DROPOUT = ALL_DROPOUT - {"embedding_dropout"}
"""Dropout inside blocks alone: none of embeddings."""


@dataclass(frozen=True)
class Architecture:
    """The classes of one family's parts; the defaults are Llama's.

    Where a config has what the family's own models have not, the part of another family stands in:
    the count is the same, the forward pass is one that such a model could have.
    """

    decoder: type[Decoder] = Decoder
    embedding: type[Embedding] = Embedding
    linear: type[Linear] | type[Conv1D] = Linear
    layer_norm: type[Norm] = LayerNorm
    rms_norm: type[Norm] = RMSNorm
    parameter_free_norm: type[ParameterFreeNorm] = ParameterFreeNorm
    norm_per_head: type[Norm] = NormPerHead
    """Of queries and keys, where each head has a scale of its own."""
    blocks: Mapping[NormPlace, type[Block]] = field(default_factory=dict)
    norms_after_attention: bool = False
    """Whether norms of layers with attention come after it and the MLP, those of others before."""
    parallel_block: type[Block] = NeoXBlock
    """With norms before attention and MLP, which are added at once."""
    attention: type[Attention] = Attention
    mlp_drops_outcome: bool = True
    """Whether an MLP's outcome is dropped out by itself, and not by the block."""
    separate: type[SeparateProjection] = SeparateProjection
    separate_with_norms: Mapping[str, type[SeparateProjection]] = field(
        default_factory=lambda: NORMED
    )
    """Projections of queries and keys that are normed, by the config's ``qk_norm``."""
    joint: type[JointProjection] = JointProjection
    value_norm: type[ParameterFreeNorm] | None = None
    """Of the values, which has no scale."""
    scores: type[Scores] = Scores
    rotary: type[Rotary] = WholeRotary
    rotary_part: Fraction = Fraction(1)
    """How much of a head is rotated, where a config does not say it."""
    tables: Literal["halves", "interleaved", "float32", "gptj", "codegen"] = "halves"
    activation: str = "silu"
    has_sdpa: bool = True
    """Whether its class runs attention in one kernel."""
    memory_is_proven: bool = True
    """Whether a run allocates what the class does byte by byte, as tests prove; else activations
    are those of the same operations, and may be let go of a little earlier or later."""
    runs_all_experts: bool = False
    """Whether the class multiplies a token by all experts, where servers take those chosen."""
    residual_is_scaled: bool = False
    router: type[Router] = Router
    choice_bias_is_row: bool = True
    """Whether the bias of the experts' choice is a matrix of one row, and not a vector."""
    experts: type[SharedMixtureOfExperts] = SharedMixtureOfExperts
    stacks_experts: bool = False
    """Whether the matrices of all experts are one matrix, and their gate is one by itself."""
    experts_outputs_first: bool = True
    """Whether the matrices of experts are stored outputs first."""
    rebinds_expert_input: bool = True
    router_normalizes: bool = True
    router_casts_back: bool = False
    dropout: frozenset[str] = frozenset({"softmax"})
    """The roles of the dropouts that the family's classes have."""
    style: Literal["standard", "bloom", "mpt", "falcon"] = "standard"
    """Whether blocks are put together in a way that no other family shares."""
    groups_qkv: bool = False
    """Whether queries stand in groups with their key and value, in Falcon's new decoder."""

    def block(self, place: NormPlace, *, is_parallel: bool = False) -> type[Block]:
        """Return the class of a block whose norms stand in a place."""
        if is_parallel and place == "before":
            return self.parallel_block
        usual = ParallelBlock if place == "shared" else Block
        return self.blocks.get(place, usual)


LLAMA = Architecture()
