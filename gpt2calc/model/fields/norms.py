"""Norms: their kind, and where they stand."""

from typing import Annotated, Literal

from gpt2calc.model.fields.known import Known
from gpt2calc.model.fields.mlps import MLPFields


class NormFields(MLPFields):
    """The norms of a layer, of queries and keys, and of the whole model."""

    norm: Annotated[
        Literal["layer", "rms", "none"],
        Known(
            "{} norms",
            "Layer norms, RMS norms, which have no shift, or norms with no parameters.",
            said={"rms": "RMS", "none": "parameterless"},
        ),
    ] = "layer"
    norm_place: Annotated[
        Literal["before", "shared", "after", "both"],
        Known(
            "{}",
            "A block's norms: before attention and before the MLP, one that both share, after "
            "each, or before and after each.",
            said={
                "before": "norms before attention and MLP",
                "shared": "one norm for attention and MLP",
                "after": "norms after attention and MLP",
                "both": "norms before and after",
            },
        ),
    ] = "before"
    parallel_residual: Annotated[
        bool,
        Known(
            "no parallel residual",
            "With norms before attention and MLP: both read the block's input, and are added to "
            "it at once.",
        ),
    ] = False
    qk_norm: Annotated[
        Literal["none", "head", "heads", "width"],
        Known(
            "{}",
            "A norm of queries and of keys. head: one scale for all heads (Qwen3); heads: one for "
            "each (StableLM); width: over all heads together (OLMo 2).",
            said={
                "none": "no QK norm",
                "head": "QK norm",
                "heads": "a QK norm for each head",
                "width": "QK norm of the whole width",
            },
        ),
    ] = "none"
    sub_norms: Annotated[
        bool,
        Known(
            "no norms inside attention and MLP",
            "Norms of what goes into the output matrices of attention and of the MLP (BitNet).",
        ),
    ] = False
    embedding_norm: Annotated[
        bool, Known("no norm of embeddings", "A norm after the embedding.")
    ] = False
    final_norm: Annotated[bool, Known("no final norm", "A norm after the last block.")] = True

    @property
    def has_scaled_qk_norm(self) -> bool:
        """Whether queries and keys are normed, with a scale whose size is a head's or theirs."""
        return self.qk_norm != "none" and self.norm != "none"
