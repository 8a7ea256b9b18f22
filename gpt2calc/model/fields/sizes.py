"""Sizes of a model: its depth, widths, heads and vocabulary."""

from typing import Annotated

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.families.family import Family
from gpt2calc.model.families.table import family_called
from gpt2calc.model.fields.declared import Declared
from gpt2calc.model.fields.known import Known, Size
from gpt2calc.model.names import Names
from gpt2calc.tape.numeric import exact_quotient

HEAD_WIDTH = 64
"""Width of one attention head in every GPT-2 (Radford et al. 2019): ``n_head = n_embd / 64``."""


class SizeFields(Declared):
    """Sizes that every model has, and those of embeddings beside the usual one."""

    family: Annotated[
        str, Known("{}", "transformers' model_type: the defaults, and the names of tensors.")
    ] = "gpt2"
    n_layer: Annotated[
        Size, Known("{} layers", "Transformer blocks, one above the other.", letter="L", place=3)
    ] = 12
    n_embd: Annotated[
        Size, Known("width {}", "Width of the model: features of one token.", letter="d", place=6)
    ] = 768
    n_head: Annotated[
        Size | None,
        Known(
            "{} heads",
            "Attention heads of a block. Must divide n_embd, unless head_dim is given. Changes a "
            "count only beside head_dim, n_kv_head or qk_norm. If left out: n_embd / 64.",
            letter="h",
            place=7,
            rule="heads",
            follows=("n_embd", "head_dim"),
            always_said=True,
            example=12,
        ),
    ] = None
    n_kv_head: Annotated[
        Size | None,
        Known(
            "{} KV heads",
            "Heads of keys and values (GQA): n_head / n_kv_head query heads share one. Must divide "
            "n_head. If left out: n_head.",
            letter="g",
            place=8,
            rule="heads",
            follows=("n_head", "n_embd"),
            echoes=True,
            example=4,
        ),
    ] = None
    head_dim: Annotated[
        Size | None,
        Known(
            "heads of width {}",
            "Width of a head. If left out: n_embd / n_head.",
            letter="w",
            place=9,
            rule="head_width",
            follows=("n_embd", "n_head"),
            echoes=True,
            example=128,
        ),
    ] = None
    vocab: Annotated[
        Size, Known("vocabulary {}", "Tokens in the vocabulary.", letter="V", place=1)
    ] = 50257
    n_ctx: Annotated[
        Size,
        Known(
            "context {}",
            "Longest context, in tokens; a table of positions ends there.",
            letter="T",
            place=2,
        ),
    ] = 1024
    token_width: Annotated[
        Size | None,
        Known(
            "embeddings of width {}",
            "Width of the token embedding and of the head, where two projections lie between them "
            "and the model. If left out: n_embd.",
            letter="e",
            place=25,
            example=512,
        ),
    ] = None
    per_layer_dim: Annotated[
        Size | None,
        Known(
            "per-layer embeddings of width {}",
            "Width of the per-layer embeddings (PLE): each layer has a narrow embedding of each "
            "token. If left out: none.",
            letter="p",
            place=30,
            example=256,
        ),
    ] = None
    per_layer_vocab: Annotated[
        Size | None,
        Known(
            "per-layer embeddings of {} tokens",
            "Tokens that have per-layer embeddings. If left out: vocab, where there are some.",
            letter="P",
            place=31,
            rule="per_layer_rows",
            follows=("vocab", "per_layer_dim"),
            echoes=True,
            example=262144,
        ),
    ] = None
    altup_inputs: Annotated[
        Size | None,
        Known(
            "{} residual streams",
            "Residual streams of AltUp (alternating updates): a block works on the first and "
            "corrects the others. If left out: one stream, without AltUp.",
            letter="a",
            place=32,
            example=4,
        ),
    ] = None
    laurel_rank: Annotated[
        Size | None,
        Known(
            "a residual of rank {} beside attention",
            "Rank of LAuReL, a learned residual beside attention. If left out: none.",
            letter="l",
            place=33,
            example=64,
        ),
    ] = None

    @property
    def of_family(self) -> Family:
        """The family, with the names of its tensors."""
        return family_called(self.family)

    @property
    def architecture(self) -> Architecture:
        """The classes that the family's parts are of."""
        return self.of_family.architecture

    @property
    def family_words(self) -> str:
        """What people call the family."""
        return self.of_family.words

    @property
    def names(self) -> Names:
        """The names of the family's tensors."""
        return self.of_family.names

    @property
    def heads(self) -> int | None:
        """Attention heads of a layer; None where GPT-2's rule gives no whole number of them."""
        return self._usual_heads if self.n_head is None else self.n_head

    @property
    def _usual_heads(self) -> int | None:
        """Heads of the usual width; None for a number that is no multiple of it."""
        width = self.n_embd
        each = HEAD_WIDTH if self.head_dim is None else self.head_dim
        if isinstance(width, int) and isinstance(each, int) and width % each:
            return None
        return exact_quotient(width, each)

    @property
    def per_layer_rows(self) -> int | None:
        """Tokens that have per-layer embeddings: all; None where there are none."""
        if self.per_layer_dim is None:
            return None
        return self.vocab if self.per_layer_vocab is None else self.per_layer_vocab
