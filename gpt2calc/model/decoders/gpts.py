"""Decoders with a preamble of their own: the GPTs, OPT, BLOOM, MPT, Falcon, XGLM, CTRL."""

from gpt2calc.model.attention import alibi
from gpt2calc.model.attention.cache import Cache
from gpt2calc.model.attention.masks import position_ids
from gpt2calc.model.decoders.decoder import Decoder, Execution, Masks, Preamble
from gpt2calc.tape.elementwise import add, add_scalar, cast, elementwise, to_copy
from gpt2calc.tape.tensor import Tensor, empty
from gpt2calc.tape.views import narrow, view


class GPT2Decoder(Decoder):
    """GPT-2's: positions are learned, and added to the embedding."""

    positions = frozenset({"learned"})

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed tokens and positions, and make the mask."""
        embedded = self.embeddings(ids)
        self.prepare(cache)
        positions = position_ids(ids.shape[1])
        placed = self.position_table(positions)
        x = add(embedded, placed)
        masks = self.masks(execution, ids, cache)
        x = self.embeddings.dropout(x)
        return Preamble(x, masks, {}, None, positions, (embedded, placed))

    def ending(self, x: Tensor) -> Tensor:
        """View the hidden states in their own shape, as the class does."""
        return view(x, *x.shape)


class BigCodeDecoder(GPT2Decoder):
    """GPT-BigCode's and GPT-Neo's: the mask comes before the embedding of positions."""

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed tokens and positions, and make the mask."""
        embedded = self.embeddings(ids)
        self.prepare(cache)
        positions = position_ids(ids.shape[1])
        masks = self.masks(execution, ids, cache)
        placed = self.position_table(positions)
        x = add(embedded, placed)
        x = self.embeddings.dropout(x)
        return Preamble(x, masks, {}, None, None, (embedded, positions, placed))


class GPTNeoDecoder(BigCodeDecoder):
    """GPT-Neo's: the loop holds the probabilities; windows are in buffers alone."""

    holds_probabilities = True
    caches_windows = False

    def masks(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Masks:
        """Make the one mask of all layers."""
        return dict.fromkeys(self.windows, self.mask(execution, ids, cache))


class GPTDecoder(GPT2Decoder):
    """The first GPT's: no mask is made; a zero is added for token types."""

    has_cache = False
    has_checkpointing = False

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed tokens and positions."""
        embedded = self.embeddings(ids)
        self.prepare(cache)
        placed = self.position_table(Tensor((1, ids.shape[1]), "int64"))
        x = add_scalar(add(embedded, placed))
        x = self.embeddings.dropout(x)
        return Preamble(x, {}, {}, None, None, (embedded, placed))


class OPTDecoder(Decoder):
    """OPT's: positions are counted from an attention mask of ones, and offset by two."""

    positions = frozenset({"learned"})
    looks_for_packing = False

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed tokens and positions, and make the mask."""
        batch, seq = ids.shape
        embedded = self.embeddings.tokens(ids)
        self.prepare(cache)
        past = 0 if cache is None else cache.length
        ones = empty("ones", (batch, past + seq), "float32")
        positions = empty("cumsum", (batch, past + seq), "float32")
        positions = self._as_integers(positions, ones)
        positions = narrow(positions, 1, seq)
        masks = self.masks(execution, ids, cache)
        placed = self._placed(positions)
        embedded = self.embeddings.projected(embedded)
        x = add(embedded, placed)
        return Preamble(x, masks, {}, None, positions, (embedded, placed, ones))

    def _as_integers(self, positions: Tensor, ones: Tensor) -> Tensor:
        return cast(add_scalar(elementwise("mul", positions, ones)), "int64")

    def _placed(self, positions: Tensor) -> Tensor:
        return self.position_table(elementwise("add", positions))


class BloomDecoder(Decoder):
    """BLOOM's: a norm after the embedding, ALiBi's bias for all blocks."""

    positions = frozenset({"alibi"})
    looks_for_packing = False
    holds_probabilities = True
    heads: int

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed the tokens, and make the bias and the mask."""
        batch, seq = ids.shape
        embedded, past = self.embedded_after(ids, cache)
        x = embedded if self.embeddings.norm is None else self.embeddings.norm(embedded)
        slopes = alibi.bloom_slopes(self.heads)
        dtype = self.embeddings.tokens.weight.dtype
        bias = alibi.bloom_alibi(slopes, batch, past + seq, dtype)
        masks = self.masks(execution, ids, cache)
        return Preamble(x, masks, {}, bias, None, (embedded, slopes))


class MPTDecoder(Decoder):
    """MPT's: ALiBi's bias for the whole context, a mask of bools."""

    positions = frozenset({"alibi"})
    looks_for_packing = False
    holds_probabilities = True
    heads: int
    n_ctx: int

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed the tokens, and make the bias and the mask."""
        embedded = self.embeddings(ids)
        self.prepare(cache)
        bias = alibi.mpt_alibi(self.heads, self.n_ctx)
        mask = self.mask(execution, ids, cache)
        mask = None if mask is None else to_copy(mask, "bool")
        return Preamble(embedded, {None: mask}, {}, bias, None, (embedded,))


class FalconDecoder(Decoder):
    """Falcon's: the mask is always made."""

    always_makes_mask = True
    holds_probabilities = True


class FalconAlibiDecoder(FalconDecoder):
    """Falcon's with ALiBi: the bias is part of the mask; rotary tables are made and not used."""

    heads: int

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed the tokens, and make the bias, the mask and the tables."""
        batch, seq = ids.shape
        embedded, past = self.embedded_after(ids, cache)
        ones = empty("ones", (batch, past + seq), "int64")
        dtype = self.embeddings.tokens.weight.dtype
        bias = alibi.falcon_alibi(self.heads, ones, dtype)
        positions = position_ids(seq)
        mask = self._biased(self.mask(execution, ids, cache), bias)
        rotations = self.rotations(embedded)
        return Preamble(embedded, {None: mask}, rotations, bias, positions, (embedded, ones))

    def _biased(self, mask: Tensor | None, bias: Tensor) -> Tensor | None:
        """Return the bias, with the dtype's least number where keys are masked.

        None in flash attention, whose kernel has both.
        """
        if mask is None:
            return None
        batch, _, q_len, kv_len = mask.shape
        if mask.dtype == "bool":
            mask = self._in_numbers(mask, bias.dtype)
        scaled = empty("div", (batch, self.heads, 1, kv_len), bias.dtype)
        hidden = empty("lt", (batch, 1, q_len, kv_len), "bool")
        return elementwise("masked_fill", scaled, hidden, dtype=bias.dtype)

    def _in_numbers(self, mask: Tensor, dtype: str) -> Tensor:
        zero, least = empty("full", (), dtype), empty("scalar_tensor", (), dtype)
        return elementwise("where", mask, zero, least, dtype=dtype)


class SinusoidalDecoder(Decoder):
    """XGLM's and CTRL's: rows of a table of sines, which has no parameters, are added."""

    positions = frozenset({"sinusoidal"})

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed the tokens, look up their positions, and make the mask."""
        embedded = self.embeddings(ids)
        self.prepare(cache)
        positions = position_ids(ids.shape[1])
        placed = empty("index_select", (1, ids.shape[1], embedded.shape[-1]), embedded.dtype)
        x = add(embedded, placed)
        masks = self.masks(execution, ids, cache)
        x = self.embeddings.dropout(x)
        return Preamble(x, masks, {}, None, positions, (embedded, placed))


class CTRLDecoder(SinusoidalDecoder):
    """CTRL's, whose class has no checkpointing."""

    has_checkpointing = False
