"""The layers of a model: which parts a block has, and their sizes."""

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.bloom_mpt import BloomAttention, MPTAttention
from gpt2calc.model.attention.scores import Attended
from gpt2calc.model.blocks.altup import AltUp, Gemma3nBlock, Laurel
from gpt2calc.model.blocks.blocks import BlockPart, MixerBlock, MLPBlock
from gpt2calc.model.blocks.bloom_mpt import MPTMLP, BloomBlock, BloomMLP, MPTBlock
from gpt2calc.model.blocks.per_layer import BlockWithEmbedding, GatedPerLayerEmbedding
from gpt2calc.model.builders.attention import AttentionBuilder
from gpt2calc.model.builders.mixer import MixerBuilder
from gpt2calc.model.builders.mlp import MLPBuilder
from gpt2calc.model.builders.norm import norm
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.kinds import LayerKind
from gpt2calc.model.linear import Linear
from gpt2calc.model.mixers.mixers import SideBySide
from gpt2calc.model.mlps.experts import Implementation
from gpt2calc.model.part import HiddenToHidden, Leaf, Part, varied
from gpt2calc.tape.tensor import Tensor


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
        self.family = family
        self.architecture = architecture = family.architecture
        self.activation = "gelu" if fuses_gelu else architecture.activation
        self.d = config.n_embd
        self.attention = AttentionBuilder(config)
        self.mlps = MLPBuilder(config, self.activation, experts_implementation)

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
        return self._block(self.mlps.build(kind), kind)

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
            self.mlps.build(kind),
            norm1=self.norm("attention_norm"),
            norm2=self.norm("mlp_norm"),
            post_norm1=self.norm("attention_post_norm"),
            post_norm2=self.norm("mlp_post_norm"),
            altup=altup,
            laurel=laurel,
            embedding=self._own_embedding(),
        )

    def _block_of_one_part(self, kind: LayerKind) -> BlockPart | None:
        """Return a block of an MLP alone, or of what mixes tokens alone; None for one of both."""
        if kind.mixer == "none":
            return MLPBlock(self.norm("mlp_norm"), self.mlps.build(kind))
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

    def _block(self, mlp: HiddenToHidden, layer: LayerKind) -> BlockPart:
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
            BloomMLP(*self.mlps.up_and_down(), self.activation),
            norm1=self.norm("attention_norm"),
            norm2=self.norm("mlp_norm"),
        )

    def _mpt_block(self) -> BlockPart:
        return MPTBlock(
            MPTAttention(self.attention.qkv(), self.attention.out(), self.attention.heads),
            MPTMLP(*self.mlps.up_and_down(), self.activation),
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

    def norm(self, role: str) -> Leaf:
        """Return a norm over the model's whole width."""
        return norm(self.config, role)
