"""Decoders that differ from Llama's in a switch: masks, the cache, the logits, rotary positions."""

from gpt2calc.model.attention.cache import Cache
from gpt2calc.model.decoders.decoder import Decoder, Execution, Preamble, Rotations
from gpt2calc.tape.tensor import Tensor


class ScaledLogitsDecoder(Decoder):
    """Cohere's and Granite's: the logits are scaled."""

    logits_are_scaled = True


class PhiDecoder(Decoder):
    """Phi's: the embeddings are let go of after their dropout."""

    rebinds_embedded = True


class MixtralDecoder(Decoder):
    """Mixtral's and Qwen3-MoE's: the cache is prepared first."""

    prepares_cache_first = True


class ScaledMixtralDecoder(MixtralDecoder):
    """Granite MoE's: the logits are scaled."""

    logits_are_scaled = True


class FullMaskDecoder(Decoder):
    """Qwen 2's, Qwen 3's and SmolLM 3's: the mask of layers without a window is always made."""

    always_makes_full_mask = True


class BothMasksDecoder(FullMaskDecoder):
    """Gemma's: the mask of layers with a window is always made, too."""

    always_makes_window_mask = True


class Cohere2Decoder(BothMasksDecoder):
    """Cohere 2's: the logits are scaled."""

    logits_are_scaled = True


class Gemma2Decoder(BothMasksDecoder):
    """Gemma 2's: the logits are capped by a tanh."""

    logits_are_capped = True


class Gemma3Decoder(BothMasksDecoder):
    """Gemma 3's: layers with a window have a table of rotary positions of their own."""

    def rotations(self, embedded: Tensor) -> Rotations:
        """Make a table for each kind of layers."""
        if self.tables is None:
            return {}
        full = self.full_tables or self.tables
        return {kind: (full if kind[1] else self.tables)(embedded) for kind in self.kinds}


class Gemma4Decoder(Gemma3Decoder):
    """Gemma 4's: the logits are capped, as in all published models."""

    logits_are_capped = True


class NanoChatDecoder(Gemma2Decoder):
    """nanochat's: the final norm is applied to the embeddings, too; the logits are capped."""

    always_makes_full_mask = False
    always_makes_window_mask = False

    def preamble(self, execution: Execution, ids: Tensor, cache: Cache | None) -> Preamble:
        """Embed the tokens, make what the blocks share, and normalize."""
        made = super().preamble(execution, ids, cache)
        norm = self.embeddings.norm or self.final_norm
        return made._replace(x=norm(made.x))
