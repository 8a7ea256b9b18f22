"""A whole decoder: what comes before the blocks, the loop over them, and the head.

Source: transformers, ``models/*/modeling_*.py``, ``*Model.forward`` and ``*ForCausalLM.forward``.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, TypeAlias

from gpt2calc.model.attention.attention import LayerContext
from gpt2calc.model.attention.cache import Cache
from gpt2calc.model.attention.masks import Implementation, MaskRequest, causal_mask, position_ids
from gpt2calc.model.attention.rotary import Rotation
from gpt2calc.model.blocks.blocks import BlockPart
from gpt2calc.model.decoders.embeddings import Embeddings, Head
from gpt2calc.model.linear import Embedding
from gpt2calc.model.part import HiddenToHidden, Part
from gpt2calc.tape.elementwise import of_output, scale
from gpt2calc.tape.recorder import module
from gpt2calc.tape.reductions import cross_entropy
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import narrow, select


class Execution(NamedTuple):
    """How a decoder is run."""

    implementation: Implementation = "eager"
    checkpoints_blocks: bool = False
    last_logits: bool = False
    """Whether the head scores the last token of a sequence alone."""


class Outputs(NamedTuple):
    """What a forward pass returns: it lives as long as the caller holds it."""

    logits: Tensor
    loss: Tensor | None
    cache: Cache | None


Masks: TypeAlias = dict[int | None, Tensor | None]
"""A mask for each window that layers have; that of None is of layers that see all tokens."""
Kind: TypeAlias = tuple[int | None, bool]
"""What layers with the same rotary table have in common: window, and ``BlockPart.is_full``."""
Rotations: TypeAlias = dict[Kind, Rotation]
"""A table for each kind of layers; none where positions are not rotary."""


class Preamble(NamedTuple):
    """What precedes the blocks, held by the loop over them."""

    x: Tensor
    masks: Masks
    rotations: Rotations
    alibi: Tensor | None
    position_ids: Tensor | None
    held: tuple[Tensor, ...]
    """What else the forward pass names, and so keeps alive."""


class Decoder:
    """Llama's: embeddings, rotary positions, a mask, the blocks, a norm, the head.

    Args:
        embeddings: of tokens and positions.
        blocks: in order.
        tables: of rotary positions, or None.
        final_norm: after the last block.
        head: the output head.

    """

    positions: ClassVar[frozenset[str]] = frozenset({"rotary", "alibi", "none"})
    """The kinds of positions that it is written for."""
    looks_for_packing = True
    """Whether positions are looked through for several sequences in a row, without a cache."""
    always_makes_mask = False
    """Whether a mask is made even where SDPA could do without."""
    always_makes_full_mask = False
    """Whether the mask of layers without a window is made even where there are none."""
    always_makes_window_mask = False
    """Whether the mask of layers with a window is made even where there are none."""
    prepares_cache_first = False
    """Whether the cache is prepared before tokens are embedded."""
    rebinds_embedded = False
    """Whether what was embedded is let go of after its dropout."""
    has_cache = True
    has_checkpointing = True
    caches_windows = True
    """Whether windowed layers cache no more than their window."""
    holds_probabilities = False
    """Whether the loop over the blocks holds a block's probabilities into the next one."""
    logits_are_scaled = False
    logits_are_capped = False
    window: int | None = None
    """The window of the layers that have one."""
    full_tables: Part[[Tensor], Rotation] | None = None
    """The tables of layers without a window, where their heads have another width."""

    def __init__(
        self,
        embeddings: Embeddings,
        blocks: Sequence[BlockPart],
        tables: Part[[Tensor], Rotation] | None,
        final_norm: HiddenToHidden,
        head: Head,
    ) -> None:
        self.embeddings = embeddings
        self.blocks = blocks
        self.tables = tables
        self.final_norm = final_norm
        self.head = head

    def __call__(
        self,
        execution: Execution,
        ids: Tensor,
        cache: Cache | None = None,
        labels: Tensor | None = None,
    ) -> Outputs:
        """Run a forward pass over the ids (batch, tokens)."""
        hidden = self.body(execution, ids, cache)
        x = hidden
        if execution.last_logits:
            x = narrow(x, 1, 1)
        logits = self.head(x)
        if self.logits_are_scaled:
            logits = scale(logits)
        if self.logits_are_capped:
            with module("head"):
                logits = scale(logits)
                logits = of_output("tanh", logits)
                logits = scale(logits)
        loss = None
        if labels is not None:
            with module("loss"):
                loss = cross_entropy(logits, labels)
        return Outputs(logits, loss, cache)

    def body(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Tensor:
        """Run all but the head, and return hidden states (batch, tokens, width)."""
        x, masks, rotations, bias, positions, _held = self.preamble(execution, ids, cache)
        of_layers = self.embeddings.per_layer
        per_layer = None if of_layers is None else of_layers(ids, x)
        x = x if self.embeddings.streams is None else self.embeddings.streams(x)
        shared: dict[object, tuple[Tensor, Tensor]] = {}
        for layer, block in enumerate(self.blocks):
            context = LayerContext(
                implementation=execution.implementation,
                mask=masks.get(block.window),
                rotation=rotations.get((block.window, block.is_full)),
                alibi=bias,
                position_ids=positions,
                cache=cache,
                layer=layer,
                shared=shared,
                per_layer=None if per_layer is None else select(per_layer, 2),
            )
            checkpoints = execution.checkpoints_blocks
            if self.holds_probabilities:
                outputs = block.run(x, context, checkpoints=checkpoints)
                x = outputs[0]
            else:
                x = block.run(x, context, checkpoints=checkpoints)[0]
        x = self.final_norm(x)
        return self.ending(x)

    def ending(self, x: Tensor) -> Tensor:
        """Return the hidden states as the model's forward pass does after the final norm."""
        return x

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed the tokens, and make what the blocks share."""
        if self.prepares_cache_first:
            self.prepare(cache)
        embedded = self.embeddings(ids)
        self.prepare(cache)
        positions = position_ids(ids.shape[1])
        masks = self.masks(execution, ids, cache)
        x = self.embeddings.dropout(embedded)
        if self.rebinds_embedded:
            embedded = x
        rotations = self.rotations(x)
        return Preamble(x, masks, rotations, None, positions, (embedded,))

    def embedded_after(self, ids: Tensor, cache: Cache | None) -> tuple[Tensor, int]:
        """Embed the tokens, prepare the cache, and return how many tokens it has seen."""
        embedded = self.embeddings(ids)
        self.prepare(cache)
        return embedded, 0 if cache is None else cache.length

    @property
    def windows(self) -> list[int | None]:
        """The window of each layer."""
        return [block.window for block in self.blocks]

    @property
    def cached_windows(self) -> dict[int, int | None]:
        """The window of each layer that caches keys and values, by the layer's number."""
        return {layer: each.window for layer, each in enumerate(self.blocks) if each.caches}

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of layers there are, each once."""
        return [*dict.fromkeys((block.window, block.is_full) for block in self.blocks)]

    def prepare(self, cache: Cache | None) -> None:
        """Make what a cache needs for windowed layers, before its first run."""
        if cache is not None and self.caches_windows:
            cache.prepare(self.cached_windows, self.embeddings.tokens.weight.dtype)

    def rotations(self, embedded: Tensor) -> Rotations:
        """Make the tables of rotary positions, which all blocks of the same sizes share."""
        if self.tables is None:
            return {}
        made = {False: self.tables(embedded)}
        if self.full_tables is not None:
            made[True] = self.full_tables(embedded)
        return {kind: made[kind[1] and True in made] for kind in self.kinds}

    def masks(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Masks:
        """Make a mask for each window that layers have; that of layers without one comes first."""
        windows = {window for window in self.windows if window is not None}
        if self.always_makes_window_mask and not windows:
            windows = {self.window or 0}
        is_full = self.always_makes_full_mask or None in self.windows
        made = (*((None,) if is_full else ()), *windows)
        return {window: self.mask(execution, ids, cache, window) for window in made}

    def mask(
        self, execution: Execution, ids: Tensor, cache: Cache | None, window: int | None = None
    ) -> Tensor | None:
        """Make the mask of the blocks with a window, or of those without."""
        batch, seq = ids.shape
        past = 0 if cache is None else cache.seen_by(window)
        return causal_mask(
            MaskRequest(
                implementation=execution.implementation,
                batch=batch,
                q_len=seq,
                kv_len=past + seq,
                dtype=self.embeddings.tokens.weight.dtype,
                has_cache=cache is not None,
                window=window,
                looks_for_packing=self.looks_for_packing,
                is_always_made=self.always_makes_mask,
            )
        )

    @property
    def position_table(self) -> Embedding:
        """The embedding of positions, of a decoder that has one."""
        assert self.embeddings.positions is not None
        return self.embeddings.positions
